import { ClosedError, type NnrpError, UsageError } from 'nnrp-core';
import type { NnrpResult } from './nnrp-result.js';

/** What an operation needs of its session. */
export interface OperationOwner {
  /** A result has been read, or thrown away: its bytes no longer wait. */
  consumed(bytes: number): void;
}

/**
 * One submitted unit of work and its results. Iterate it for all of them, partial ones first and the last one at the
 * end; or await `result()` for the last one alone. A dropped, failed or disconnected operation throws.
 *
 * Unread results count against the client's buffer: an operation that nobody reads in the end stops all reading.
 */
export class ClientOperation implements AsyncIterable<NnrpResult> {
  private waiting: NnrpResult[] = [];
  private head = 0;
  private last: NnrpResult | undefined;
  private failure: NnrpError | undefined;
  private over = false;
  private discarding = false;
  private wake: (() => void) | undefined;
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
    this.settled ??= this.lastResult();
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
    if (!result.partial) {
      this.over = true;
      this.last = result;
    }
    if (this.discarding) this.owner.consumed(result.byteLength);
    else this.waiting.push(result);
    this.wakeReader();
  }

  /** For the session: there will be no more. */
  fail(error: NnrpError): void {
    if (this.over) return;
    this.over = true;
    this.failure = error;
    this.wakeReader();
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
    this.owner.consumed(result.byteLength);
    return result;
  }

  private discard(): void {
    this.discarding = true;
    while (this.take() !== undefined);
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private wakeReader(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }
}
