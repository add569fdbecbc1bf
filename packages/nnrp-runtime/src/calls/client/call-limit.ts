import { DeadlineError } from 'nnrp-core';
import { whenAborted } from '../../base/application/abort-signals.js';
import { NO_OWNER } from '../../base/guard.js';
import { Patience } from '../../base/time/patience.js';
import type { CallRequest } from './call-request.js';

/** A submit that has left so soon did not wait: from then on its server keeps the deadline, and says so. In milliseconds. */
const AT_ONCE_MS = 5;

/** The deadline of a call, which counts from here: that of a submit counts from when it leaves, and it may wait for its turn. */
export class CallLimit {
  /** Aborts with that of the call, or when the time is over. */
  readonly signal: AbortSignal;
  private readonly patience: Patience;
  private readonly letGo: () => void;
  private readonly beganMs = performance.now();
  private isSent = false;
  private late: DeadlineError | undefined;

  /** Undefined where there is no deadline, or where the submit refuses what an interceptor has given. */
  static of({ signal, deadlineMs }: Pick<CallRequest, 'signal' | 'deadlineMs'>): CallLimit | undefined {
    const isLimited = typeof deadlineMs === 'number' && deadlineMs > 0;
    return isLimited && (signal === undefined || typeof signal.addEventListener === 'function')
      ? new CallLimit(signal, deadlineMs)
      : undefined;
  }

  /** @param deadlineMs - above 0 */
  private constructor(
    signal: AbortSignal | undefined,
    private readonly deadlineMs: number,
  ) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.letGo = whenAborted(NO_OWNER, signal, (reason) => controller.abort(reason));
    this.patience = new Patience(NO_OWNER, deadlineMs, () => {
      this.late = this.error();
      controller.abort(this.late);
    });
  }

  sent(): void {
    this.isSent = true;
    if (performance.now() - this.beganMs < AT_ONCE_MS) this.patience.end();
  }

  /** What the call fails with. @param error - of its submit */
  failure(error: unknown): unknown {
    return this.late ?? error;
  }

  end(): void {
    this.patience.end();
    this.letGo();
  }

  private error(): DeadlineError {
    const { deadlineMs } = this;
    const text = this.isSent
      ? `no result within ${deadlineMs} ms, the wait for its turn included`
      : `the call has waited ${deadlineMs} ms for its turn, and was not sent`;
    return new DeadlineError(text, deadlineMs);
  }
}
