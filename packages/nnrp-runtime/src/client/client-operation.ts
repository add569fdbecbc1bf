import { ClosedError, type NnrpError, UsageError } from 'nnrp-core';
import type { NnrpResult } from './nnrp-result.js';

/** What an operation needs of its session. */
export interface OperationOwner {
  /** A partial result waits to be read. */
  buffered(bytes: number): void;
  /** Results have been read or thrown away, or are the application's own now: they no longer wait. */
  consumed(bytes: number): void;
}

/**
 * One submitted unit of work and its results. Iterate it for all of them, partial ones first and the last one at the
 * end; or await `result()` for the last one alone. A dropped, failed or disconnected operation throws.
 *
 * While an operation is in progress its unread results count against the client's buffer: a stream that nobody reads
 * stops all reading in the end. Once it is over, what is left is only held by the operation itself.
 */
export class ClientOperation implements AsyncIterable<NnrpResult> {
  private waiting: NnrpResult[] = [];
  private head = 0;
  private countedBytes = 0;
  private last: NnrpResult | undefined;
  private failure: NnrpError | undefined;
  private over = false;
  private discarding = false;
  /** A loop, and perhaps somebody who awaits `result()` besides. */
  private readers: (() => void)[] = [];
  private settled: Promise<NnrpResult> | undefined;

  constructor(
    readonly frameId: number,
    private readonly owner: OperationOwner,
  ) {}

  /** Whether the last answer has come, or will not come any more. */
  get done(): boolean {
    return this.over;
  }

  /**
   * The last result. Partial ones are not kept from now on.
   * @throws (as a rejection) PeerError when the server dropped the operation, TransportError or ClosedError when the
   * session ended first
   */
  result(): Promise<NnrpResult> {
    if (this.settled === undefined) {
      this.settled = this.lastResult();
      // Who drops the promise does not care how it ends; who awaits it is told all the same.
      this.settled.catch(() => {});
    }
    return this.settled;
  }

  /** Results in order; leaving the loop early throws away what else comes. One loop only. */
  async *[Symbol.asyncIterator](): AsyncGenerator<NnrpResult, void, void> {
    if (this.settled !== undefined) throw new UsageError(`frame ${this.frameId}: result() has taken the results`);
    try {
      for (;;) {
        const result = this.take();
        if (result !== undefined) {
          yield result;
        } else if (this.over) {
          if (this.failure !== undefined) throw this.failure;
          return;
        } else {
          await this.woken();
        }
      }
    } finally {
      this.discard();
    }
  }

  /** For the session: the next result. */
  push(result: NnrpResult): void {
    if (!this.discarding) this.waiting.push(result);
    if (!result.partial) {
      this.last = result;
      this.finish();
    } else if (!this.discarding) {
      this.countedBytes += result.byteLength;
      this.owner.buffered(result.byteLength);
    }
    this.wakeReader();
  }

  /** For the session: there will be no more. */
  fail(error: NnrpError): void {
    if (this.over) return;
    this.failure = error;
    this.finish();
    this.wakeReader();
  }

  private finish(): void {
    this.over = true;
    this.uncount(this.countedBytes);
  }

  private async lastResult(): Promise<NnrpResult> {
    this.discard();
    while (!this.over) await this.woken();
    if (this.last === undefined) throw this.failure ?? new ClosedError(`frame ${this.frameId}: no result`);
    return this.last;
  }

  private take(): NnrpResult | undefined {
    const result = this.waiting[this.head];
    if (result === undefined) return undefined;
    this.waiting[this.head++] = undefined as never;
    if (this.head === this.waiting.length) {
      this.waiting = [];
      this.head = 0;
    }
    this.uncount(Math.min(this.countedBytes, result.byteLength));
    return result;
  }

  private uncount(bytes: number): void {
    if (bytes === 0) return;
    this.countedBytes -= bytes;
    this.owner.consumed(bytes);
  }

  private discard(): void {
    this.discarding = true;
    while (this.take() !== undefined);
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => this.readers.push(resolve));
  }

  private wakeReader(): void {
    if (this.readers.length === 0) return;
    const { readers } = this;
    this.readers = [];
    for (const wake of readers) wake();
  }
}
