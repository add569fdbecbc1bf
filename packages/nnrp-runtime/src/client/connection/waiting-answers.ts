import type { ReadingHold } from '../../connection/reading-hold.js';

/** Answers to the server that wait to be sent: a server that takes none of them is not read from. */
export class WaitingAnswers {
  private bytes = 0;
  private isHolding = false;

  constructor(
    private readonly reading: ReadingHold,
    /** Bytes that may wait. */
    private readonly maxBytes: number,
  ) {}

  add(bytes: number): void {
    this.bytes += bytes;
    if (this.isHolding || this.bytes < this.maxBytes) return;
    this.isHolding = true;
    this.reading.hold();
  }

  /** The server has taken all of them. */
  sent(): void {
    this.bytes = 0;
    if (!this.isHolding) return;
    this.isHolding = false;
    this.reading.release();
  }
}
