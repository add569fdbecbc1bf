import type { Writable } from 'node:stream';
import { TransportError } from 'nnrp-core';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { EMPTY_LIST } from '../../base/queues/empty-list.js';
import { CHUNK_BYTES, type Chunk, giveBack, takeChunk } from './chunk.js';
import type { LentPacket } from './lent-packet.js';
import { isPinned } from './pinned.js';
import type { Piece } from './write-queue.js';

/** What a writer tells its transport, and asks it. */
export interface WriterOwner {
  /** The stream has completed a write. */
  written(): void;
  /** Whether it waits for `written`, even where the stream takes all at once. */
  readonly wantsCall: boolean;
  /** The packet is left out: its body has changed before it was sent. */
  unsent(packet: LentPacket): void;
  /** Its pinned body has changed all the same, while the stream was not done with it. */
  damaged(packet: LentPacket): void;
}

/**
 * Hands bytes to a stream, one write after another. What the stream cannot be given yet waits here, where bodies that were
 * lent can still be looked at: one whose length has changed is left out with its head.
 *
 * A stream that reads its memory after the call, too, gets copies of lent bodies, made as late as this: what the kernel
 * does not take at once it is given later, and by then the sender may have transferred the memory to a thread that has
 * freed it. The copies lie in memory that is used again when the stream has called back.
 *
 * Writes may be of bounded length, for streams that take a write as a whole: they copy it at once, and until it is over
 * they show no progress by which a slow peer could be told from one that is gone.
 */
export class PacedWriter {
  /** Pieces, and behind them the chunks that they lie in. */
  private waiting: (Piece | Chunk)[] = EMPTY_LIST;
  private head = 0;
  /** Bytes in `waiting`. */
  private bytes = 0;
  private busy = false;
  private ending = false;
  private callback: ((error?: Error | null) => void) | undefined;
  /** Bodies of others in the write that is under way. */
  private borrowed: LentPacket[] | undefined;
  /** Memory of the write that is under way. */
  private readonly leaving: Chunk[] = [];
  /** What is copied into at the moment, and how much of it is taken. */
  private copies: Chunk | undefined;
  private copied = 0;

  /**
   * @param maxWriteBytes - Infinity: everything that waits goes out in one write
   * @param looksLater - whether the stream looks at its bytes after `write`, too, until it has called back
   * @param mayBeAsked - whether it may be given nothing to write, to hear when it has taken what came before; without that,
   *   each write calls back
   */
  constructor(
    private readonly stream: Writable,
    private readonly maxWriteBytes: number,
    readonly looksLater: boolean,
    private readonly mayBeAsked: boolean,
    private readonly owner: WriterOwner,
  ) {}

  /** Bytes that the stream has not been given yet. */
  get byteLength(): number {
    return this.bytes;
  }

  /** Whether the stream has taken everything. */
  get allWritten(): boolean {
    return !this.busy && this.bytes === 0;
  }

