import { isNnrpError, printable, shownPlain, UsageError } from 'nnrp-core';
import type { CallInterceptor, CallRequest } from './client/call-request.js';
import type { IncomingCall, ServerInterceptor } from './server/incoming-call.js';
import type { CallRoute } from './wire/route.js';
import type { CallSteps } from './wire/steps.js';

const MAX_TEXT_BYTES = 1024;

/** One call that is over. There is no body, no metadata and no text of an error in it. */
export interface CallRecord {
  readonly route: CallRoute;
  /** Cleaned, so that no terminal obeys it. */
  readonly requestId: string;
  /** `ok`, the code of the error, `Error` for one without a code, or `left` where the rest was not wanted. */
  readonly outcome: string;
  readonly partials: number;
  /** Milliseconds from its beginning to its end. */
  readonly durationMs: number;
}

type Logged = (
  call: CallRequest & IncomingCall,
  next: (call: never) => CallSteps<unknown, never>,
) => CallSteps<unknown, never>;

/**
 * An interceptor of either end that tells of each call when it is over. What `log` throws is the caller's to see.
 *
 * @param log - such as `(record) => logger.info(record, 'call')`
 * @throws UsageError when it is no function
 */
export function callLogging(log: (record: CallRecord) => void): CallInterceptor & ServerInterceptor {
  if (typeof log !== 'function') throw new UsageError(`callLogging: log takes a function, got ${shownPlain(log)}`);
  const logged: Logged = async function* logged(call, next) {
    const { route, requestId } = call;
    const startedMs = performance.now();
    let partials = 0;
    let outcome = 'left';
    const steps = next(call as never);
    try {
      for (;;) {
        const step = await steps.next();
        if (step.done) {
          outcome = 'ok';
          return step.value;
        }
        partials++;
        yield step.value;
      }
    } catch (error) {
      outcome = codeOf(error);
      throw error;
    } finally {
      await steps.return?.(undefined as never);
      log({
        route,
        requestId: printable(requestId, MAX_TEXT_BYTES),
        outcome,
        partials,
        durationMs: performance.now() - startedMs,
      });
    }
  };
  return logged as unknown as CallInterceptor & ServerInterceptor;
}

function codeOf(error: unknown): string {
  if (isNnrpError(error)) return printable(error.code, MAX_TEXT_BYTES);
  const code: unknown = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : 'Error';
}
