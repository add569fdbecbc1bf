import { type NnrpError, TimeoutError } from 'nnrp-core';
import { type Guarded, later } from '../base/guard.js';
import { unheard } from '../settled.js';
import { MAX_TIMER_MS } from '../timer-limit.js';

/** An answer that is awaited for a bounded time. Only the first outcome counts. */
export class PendingAnswer<T> {
  /** How it ends; may be left alone, also when it rejects. */
  readonly promise: Promise<T>;
  private readonly timer: NodeJS.Timeout;
  private accept: (value: T) => void = () => {};
  private refuse: (error: NnrpError) => void = () => {};

  /**
   * @param what - for the message, such as `no answer to SESSION_PATCH`
   * @param timedOut - called after `timeoutMs` milliseconds; it settles this, and whatever else depends on it
   */
  constructor(owner: Guarded, what: string, timeoutMs: number, timedOut: (error: TimeoutError) => void) {
    this.promise = unheard(
      new Promise((resolve, reject) => {
        this.accept = resolve;
        this.refuse = reject;
      }),
    );
    this.timer = later(owner, Math.min(timeoutMs, MAX_TIMER_MS), () =>
      timedOut(new TimeoutError(`${what} within ${timeoutMs} ms`, timeoutMs)),
    );
  }

  resolve(value: T): void {
    clearTimeout(this.timer);
    this.accept(value);
  }

  reject(error: NnrpError): void {
    clearTimeout(this.timer);
    this.refuse(error);
  }
}
