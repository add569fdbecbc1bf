import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { QUINN_SHA256 } from './quinn-hash.js';
import { type WasmModule, webAssembly } from './webassembly.js';

/** Of the file, as seen from the built package, from its sources, and from its modules for bundlers. */
const PLACES = ['../wasm/quinn.wasm', '../../wasm/quinn.wasm', '../../../wasm/quinn.wasm'];

let compiled: Promise<WasmModule> | undefined;

/**
 * Compiles the module, once in a process and not before it is needed. A caller that needs other things as well begins with this: it
 * goes on in other threads, and a rejection that is never looked at does no harm.
 *
 * @throws TransportError in a process without WebAssembly
 */
export function loadModule(): Promise<WasmModule> {
  if (compiled === undefined) {
    compiled = compile();
    compiled.catch(() => {});
  }
  return compiled;
}

/** The same for callers that do not wait for it yet. */
export function beginLoading(): void {
  loadModule();
}

/** The module's bytes as they were built, which come along in the code wherever it is. */
export async function moduleBytes(): Promise<Uint8Array> {
  const { QUINN_WASM } = await import('./quinn-wasm.js');
  // Loaded by those alone that need it.
  return process.getBuiltinModule('node:zlib').gunzipSync(Buffer.from(QUINN_WASM, 'base64'));
}

/**
 * The same bytes from the file of this package, which takes a fraction of the time. Undefined where there is no such file, as
 * beside a bundle, where it may not be read, and when it is another one.
 *
 * @param here - the URL of a file in this package; undefined in bundles of CommonJS
 */
export function bytesOfFile(here: string | undefined = import.meta.url): Uint8Array | undefined {
  for (const bytes of filesAt(here)) if (isOurs(bytes)) return bytes;
  return undefined;
}

function* filesAt(here: string | undefined): Generator<Uint8Array> {
  if (here === undefined) return;
  for (const place of PLACES) {
    let bytes: Uint8Array | undefined;
    try {
      bytes = readFileSync(new URL(place, here));
    } catch {
      // It may be in the next place.
    }
    if (bytes !== undefined) yield bytes;
  }
}

const isOurs = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex') === QUINN_SHA256;

async function compile(): Promise<WasmModule> {
  const { compile: toCode } = webAssembly();
  for (const bytes of filesAt(import.meta.url)) {
    // On other threads, while this one looks whether it is of use. What is not is never run.
    const code = toCode(bytes);
    code.catch(() => {});
    if (isOurs(bytes)) return code;
  }
  return toCode(await moduleBytes());
}
