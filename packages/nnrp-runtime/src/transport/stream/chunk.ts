import { aside, NO_OWNER } from '../../base/guard.js';
import type { SentMemory } from '../contract/sent-pieces.js';

export const CHUNK_BYTES = 64 * 1024;
/** Chunks kept for the next writes, over all connections: as many as logs of what was sent may hold before each gets less. */
const MAX_SPARE = 512;
/** Chunks of them that stay although they have not been needed for a while. */
const RESTING_SPARE = 16;
/** Milliseconds between two looks at what has not been needed. */
const TRIM_MS = 1000;

/**
 * Memory that packets are written into, with its view made once. It is used again when it was sent and has no holder any
 * more: a log of what was sent keeps what it needs where it lies.
 */
export class Chunk implements SentMemory {
  // Not Buffer.allocUnsafe: its pool would tie our chunk to strangers' data for as long as either lives.
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly view: DataView = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  private holders = 0;
  /** Given back by its transport. */
  private isBack = false;

  hold(): void {
    this.holders++;
  }

  release(): void {
    this.holders--;
    if (this.holders === 0 && this.isBack) this.rest();
  }

  /** For the transport: what it has written has left. */
  giveBack(): void {
    this.isBack = true;
    if (this.holders === 0) this.rest();
  }

  private rest(): void {
    this.isBack = false;
    if (spare.length < MAX_SPARE) spare.push(this);
    if (!trimming && spare.length > RESTING_SPARE) trimLater();
  }
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

/** Gives chunks back: the caller does not read or write them any more. The list is emptied. */
export function giveBack(chunks: Chunk[]): void {
  for (const chunk of chunks) chunk.giveBack();
  chunks.length = 0;
}

function trimLater(): void {
  trimming = true;
  fewest = spare.length;
  aside(NO_OWNER, TRIM_MS, trim);
}

/** What a burst has needed is given back when it is over. */
function trim(): void {
  trimming = false;
  spare.length -= Math.max(0, Math.min(fewest, spare.length - RESTING_SPARE));
  if (spare.length > RESTING_SPARE) trimLater();
}
