import type { TextRead, TextReader } from './text-iterator.js';

/** How far the loop over the results of one operation has read, counted in packets of the session, from 1. */
export class LoopPlace {
  /** Which packet has brought the last result that was read, or passed over. */
  private read = 0;
  /** The first that was handed to the loop behind it, and the last one. */
  private first = 0;
  private last = 0;

  /** Which packet has brought the first result that was handed to the loop and not read; 0 = all were read. */
  get unreadFrom(): number {
    const { read, first, last } = this;
    if (read >= last) return 0;
    return read < first ? first : read + 1;
  }

  handed(position: number): void {
    if (this.read >= this.last) this.first = position;
    this.last = position;
  }

  /** A step can be read again later: that takes nothing back. */
  received({ position }: { readonly position: number }): void {
    if (position > this.read) this.read = position;
  }

  /** What was handed has been read, or never will be. */
  passedOver(): void {
    this.read = this.last;
  }

  /** The last one that was handed counts as read with the one before it. @param before - which packet has brought that */
  joined(before: number): void {
    this.last = before;
  }
}

/** The same of a loop over the text of the results. */
export class TextPlace implements TextReader {
  readonly results = new LoopPlace();
  private from = 0;

  /** @param tail - the bytes of a character whose rest has not come; undefined while no text has been read */
  constructor(public tail: Uint8Array | undefined) {}

  received(read: TextRead): void {
    const { position, tail } = read;
    if (position <= this.from) return;
    this.from = position;
    this.results.received(read);
    this.tail = tail;
  }

  gaveNothing(read: TextRead, given: number, isLast: boolean): void {
    if (given <= this.from) this.received(read);
    else if (isLast) this.results.joined(given);
  }
}
