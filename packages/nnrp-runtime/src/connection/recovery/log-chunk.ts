import { newMemory } from '../../platform/platform.js';
import type { SentMemory } from '../../transport/contract/sent-pieces.js';

/** Most connections have little under way: their first chunk is small. */
const FIRST_BYTES = 4 * 1024;
const FULL_BYTES = 64 * 1024;
/** Chunks of either size that are kept for the next ones, over all connections. */
const MAX_SPARE_FIRST = 256;
const MAX_SPARE_FULL = 128;
/** When the logs of all connections hold so much together, each gets less. */
export const SCARCE_BYTES = 32 * 1024 * 1024;

/** Memory of a log, into which is copied what lies elsewhere in memory that is used again. Each stretch of it is held. */
export class LogChunk implements SentMemory {
  readonly bytes: Uint8Array;
  /** Where the next bytes go. */
  used = 0;
  private holders = 0;

  constructor(size: number) {
    this.bytes = newMemory(size);
  }

  hold(): void {
    if (this.holders++ === 0) retained += this.bytes.length;
  }

  get isRetained(): boolean {
    return this.holders > 0;
  }

  release(): void {
    if (--this.holders > 0) return;
    const { length } = this.bytes;
    retained -= length;
    if (length === FIRST_BYTES && spareFirst.length < MAX_SPARE_FIRST) spareFirst.push(this);
    else if (length === FULL_BYTES && spareFull.length < MAX_SPARE_FULL) spareFull.push(this);
  }
}

let retained = 0;

/** What the logs of all connections of the process hold. */
export function logMemoryBytes(): number {
  return retained;
}

/** Whether the logs of all connections hold a great deal together. */
export function isLogMemoryScarce(): boolean {
  return retained > SCARCE_BYTES;
}

/** Memory of a transport counts wholly, however little of it is logged. */
export function holdShared(memory: SentMemory): void {
  retained += memory.bytes.length;
  memory.hold();
}

export function releaseShared(memory: SentMemory): void {
  retained -= memory.bytes.length;
  memory.release();
}

const spareFirst: LogChunk[] = [];
const spareFull: LogChunk[] = [];

/** @param isFirst - nothing else is logged @param bytes - that are at hand @returns it is held once */
export function takeLogChunk(isFirst: boolean, bytes: number): LogChunk {
  const size = isFirst && bytes <= FIRST_BYTES ? FIRST_BYTES : FULL_BYTES;
  const spare = size === FIRST_BYTES ? spareFirst : spareFull;
  const chunk = spare.pop() ?? new LogChunk(size);
  chunk.used = 0;
  chunk.hold();
  return chunk;
}
