import { TimeoutError } from 'nnrp-core';
import type { Guarded } from '../../base/guard.js';
import { unheard } from '../../base/promises/settled.js';
import { Patience } from '../../base/time/patience.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';

/** An answer that is awaited for a bounded time. Only the first outcome counts. */
export class PendingAnswer<T> {
  /** How it ends; may be left alone, also when it rejects. */
  readonly promise: Promise<T>;
  private patience: Patience;
  private accept: (value: T) => void = () => {};
  private refuse: (error: unknown) => void = () => {};

  /**
   * @param what - for the message, such as `no answer to SESSION_PATCH`
   * @param timedOut - called after `timeoutMs` milliseconds; it settles this, and whatever else depends on it
   */
  constructor(
    private readonly owner: Guarded,
    private readonly what: string,
    timeoutMs: number,
    private readonly timedOut: (error: TimeoutError) => void,
  ) {
    this.promise = unheard(
      new Promise((resolve, reject) => {
        this.accept = resolve;
        this.refuse = reject;
      }),
    );
    this.patience = this.wait(timeoutMs);
  }

  /** Waits for so many milliseconds from now, whatever was said before. */
  waitOnly(timeoutMs: number): void {
    this.patience.end();
    this.patience = this.wait(timeoutMs);
  }

  resolve(value: T): void {
    this.patience.end();
    this.accept(value);
  }

  reject(error: unknown): void {
    this.patience.end();
    this.refuse(error);
  }

  private wait(timeoutMs: number): Patience {
    return new Patience(this.owner, Math.min(timeoutMs, MAX_TIMER_MS), () =>
      this.timedOut(new TimeoutError(`${this.what} within ${timeoutMs} ms`, timeoutMs)),
    );
  }
}
