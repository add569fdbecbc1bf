export const CHUNK_BYTES = 64 * 1024;
/** Chunks kept for whoever writes next, over all connections. */
const MAX_SPARE = 64;

/** Memory that packets are written into, with its view made once. */
export class Chunk {
  // Not Buffer.allocUnsafe: its pool would tie our chunk to strangers' data for as long as either lives.
  readonly bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
}

const spare: Chunk[] = [];

export function takeChunk(): Chunk {
  return spare.pop() ?? new Chunk();
}

/** Nobody may read or write them any more. The list is emptied. */
export function giveBack(chunks: Chunk[]): void {
  for (const chunk of chunks) if (spare.length < MAX_SPARE) spare.push(chunk);
  chunks.length = 0;
}
