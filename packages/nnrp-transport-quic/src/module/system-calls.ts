import { generateKeyPairSync, type KeyObject, randomFillSync } from 'node:crypto';
import type { WasmMemory } from './webassembly.js';

/** Where an instance has its time and its randomness from. The same answers give the same datagrams, byte for byte. */
export interface Surroundings {
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  /** Milliseconds since 1970, for certificates and tokens. */
  readonly wallClock: () => number;
  readonly fillRandom: (bytes: Uint8Array) => void;
  /** A private key of X25519 for one handshake. */
  readonly makeExchangeKey: () => KeyObject;
}

export const THIS_PROCESS: Surroundings = {
  clock: () => performance.now(),
  wallClock: () => Date.now(),
  fillRandom: (bytes) => {
    randomFillSync(bytes);
  },
  makeExchangeKey: () => generateKeyPairSync('x25519').privateKey,
};

const REALTIME = 0;
const SUCCESS = 0;

/** The little that Rust's standard library asks of a system. @see WASI preview 1 */
export function systemCalls(memory: () => WasmMemory, { clock, wallClock, fillRandom }: Surroundings) {
  const view = () => new DataView(memory().buffer);
  return {
    clock_time_get: (id: number, _precision: bigint, at: number) => {
      const ms = id === REALTIME ? wallClock() : clock();
      view().setBigUint64(at, BigInt(Math.round(ms * 1e6)), true);
      return SUCCESS;
    },
    random_get: (at: number, length: number) => {
      fillRandom(new Uint8Array(memory().buffer, at, length));
      return SUCCESS;
    },
    // It has no environment.
    environ_sizes_get: (count: number, bytes: number) => {
      view().setUint32(count, 0, true);
      view().setUint32(bytes, 0, true);
      return SUCCESS;
    },
    environ_get: () => SUCCESS,
    // Nothing it writes is of interest: panics leave their words in memory.
    fd_write: (_file: number, _pieces: number, _count: number, written: number) => {
      view().setUint32(written, 0, true);
      return SUCCESS;
    },
    proc_exit: (code: number) => {
      throw new Error(`it has exited with ${code}`);
    },
  };
}
