import type { Writable } from 'node:stream';
import type { LentPacket } from './lent-packet.js';
import type { Piece } from './write-queue.js';

/**
 * Hands bytes to a stream, one write after another. What the stream cannot be given yet waits here, where bodies that were
 * lent can still be looked at: one whose length has changed is left out with its head.
 *
 * Writes may be of bounded length, for streams that take a write as a whole: they copy it at once, and until it is over
 * they show no progress by which a slow peer could be told from one that is gone.
 */
export class PacedWriter {
  private waiting: Piece[] = [];
  private head = 0;
  /** Bytes in `waiting`. */
  private bytes = 0;
  private busy = false;
  private ending = false;
  /** Bodies of others in the write that is under way. */
  private borrowed: LentPacket[] | undefined;

  /**
   * @param maxWriteBytes - Infinity: everything that waits goes out in one write
   * @param written - called after each write that the stream has completed
   * @param unsent - called with each packet that is left out
   * @param damaged - called with a packet whose body has changed while the stream was not done with it; left out for
   * streams that look at bytes inside `write` alone
   */
  constructor(
    private readonly stream: Writable,
    private readonly maxWriteBytes: number,
    private readonly written: () => void,
    private readonly unsent: (packet: LentPacket) => void = () => {},
    private readonly damaged?: (packet: LentPacket) => void,
  ) {}

  /** Bytes that the stream has not been given yet. */
  get byteLength(): number {
    return this.bytes;
  }

  /** Whether the stream has taken everything. */
  get isIdle(): boolean {
    return !this.busy && this.bytes === 0;
  }

  /** The pieces must not be changed until they have been sent. */
  write(pieces: Piece[]): void {
    const [first] = pieces;
    // As nearly always: what was said in one turn, to a peer that has taken everything before.
    if (pieces.length === 1 && this.isIdle && ArrayBuffer.isView(first) && first.length <= this.maxWriteBytes) {
      this.give(first);
      return;
    }
    for (const piece of pieces) this.bytes += ArrayBuffer.isView(piece) ? piece.length : piece.byteLength;
    if (this.head === this.waiting.length) {
      this.waiting = pieces;
      this.head = 0;
    } else {
      for (const piece of pieces) this.waiting.push(piece);
    }
    this.next();
  }

  /** Ends the stream after what has been written. */
  end(): void {
    this.ending = true;
    this.next();
  }

  private next(): void {
    while (!this.busy) {
      const pieces = this.take();
      const last = pieces.pop();
      if (last === undefined) {
        if (this.ending) this.stream.end();
        return;
      }
      // Joined into one write, and so into as few records as possible.
      if (pieces.length > 0) {
        this.stream.cork();
        for (const piece of pieces) this.stream.write(piece);
      }
      this.give(last);
      if (pieces.length > 0) {
        this.stream.uncork();
        this.busy = this.stream.writableLength > 0 || this.stream.destroyed;
      }
      if (!this.busy) this.borrowed = undefined;
    }
  }

  /** Some streams take it at once; they need not wait for the callback, which comes later in any case. */
  private give(last: Uint8Array): void {
    this.stream.write(last, this.completed);
    this.busy = this.stream.writableLength > 0 || this.stream.destroyed;
  }

  private readonly completed = (error?: Error | null): void => {
    // The stream tells of its failure itself; it takes nothing any more.
    if (error) return;
    if (this.busy && this.stream.writableLength === 0) {
      this.busy = false;
      const damaged = this.borrowed?.find((packet) => !packet.isIntact);
      this.borrowed = undefined;
      if (damaged !== undefined) {
        this.damaged?.(damaged);
        return;
      }
      this.next();
    }
    this.written();
  };

  /** The next pieces, `maxWriteBytes` together; the last one may be the beginning of a longer one. */
  private take(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = this.maxWriteBytes;
    while (room > 0 && this.head < this.waiting.length) {
      const piece = this.waiting[this.head] as Piece;
      let rest: Uint8Array | undefined;
      if (ArrayBuffer.isView(piece)) {
        taken.push(piece.length > room ? piece.subarray(0, room) : piece);
        if (piece.length > room) rest = piece.subarray(room);
        room -= piece.length;
      } else if (!piece.isIntact) {
        this.bytes -= piece.byteLength;
        this.unsent(piece);
      } else {
        // A write that ends inside the packet promises its body: from then on it must not depend on the sender.
        const now = Math.max(0, Math.min(piece.bodyLength, room - piece.head.length));
        taken.push(piece.head);
        if (this.damaged !== undefined) this.lend(piece);
        if (now > 0) taken.push(now === piece.bodyLength ? piece.body : piece.body.subarray(0, now));
        if (now < piece.bodyLength) rest = new Uint8Array(piece.body.subarray(now));
        room -= piece.byteLength;
      }
      if (rest === undefined) this.shift();
      else this.waiting[this.head] = rest;
    }
    for (const piece of taken) this.bytes -= piece.length;
    return taken;
  }

  private lend(packet: LentPacket): void {
    this.borrowed ??= [];
    this.borrowed.push(packet);
  }

  private shift(): void {
    this.waiting[this.head++] = NOTHING;
    if (this.head === this.waiting.length) this.waiting = [];
    else if (this.head >= MIN_COMPACTION && this.head * 2 >= this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
    } else return;
    this.head = 0;
  }
}

const NOTHING = new Uint8Array(0);
/** Pieces taken from the list before it is moved together. */
const MIN_COMPACTION = 1024;
