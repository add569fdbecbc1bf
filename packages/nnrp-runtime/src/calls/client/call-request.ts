import type { CallMetadata } from '../wire/metadata.js';
import type { CallRoute } from '../wire/route.js';
import type { CallSteps } from '../wire/steps.js';

/** A call before it is sent. An interceptor that passes another one on makes a copy: `next({ ...request, metadata })`. */
export interface CallRequest {
  readonly route: CallRoute;
  /** What JSON can hold, or bytes. */
  readonly body: unknown;
  readonly metadata: CallMetadata;
  readonly requestId: string;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds that are left, 0 = any; undefined where the session says. */
  readonly deadlineMs: number | undefined;
  readonly traceId: bigint | undefined;
  readonly isIdempotent: boolean;
}

/** What answered a call. */
export interface CallAnswer<Body = unknown> {
  /** What JSON can hold; bytes where the other end has answered with bytes, not copied. The type is the caller's word. */
  readonly body: Body;
  /** What the other end has put beside it. */
  readonly metadata: CallMetadata;
}

/**
 * Stands around calls of the end that calls. It is an async generator as a rule, which passes on what `next` gives:
 *
 * ```js
 * async function* timed(request, next) {
 *   const startedMs = performance.now();
 *   const answer = yield* next(request);
 *   console.log(request.route, performance.now() - startedMs);
 *   return answer;
 * }
 * ```
 *
 * Nothing is sent before `next` is called, and each call of it sends the work once more.
 */
export type CallInterceptor = (
  request: CallRequest,
  next: (request: CallRequest) => CallSteps<unknown, CallAnswer>,
) => CallSteps<unknown, CallAnswer>;
