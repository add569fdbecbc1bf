import { CancelledError, DeadlineError, isNnrpError, type NnrpError } from 'nnrp-core';
import { reasonOf, whenAborted } from '../../base/application/abort-signals.js';
import { later, NO_OWNER } from '../../base/guard.js';
import type { CallInterceptor, CallRequest } from './call-request.js';
import { type RetryOptions, retryOptions } from './retry-options.js';
import { whenSessionEnds } from './session-end.js';

/** Codes that say that the work was not begun. SESSION_LOST says so by `isRetryable`. */
const NOT_BEGUN: readonly string[] = [
  'NNRP_ERR_FLOW_BLOCKED',
  'NNRP_ERR_IN_FLIGHT_LIMIT',
  'NNRP_ERR_RETRY_LATER',
  'NNRP_ERR_SERVER_BUSY',
  'NNRP_ERR_SESSION_LOST',
];

/**
 * An interceptor that makes a call again which has failed, where that is safe: the error says that it may help
 * (`isRetryable`), no partial result has been handed out, and the work was not begun (the server was busy, say), or the
 * handler itself has asked for another attempt, or the call is `isIdempotent`. It waits as long as the error says
 * (`retryAfterMs`), else for a random part of a time that doubles, and never beyond the deadline of the call or the end of the
 * session: then the next attempt says why that is over.
 *
 * @throws UsageError on a wrong option
 */
export function retries(options?: RetryOptions): CallInterceptor {
  const { maxAttempts, backoffMs, maxWaitMs } = retryOptions(options);
  return async function* retried(request, next) {
    const endMs = request.deadlineMs ? performance.now() + request.deadlineMs : Number.POSITIVE_INFINITY;
    for (let attempt = 1; ; attempt++) {
      const steps = next(attempt === 1 ? request : withTimeLeft(request, endMs));
      let hasBegun = false;
      try {
        for (;;) {
          const step = await steps.next();
          if (step.done) return step.value;
          hasBegun = true;
          yield step.value;
        }
      } catch (error) {
        if (hasBegun || attempt === maxAttempts || !mayRepeat(error, request.isIdempotent)) throw error;
        const waitMs = error.retryAfterMs > 0 ? error.retryAfterMs : Math.random() * backoffMs * 2 ** (attempt - 1);
        if (waitMs > maxWaitMs || performance.now() + waitMs >= endMs) throw error;
        await wait(waitMs, request.signal, next);
      } finally {
        // Does nothing where it has come to its end; leaves it where the caller has left this one.
        await steps.return(undefined as never);
      }
    }
  };
}

function mayRepeat(error: unknown, isIdempotent: boolean): error is NnrpError {
  if (!isNnrpError(error) || !error.isRetryable) return false;
  // What is not of these packages, the application of the server has said.
  return isIdempotent || NOT_BEGUN.includes(error.code) || !error.code.startsWith('NNRP_');
}

function withTimeLeft(request: CallRequest, endMs: number): CallRequest {
  if (endMs === Number.POSITIVE_INFINITY) return request;
  const deadlineMs = Math.floor(endMs - performance.now());
  if (deadlineMs > 0) return { ...request, deadlineMs };
  const granted = request.deadlineMs ?? 0;
  throw new DeadlineError(`no time is left for another attempt within ${granted} ms`, granted);
}

/** Waits so long, or until the session is over. */
function wait(ms: number, signal: AbortSignal | undefined, next: Parameters<CallInterceptor>[1]): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      unfollow();
      unwatch();
    };
    const goOn = () => {
      end();
      resolve();
    };
    const timer = later(NO_OWNER, ms, goOn);
    const unwatch = whenSessionEnds(next, goOn);
    const unfollow = whenAborted(NO_OWNER, signal, () => {
      clearTimeout(timer);
      unwatch();
      const cause = signal === undefined ? undefined : reasonOf(signal);
      reject(new CancelledError('the call was cancelled while it waited for another attempt', { cause }));
    });
  });
}
