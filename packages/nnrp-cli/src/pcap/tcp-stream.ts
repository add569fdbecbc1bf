import type { TcpSegment } from './tcp-segment.js';

/** Segments that wait for one before them, of one stream: their bytes, and how many, since small ones cost more than their bytes. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const MAX_WAITING = 16_384;

interface Waiting {
  readonly start: number;
  readonly payload: Buffer;
}

/** One direction of a connection, put together again: segments in any order, some of them twice, become bytes in order. */
export class TcpStream {
  private next: number | undefined;
  /** By their sequence numbers, the last one first. */
  private readonly waiting: Waiting[] = [];
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
      const ready = this.waiting.at(-1);
      if (ready === undefined || distance(ready.start, this.next) > 0) return found;
      this.waiting.pop();
      this.waitingBytes -= ready.payload.length;
      this.take(ready.start, ready.payload, found);
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
    const { waiting } = this;
    const at = this.placeOf(start);
    const before = waiting[at]?.start === start ? waiting[at] : undefined;
    if (before !== undefined && before.payload.length >= payload.length) return;
    this.waitingBytes += payload.length - (before?.payload.length ?? 0);
    // A copy: the chunk of the file that it lies in may be much larger.
    waiting.splice(at, before === undefined ? 0 : 1, { start, payload: Buffer.from(payload) });
    const most =
      this.waitingBytes > MAX_WAITING_BYTES
        ? `${MAX_WAITING_BYTES} bytes`
        : waiting.length > MAX_WAITING
          ? `${MAX_WAITING} segments`
          : undefined;
    if (most !== undefined) throw new Error(`a segment is missing: more than ${most} wait behind it`);
  }

  /** Where it stands among those that wait, or would stand. */
  private placeOf(start: number): number {
    const { waiting } = this;
    let [low, high] = [0, waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (distance((waiting[middle] as Waiting).start, start) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** How far a sequence number is behind another one; below 0 when it is before it. */
function distance(of: number, from: number): number {
  return (of - from) | 0;
}
