/** Most connections have little under way: their first chunk is small. */
const FIRST_BYTES = 4 * 1024;
const FULL_BYTES = 64 * 1024;
/** Chunks of either size that are kept for the next ones, over all connections. */
const MAX_SPARE_FIRST = 256;
const MAX_SPARE_FULL = 64;

/** Memory in which sent packets lie one behind the other, with its view made once. */
export class LogChunk {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where the next packet begins. */
  used = 0;
  /** How many bytes were logged before this chunk. */
  base = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }
}

const spareFirst: LogChunk[] = [];
const spareFull: LogChunk[] = [];

/** @param isFirst - nothing else is logged @param bytes - that the chunk must hold */
export function takeLogChunk(isFirst: boolean, bytes: number): LogChunk {
  const size = isFirst && bytes <= FIRST_BYTES ? FIRST_BYTES : Math.max(FULL_BYTES, bytes);
  const spare = size === FIRST_BYTES ? spareFirst : spareFull;
  const chunk = (size > FULL_BYTES ? undefined : spare.pop()) ?? new LogChunk(size);
  chunk.used = 0;
  return chunk;
}

/** It must not be read or written any more. */
export function giveLogChunkBack(chunk: LogChunk): void {
  const { length } = chunk.bytes;
  if (length === FIRST_BYTES && spareFirst.length < MAX_SPARE_FIRST) spareFirst.push(chunk);
  else if (length === FULL_BYTES && spareFull.length < MAX_SPARE_FULL) spareFull.push(chunk);
}
