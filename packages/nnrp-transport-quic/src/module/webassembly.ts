import { TransportError } from 'nnrp-core';

/* What this package uses of WebAssembly; the types of Node leave it to those of the DOM. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Compiled code, of which any number of instances can be made. */
export type WasmModule = object;

/** Functions that an instance calls, by module and name. */
export type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface WebAssemblyNamespace {
  compile(bytes: Uint8Array): Promise<WasmModule>;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
}

/** @throws TransportError in a process without it */
export function webAssembly(): WebAssemblyNamespace {
  const { WebAssembly: found } = globalThis as { WebAssembly?: WebAssemblyNamespace };
  if (found !== undefined) return found;
  throw new TransportError(
    'QUIC: this process has no WebAssembly, as with --jitless; use TLS over TCP instead: NnrpServer.bindTls and ' +
      'NnrpClient.connectTls of nnrp-runtime',
    { isRetryable: false },
  );
}
