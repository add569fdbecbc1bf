import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { QUINN_SHA256 } from './quinn-hash.js';
import { type WasmModule, webAssembly } from './webassembly.js';

/** Of the file, as seen from the built package, from its sources, and from its modules for bundlers. */
const PLACES = ['../wasm/quinn.wasm', '../../wasm/quinn.wasm', '../../../wasm/quinn.wasm'];

let compiled: Promise<WasmModule> | undefined;

/** Compiles the module, once in a process and not before it is needed. @throws TransportError in a process without WebAssembly */
export function loadModule(): Promise<WasmModule> {
  compiled ??= compile();
  return compiled;
}

/** The module's bytes as they were built, which come along in the code wherever it is. */
export async function moduleBytes(): Promise<Uint8Array> {
  const { QUINN_WASM } = await import('./quinn-wasm.js');
  return gunzipSync(Buffer.from(QUINN_WASM, 'base64'));
}

/**
 * The same bytes from the file of this package, which takes a fraction of the time. Undefined where there is no such file, as
 * beside a bundle, where it may not be read, and when it is another one.
 *
 * @param here - the URL of a file in this package; undefined in bundles of CommonJS
 */
export function bytesOfFile(here: string | undefined = import.meta.url): Uint8Array | undefined {
  if (here === undefined) return undefined;
  for (const place of PLACES) {
    try {
      const bytes = readFileSync(new URL(place, here));
      if (createHash('sha256').update(bytes).digest('hex') === QUINN_SHA256) return bytes;
    } catch {
      // It may be in the next place.
    }
  }
  return undefined;
}

async function compile(): Promise<WasmModule> {
  const { compile: toCode } = webAssembly();
  return toCode(bytesOfFile() ?? (await moduleBytes()));
}
