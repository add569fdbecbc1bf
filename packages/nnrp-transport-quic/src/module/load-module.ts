import { gunzipSync } from 'node:zlib';
import { type WasmModule, webAssembly } from './webassembly.js';

let compiled: Promise<WasmModule> | undefined;

/** Compiles the module, once in a process and not before it is needed. @throws TransportError in a process without WebAssembly */
export function loadModule(): Promise<WasmModule> {
  compiled ??= compile();
  return compiled;
}

/** The module's bytes as they were built. */
export async function moduleBytes(): Promise<Uint8Array> {
  const { QUINN_WASM } = await import('./quinn-wasm.js');
  return gunzipSync(Buffer.from(QUINN_WASM, 'base64'));
}

async function compile(): Promise<WasmModule> {
  const { compile: toCode } = webAssembly();
  return toCode(await moduleBytes());
}
