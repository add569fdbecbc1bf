import { INSPECT, type Inspect } from '../text/inspected.js';
import { inspectedError } from '../text/inspected-error.js';
import { plainError } from '../text/plain-data.js';
import { printable } from '../text/printable.js';
import type { ApplicationErrorCode, NnrpErrorCode } from './error-code.js';

/** Marks errors of every copy of this package, so that isNnrpError works across duplicates. */
export const BRAND = Symbol.for('nnrp.error');
/** Longer messages are cut: what is in them may come from a peer. */
const MAX_MESSAGE_BYTES = 20_000;

/** What an error may say besides its message; what is left out has the default of its class. */
export interface NnrpErrorOptions {
  readonly cause?: unknown;
  readonly wireCode?: number;
  readonly isRetryable?: boolean;
  readonly retryAfterMs?: number;
  readonly details?: unknown;
  readonly reasonCode?: number;
}

/**
 * Base of every error the packages throw. `code` is stable and documented in docs/errors.md; the message starts with
 * it and names what was expected, what came and where.
 */
export class NnrpError extends Error {
  /** Said, here and in each class below: a bundler that minifies gives classes other names, and errors show theirs. */
  static override readonly name: string = 'NnrpError';
  /** One of these packages, or of the server's application where a {@link PeerError} brings it. */
  readonly code: NnrpErrorCode | ApplicationErrorCode;
  /** The message without the code in front. */
  readonly rawMessage: string;
  /** The code on the wire that says the same: session_error_code or ERROR.error_code; 0 = none. */
  readonly wireCode: number;
  /**
   * Whether the same call may succeed when it is made again as it is, on a new connection where this one is over. It does
   * not say that nothing was done: where the connection was lost, the work may have been.
   */
  readonly isRetryable: boolean;
  /** Milliseconds to wait before a retry; 0 when none was given. */
  readonly retryAfterMs: number;
  /** What else the other side says about the failure, plain JSON data; undefined as a rule. */
  readonly details: unknown;
  /** Why the other side has dropped the work, over preview4: see preview4.DropReasonCode. Undefined where it does not say. */
  declare readonly reasonCode?: number;
  // Defined before it is assigned, which `Object.freeze(Error.prototype)` would refuse.
  override name: string;

  constructor(code: NnrpErrorCode | ApplicationErrorCode, message: string, options: NnrpErrorOptions = {}) {
    const text = printable(message, MAX_MESSAGE_BYTES);
    // Of these it takes the cause.
    super(`[${printable(code)}] ${text}`, options);
    this.code = code;
    this.rawMessage = text;
    this.wireCode = options.wireCode ?? 0;
    this.isRetryable = options.isRetryable ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.details = options.details;
    if (options.reasonCode !== undefined) this.reasonCode = options.reasonCode;
    this.name = new.target.name;
  }

  get [BRAND](): true {
    return true;
  }

  /** Name, code and message, what else the error says, and the same of its cause: what a log that writes JSON shows. */
  toJSON(): Record<string, unknown> {
    return plainError(this);
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspectedError(this, depth, options, inspect);
  }
}
