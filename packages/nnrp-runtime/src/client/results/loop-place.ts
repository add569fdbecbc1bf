import type { NnrpResult } from './nnrp-result.js';
import type { TextRead, TextReader } from './text-iterator.js';

/** How far the loop over the results of one operation has read, counted in packets of the session, from 1. */
export class LoopPlace {
  /** Which packet has brought the first result that was handed to the loop and not read; 0 = all were read. */
  private from = 0;
  /** Which has brought the last one that was handed. */
  private to = 0;

  get unreadFrom(): number {
    return this.from;
  }

  handed(position: number): void {
    if (this.from === 0) this.from = position;
    this.to = position;
  }

  /** @returns whether it is further than before: a step can be read again later */
  readTo(position: number): boolean {
    if (this.from === 0 || position < this.from) return false;
    this.from = position < this.to ? position + 1 : 0;
    return true;
  }

  /** What was handed has been read, or never will be. */
  passedOver(): void {
    this.from = 0;
  }

  /** The last one that was handed counts as read with the one before it. @param before - which packet has brought that */
  protected joined(before: number): void {
    this.to = before;
  }
}

/** The same of a loop over the text of the results. */
export class TextPlace extends LoopPlace implements TextReader {
  /** @param tail - the bytes of a character whose rest has not come; undefined while no text has been read */
  constructor(public tail: Uint8Array | undefined) {
    super();
  }

  received({ upTo, tail }: TextRead): void {
    if (this.readTo(upTo.position)) this.tail = tail;
  }

  gaveNothing({ upTo, tail }: TextRead, given: NnrpResult | undefined): void {
    const before = given?.position ?? 0;
    if (before < this.unreadFrom) {
      this.passedOver();
      this.tail = tail;
    } else if (!upTo.partial) {
      this.joined(before);
    }
  }
}
