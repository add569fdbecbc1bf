import { checkSignal } from '../../base/application/abort-signals.js';
import { integer, type OptionTable, optionTable, TRUTH, U64 } from '../../base/option-kinds.js';
import { type Kept, readValues } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { CallMetadata } from '../wire/metadata.js';
import type { CallInterceptor } from './call-request.js';

/** How one call is made; what is left out, or undefined, has its default. */
export interface CallOptions {
  /** Names and values that go beside the body, such as `traceparent`; default none. */
  readonly metadata?: CallMetadata | undefined;
  /** Gives the call up when it aborts; default none. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take, retries and the wait for its turn included, 0 = any; default that of the session, for the work alone. */
  readonly deadlineMs?: number | undefined;
  /** Names the call in logs of both ends, at most 256 characters; default a number of this process. */
  readonly requestId?: string | undefined;
  /** Trace id in the header of the submit; default 0, none. */
  readonly traceId?: bigint | undefined;
  /** Whether doing the work twice does no harm, so that a retry may follow any failure; default false. */
  readonly isIdempotent?: boolean | undefined;
  /** What stands around the call, the first one outermost; default none. */
  readonly interceptors?: readonly CallInterceptor[] | undefined;
}

const OPTIONS: OptionTable = optionTable<CallOptions>({
  metadata: undefined,
  signal: undefined,
  deadlineMs: integer(0, MAX_TIMER_MS),
  requestId: {
    takes: 'a text of at most 256 characters',
    fits: (value) => typeof value === 'string' && value.length <= 256,
    shown: (value) => (typeof value === 'string' ? `${value.length} characters` : typeof value),
  },
  traceId: U64,
  isIdempotent: TRUTH,
  interceptors: {
    takes: 'a list of functions',
    fits: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'function'),
    shown: (value) => (Array.isArray(value) ? 'a list of something else' : typeof value),
  },
});

/** @throws UsageError on an option that does not exist or fit */
export function callOptions(options: CallOptions | undefined): Kept<CallOptions> {
  const given = readValues('call options', options, OPTIONS);
  checkSignal(given.signal);
  return given;
}
