import { ErrorCode } from 'nnrp-core/preview3';

export const HANDLER_ERROR_OPTIONS: ReadonlySet<string> = new Set<keyof HandlerErrorOptions>([
  'retryAfterMs',
  'details',
  'retryable',
  'wireCode',
  'cause',
]);

/** What a handler says of a failure besides code and message. */
export interface HandlerErrorOptions {
  /** Milliseconds after which a retry may help; default 0, no advice. */
  readonly retryAfterMs?: number | undefined;
  /** Anything that JSON can hold, for the client's program; default undefined. */
  readonly details?: unknown | undefined;
  /** Whether the same may succeed when it is asked for again; default whether `retryAfterMs` is given. */
  readonly retryable?: boolean | undefined;
  /** error_code on the wire, all that clients of other implementations see of `code`; default internal_error. */
  readonly wireCode?: number | undefined;
  /** Stays on the server. */
  readonly cause?: unknown | undefined;
}

/** What it says unless it is told otherwise; of `retryable` it depends on whether `retryAfterMs` is given. */
export const HANDLER_ERROR_DEFAULTS = { retryAfterMs: 0, wireCode: ErrorCode.InternalError } as const;
