import type { OutboundPacket } from './contract.js';

/** Bodies up to this length are copied next to their head; longer ones are sent from where they are. */
const COPY_LIMIT = 2048;
const MIN_CHUNK = 128;
const MAX_CHUNK = 64 * 1024;
/** A chunk with room left is kept for the next turn up to this size. */
const KEPT_CHUNK = 4096;

/**
 * Collects the packets of one turn into as few pieces as possible. Heads and small bodies are written into one chunk;
 * a large body becomes a piece of its own, never copied. Chunks grow with the traffic and are given up when it ebbs, so
 * an idle connection holds next to nothing.
 */
export class WriteQueue {
  private pieces: Uint8Array[] = [];
  private chunk: Uint8Array | undefined;
  private view: DataView | undefined;
  /** Written so far in the chunk, and where the part begins that is not yet a piece. */
  private end = 0;
  private begin = 0;
  private nextChunkBytes = MIN_CHUNK;
  private queued = 0;

  /** Bytes added since the last `take`. */
  get byteLength(): number {
    return this.queued;
  }

  /** @throws what `writeHead` throws; the queue is unchanged then */
  add(packet: OutboundPacket): void {
    const { headBytes, body } = packet;
    const copied = body.length <= COPY_LIMIT ? body.length : 0;
    const view = this.room(headBytes + copied);
    packet.writeHead(view, this.end);
    this.end += headBytes;
    this.queued += headBytes + body.length;
    if (copied > 0) {
      this.chunk?.set(body, this.end);
      this.end += copied;
    } else if (body.length > 0) {
      this.cut();
      this.pieces.push(body);
    }
  }

  /** The pieces in order; the queue is empty afterwards. */
  take(): Uint8Array[] {
    this.cut();
    const pieces = this.pieces;
    this.pieces = [];
    this.adapt(this.queued);
    this.queued = 0;
    return pieces;
  }

  private room(bytes: number): DataView {
    if (this.chunk !== undefined && this.view !== undefined && this.end + bytes <= this.chunk.length) return this.view;
    if (this.chunk !== undefined) {
      this.cut();
      this.nextChunkBytes = Math.min(MAX_CHUNK, this.nextChunkBytes * 2);
    }
    // Not Buffer.allocUnsafe: its pool would tie our chunk to strangers' data for as long as either lives.
    this.chunk = Buffer.allocUnsafeSlow(Math.max(bytes, this.nextChunkBytes));
    this.view = new DataView(this.chunk.buffer, this.chunk.byteOffset, this.chunk.byteLength);
    this.begin = 0;
    this.end = 0;
    return this.view;
  }

  private cut(): void {
    if (this.chunk === undefined || this.end === this.begin) return;
    this.pieces.push(this.chunk.subarray(this.begin, this.end));
    this.begin = this.end;
  }

  private adapt(bytes: number): void {
    if (bytes * 4 < this.nextChunkBytes && this.nextChunkBytes > MIN_CHUNK) this.nextChunkBytes /= 2;
    if (this.chunk !== undefined && this.chunk.length > KEPT_CHUNK) {
      this.chunk = undefined;
      this.view = undefined;
      this.begin = 0;
      this.end = 0;
    }
  }
}
