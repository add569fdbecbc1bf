import { DeadlineError, isNnrpError } from 'nnrp-core';
import { isAbortSignal, whenAborted } from '../../base/application/abort-signals.js';
import { NO_OWNER } from '../../base/guard.js';
import { Patience } from '../../base/time/patience.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
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
  static of({ signal, deadlineMs = 0 }: Pick<CallRequest, 'signal' | 'deadlineMs'>): CallLimit | undefined {
    const isLimited = Number.isInteger(deadlineMs) && deadlineMs > 0 && deadlineMs <= MAX_TIMER_MS;
    return isLimited && (signal === undefined || isAbortSignal(signal)) ? new CallLimit(signal, deadlineMs) : undefined;
  }

  /** @param deadlineMs - above 0 */
  private constructor(
    signal: AbortSignal | undefined,
    private readonly deadlineMs: number,
  ) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.letGo = whenAborted(NO_OWNER, signal, (reason) => controller.abort(reason));
    // The connection keeps the process running; a stream that is dropped half-read does not.
    this.patience = new Patience(NO_OWNER, deadlineMs, () => {
      if (controller.signal.aborted) return;
      this.late = this.error();
      controller.abort(this.late);
    }).unref();
  }

  sent(): void {
    this.isSent = true;
    if (performance.now() - this.beganMs < AT_ONCE_MS) this.patience.end();
  }

  /** What the call fails with. @param error - of its submit, which may have failed before for another reason */
  failure(error: unknown): unknown {
    const isCut = isNnrpError(error) && error.code === 'NNRP_ERR_CANCELLED';
    return isCut ? (this.late ?? error) : error;
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
