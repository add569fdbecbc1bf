import { later, NO_OWNER } from '../../base/guard.js';

export const CHUNK_BYTES = 64 * 1024;
/** Chunks kept for the next writes, over all connections. */
const MAX_SPARE = 64;
/** Chunks of them that stay although they have not been needed for a while. */
const RESTING_SPARE = 16;
/** Milliseconds between two looks at what has not been needed. */
const TRIM_MS = 1000;

/** Memory that packets are written into, with its view made once. */
export class Chunk {
  // Not Buffer.allocUnsafe: its pool would tie our chunk to strangers' data for as long as either lives.
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly view: DataView = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
}

const spare: Chunk[] = [];
/** The fewest spare chunks there were since the last look: so many were not needed. */
let fewest = 0;
let trimming = false;

export function takeChunk(): Chunk {
  const chunk = spare.pop();
  if (chunk === undefined) return new Chunk();
  if (spare.length < fewest) fewest = spare.length;
  return chunk;
}

/** They must not be read or written any more. The list is emptied. */
export function giveBack(chunks: Chunk[]): void {
  for (const chunk of chunks) if (spare.length < MAX_SPARE) spare.push(chunk);
  chunks.length = 0;
  if (!trimming && spare.length > RESTING_SPARE) trimLater();
}

function trimLater(): void {
  trimming = true;
  fewest = spare.length;
  later(NO_OWNER, TRIM_MS, trim).unref();
}

/** What a burst has needed is given back when it is over. */
function trim(): void {
  trimming = false;
  spare.length -= Math.max(0, Math.min(fewest, spare.length - RESTING_SPARE));
  if (spare.length > RESTING_SPARE) trimLater();
}
