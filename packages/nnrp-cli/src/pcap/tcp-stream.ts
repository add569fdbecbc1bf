import type { TcpSegment } from './tcp-segment.js';

/** Segments that wait for one before them, of one stream. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** One direction of a connection, put together again: segments in any order, some of them twice, become bytes in order. */
export class TcpStream {
  private next: number | undefined;
  private readonly waiting = new Map<number, Buffer>();
  private waitingBytes = 0;

  constructor(
    /** Such as `10.0.0.7:51000 > 10.0.0.1:4433`. */
    readonly name: string,
  ) {}

  /**
   * @returns the bytes that follow, in their order
   * @throws Error that says why the stream cannot be put together any further
   */
  add({ sequence, isSyn, payload, cutBytes }: TcpSegment): Buffer[] {
    if (isSyn) this.next = (sequence + 1) >>> 0;
    // The capture began in the middle of the connection.
    this.next ??= sequence;
    if (cutBytes > 0) throw new Error(`the capture has left out ${cutBytes} bytes of a segment (its snapshot length)`);
    if (payload.length === 0) return [];
    const start = isSyn ? (sequence + 1) >>> 0 : sequence;
    if (distance(start, this.next) > 0) {
      this.keep(start, payload);
      return [];
    }
    const found: Buffer[] = [];
    this.take(start, payload, found);
    for (;;) {
      const ready = [...this.waiting].find(([at]) => distance(at, this.next as number) <= 0);
      if (ready === undefined) return found;
      this.waiting.delete(ready[0]);
      this.waitingBytes -= ready[1].length;
      this.take(ready[0], ready[1], found);
    }
  }

  /** Bytes that wait for others which have not come. */
  get missingBefore(): number {
    return this.waitingBytes;
  }

  private take(start: number, payload: Buffer, found: Buffer[]): void {
    const known = -distance(start, this.next as number);
    if (known >= payload.length) return;
    found.push(payload.subarray(known));
    this.next = ((this.next as number) + payload.length - known) >>> 0;
  }

  private keep(start: number, payload: Buffer): void {
    const before = this.waiting.get(start);
    if (before !== undefined && before.length >= payload.length) return;
    this.waitingBytes += payload.length - (before?.length ?? 0);
    // A copy: the chunk of the file that it lies in may be much larger.
    this.waiting.set(start, Buffer.from(payload));
    if (this.waitingBytes > MAX_WAITING_BYTES)
      throw new Error(`a segment is missing: more than ${MAX_WAITING_BYTES} bytes wait behind it`);
  }
}

/** How far a sequence number is behind another one; below 0 when it is before it. */
function distance(of: number, from: number): number {
  return (of - from) | 0;
}
