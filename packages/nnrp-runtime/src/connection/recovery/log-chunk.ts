import { newMemory } from '../../platform/platform.js';

/** Most connections have little under way: their first chunk is small. */
const FIRST_BYTES = 4 * 1024;
const FULL_BYTES = 64 * 1024;
/** Chunks of either size that are kept for the next ones, over all connections. */
const MAX_SPARE_FIRST = 256;
const MAX_SPARE_FULL = 128;
/** When the logs of all connections hold so much together, each gets less. */
const SCARCE_BYTES = 32 * 1024 * 1024;

/** Memory in which sent packets lie one behind the other. */
export class LogChunk {
  readonly bytes: Uint8Array;
  /** Where the next bytes go. */
  used = 0;
  /** How many bytes were logged before this chunk. */
  base = 0;

  constructor(size: number) {
    this.bytes = newMemory(size);
  }
}

let held = 0;

/** Whether the logs of all connections hold a great deal together. */
export function isLogMemoryScarce(): boolean {
  return held > SCARCE_BYTES;
}

const spareFirst: LogChunk[] = [];
const spareFull: LogChunk[] = [];

/** @param isFirst - nothing else is logged @param bytes - that are at hand */
export function takeLogChunk(isFirst: boolean, bytes: number): LogChunk {
  const size = isFirst && bytes <= FIRST_BYTES ? FIRST_BYTES : FULL_BYTES;
  const spare = size === FIRST_BYTES ? spareFirst : spareFull;
  const chunk = spare.pop() ?? new LogChunk(size);
  chunk.used = 0;
  held += size;
  return chunk;
}

/** It must not be read or written any more. */
export function giveLogChunkBack(chunk: LogChunk): void {
  const { length } = chunk.bytes;
  held -= length;
  if (length === FIRST_BYTES && spareFirst.length < MAX_SPARE_FIRST) spareFirst.push(chunk);
  else if (length === FULL_BYTES && spareFull.length < MAX_SPARE_FULL) spareFull.push(chunk);
}
