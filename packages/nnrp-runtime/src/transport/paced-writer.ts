import type { Writable } from 'node:stream';

/**
 * Hands bytes to a stream in writes of bounded length, one after another. For streams that take a write as a whole: they
 * copy it at once, and until it is over they show no progress by which a slow peer could be told from one that is gone.
 */
export class PacedWriter {
  private waiting: Uint8Array[] = [];
  /** Bytes in `waiting`. */
  private bytes = 0;
  private busy = false;
  private ending = false;

  /** @param written - called after each write that the stream has completed */
  constructor(
    private readonly stream: Writable,
    private readonly maxWriteBytes: number,
    private readonly written: () => void,
  ) {}

  /** Bytes that the stream has not been given yet. */
  get byteLength(): number {
    return this.bytes;
  }

  /** The pieces must not be changed until they have been sent. */
  write(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      this.waiting.push(piece);
      this.bytes += piece.length;
    }
    this.next();
  }

  /** Ends the stream after what has been written. */
  end(): void {
    this.ending = true;
    this.next();
  }

  private next(): void {
    if (this.busy) return;
    const pieces = this.take();
    const last = pieces.pop();
    if (last === undefined) {
      if (this.ending) this.stream.end();
      return;
    }
    this.busy = true;
    // Joined into one write, and so into as few records as possible.
    this.stream.cork();
    for (const piece of pieces) this.stream.write(piece);
    this.stream.write(last, this.completed);
    this.stream.uncork();
  }

  private readonly completed = (error?: Error | null): void => {
    this.busy = false;
    // The stream tells of its failure itself; it takes nothing any more.
    if (error) return;
    this.next();
    this.written();
  };

  /** The next pieces, `maxWriteBytes` together; the last one may be the beginning of a longer one. */
  private take(): Uint8Array[] {
    let room = this.maxWriteBytes;
    let count = 0;
    while (count < this.waiting.length && room > 0) {
      const piece = this.waiting[count] as Uint8Array;
      if (piece.length > room) {
        this.waiting[count] = piece.subarray(room);
        this.bytes -= this.maxWriteBytes;
        return [...this.waiting.splice(0, count), piece.subarray(0, room)];
      }
      room -= piece.length;
      count++;
    }
    this.bytes -= this.maxWriteBytes - room;
    return this.waiting.splice(0, count);
  }
}