  /** The pieces must not be changed until they have been sent. */
  write(pieces: Piece[]): void {
    const [first] = pieces;
    // As nearly always: what was said in one turn, to a peer that has taken everything before.
    if (pieces.length === 1 && this.allWritten && ArrayBuffer.isView(first) && first.length <= this.maxWriteBytes) {
      if (this.owner.wantsCall || !this.mayBeAsked) this.give(first);
      else this.giveQuietly(first);
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

  /**
   * Takes over the memory that the last pieces lie in; it is used again when the stream has taken them. Also where the stream is
   * done with it inside `write`, as far as is known: where that is wrong, one client would get what is another's.
   */
  keep(chunks: readonly Chunk[]): void {
    const kept = this.bytes === 0 ? this.leaving : this.waiting;
    for (const chunk of chunks) kept.push(chunk);
  }

  /** Ends the stream after what has been written. */
  end(): void {
    this.ending = true;
    this.next();
  }

  /** The stream is over, and takes nothing more: what it was to send is let go of, though the transport is still held. */
  letGo(): void {
    this.waiting = EMPTY_LIST;
    this.head = 0;
    this.borrowed = undefined;
    this.copies = undefined;
    // Not to be used again: a stream that has ended in the midst of a write may still look at it.
    this.leaving.length = 0;
  }

  private next(): void {
    while (!this.busy) {
      const pieces = this.take();
      const last = pieces.pop();
      if (last === undefined) {
        this.gone();
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
      if (!this.busy) this.gone();
    }
  }

  /** The stream has taken what it was given. */
  private gone(): void {
    this.borrowed = undefined;
    this.copies = undefined;
    if (this.leaving.length > 0) giveBack(this.leaving);
  }

  /** Some streams take it at once; they need not wait for the callback, which comes later in any case. */
  private give(last: Uint8Array): void {
    this.stream.write(last, this.completed);
    this.busy = this.stream.writableLength > 0 || this.stream.destroyed;
  }

  /** A callback costs as much as the write, and is needed only when the stream has not taken all at once. */
  private giveQuietly(piece: Uint8Array): void {
    this.stream.write(piece);
    this.busy = this.stream.writableLength > 0 || this.stream.destroyed;
    if (this.busy && !this.stream.destroyed) this.stream.write(EMPTY_BYTES, this.completed);
  }

  /** For the stream to call back with, which few need: made when first one does. */
  private get completed(): (error?: Error | null) => void {
    this.callback ??= (error) => this.complete(error);
    return this.callback;
  }

  private complete(error: Error | null | undefined): void {
    // The stream tells of its failure itself; it takes nothing any more.
    if (error) return;
    try {
      if (this.busy && this.stream.writableLength === 0) this.goOn();
      this.owner.written();
    } catch (thrown) {
      // A stream that throws in a write is broken, whatever it says; its end tells the rest.
      this.stream.destroy(new TransportError('a write of the stream threw', { cause: thrown }));
    }
  }

  private goOn(): void {
    this.busy = false;
    const damaged = this.borrowed?.find((packet) => !packet.isIntact);
    this.gone();
    if (damaged === undefined) this.next();
    else this.owner.damaged(damaged);
  }

  /** The next pieces, `maxWriteBytes` together; the last one may be the beginning of a longer one. */
  private take(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = this.maxWriteBytes;
    while (room > 0 && this.head < this.waiting.length) {
      const piece = this.waiting[this.head] as Piece | Chunk;
      let rest: Uint8Array | undefined;
      if (ArrayBuffer.isView(piece)) {
        taken.push(piece.length > room ? piece.subarray(0, room) : piece);
        if (piece.length > room) rest = piece.subarray(room);
        room -= piece.length;
      } else if ('view' in piece) {
        this.leaving.push(piece);
      } else if (!piece.isIntact) {
        this.bytes -= piece.byteLength;
        this.owner.unsent(piece);
      } else {
        // A write that ends inside the packet promises its body: from then on it must not depend on the sender.
        const now = Math.max(0, Math.min(piece.bodyLength, room - piece.head.length));
        taken.push(piece.head);
        if (now > 0) this.takeBody(piece, now, taken);
        if (now < piece.bodyLength) rest = new Uint8Array(piece.body.subarray(now));
        room -= piece.byteLength;
      }
      if (rest === undefined) this.shift();
      else this.waiting[this.head] = rest;
    }
    for (const piece of taken) this.bytes -= piece.length;
    return taken;
  }

  private takeBody(packet: LentPacket, count: number, taken: Uint8Array[]): void {
    const { body } = packet;
    const part = count === packet.bodyLength ? body : body.subarray(0, count);
    if (this.looksLater) {
      if (!isPinned(body.buffer)) {
        this.copy(part, taken);
        return;
      }
      this.borrowed ??= [];
      this.borrowed.push(packet);
    }
    taken.push(part);
  }

  private copy(body: Uint8Array, taken: Uint8Array[]): void {
    for (let from = 0; from < body.length; ) {
      if (this.copies === undefined || this.copied === CHUNK_BYTES) {
        this.copies = takeChunk();
        this.copied = 0;
        this.leaving.push(this.copies);
      }
      const count = Math.min(body.length - from, CHUNK_BYTES - this.copied);
      const end = this.copied + count;
      const copy = this.copies.bytes.subarray(this.copied, end);
      copy.set(count === body.length ? body : body.subarray(from, from + count));
      taken.push(copy);
      this.copied = end;
      from += count;
    }
  }

  private shift(): void {
    this.waiting[this.head++] = EMPTY_BYTES;
    if (this.head === this.waiting.length) this.waiting = EMPTY_LIST;
    else if (this.head >= MIN_COMPACTION && this.head * 2 >= this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
    } else return;
    this.head = 0;
  }
}
/** Pieces taken from the list before it is moved together. */
const MIN_COMPACTION = 1024;
