import type { OutboundPacket } from './contract.js';

/** Bodies up to this length are copied next to their head; longer ones are sent from where they are. */
const COPY_LIMIT = 2048;
const CHUNK_BYTES = 64 * 1024;
/** Chunks kept for whoever writes next, over all connections. */
const MAX_SPARE = 32;

/** Memory that packets are written into, with its view made once. */
class Chunk {
  // Not Buffer.allocUnsafe: its pool would tie our chunk to strangers' data for as long as either lives.
  readonly bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
}

const spare: Chunk[] = [];

/**
 * Collects the packets of one turn into as few pieces as possible. Heads and small bodies are written into chunks; a
 * large body becomes a piece of its own, never copied. Chunks are shared by all connections and handed back as soon as
 * the network has taken them, so an idle connection holds none.
 */
export class WriteQueue {
  private pieces: Uint8Array[] = [];
  private chunk: Chunk | undefined;
  /** Written so far in the chunk, and where the part begins that is not yet a piece. */
  private end = 0;
  private begin = 0;
  private queued = 0;
  /** Chunks that the pieces of the last `take` lie in. */
  private taken: Chunk[] = [];

  /** Bytes added since the last `take`. */
  get byteLength(): number {
    return this.queued;
  }

  /** @throws what `writeHead` throws; the queue is unchanged then */
  add(packet: OutboundPacket): void {
    const { headBytes, body } = packet;
    const copied = body.length <= COPY_LIMIT ? body.length : 0;
    let { chunk } = this;
    if (chunk === undefined || this.end + headBytes + copied > CHUNK_BYTES) chunk = this.nextChunk();
    packet.writeHead(chunk.view, this.end);
    this.end += headBytes;
    this.queued += headBytes + body.length;
    if (copied > 0) {
      chunk.bytes.set(body, this.end);
      this.end += copied;
    } else if (body.length > 0) {
      this.cut();
      this.pieces.push(body);
    }
  }

  /** The pieces in order; the queue is empty afterwards. Call `written` or `pending` when they have been passed on. */
  take(): Uint8Array[] {
    this.cut();
    if (this.chunk !== undefined) this.taken.push(this.chunk);
    this.chunk = undefined;
    const { pieces } = this;
    this.pieces = [];
    this.queued = 0;
    return pieces;
  }

  /** What was taken has left: its memory can be used again. */
  written(): void {
    for (const chunk of this.taken) if (spare.length < MAX_SPARE) spare.push(chunk);
    this.pending();
  }

  /** What was taken is on its way; its memory goes with it. */
  pending(): void {
    if (this.taken.length > 0) this.taken = [];
  }

  private nextChunk(): Chunk {
    if (this.chunk !== undefined) {
      this.cut();
      this.taken.push(this.chunk);
    }
    this.chunk = spare.pop() ?? new Chunk();
    this.begin = 0;
    this.end = 0;
    return this.chunk;
  }

  private cut(): void {
    if (this.chunk === undefined || this.end === this.begin) return;
    this.pieces.push(this.chunk.bytes.subarray(this.begin, this.end));
    this.begin = this.end;
  }
}
