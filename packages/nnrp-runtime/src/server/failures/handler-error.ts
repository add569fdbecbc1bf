import { checking, shownPlain, UsageError } from 'nnrp-core';
import { lossOf } from '../../base/json.js';
import { type Kept, readOptions } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { encodeDetails, isErrorCode, MAX_DETAILS_BYTES } from '../../connection/errors/error-details.js';
import { utf8Length } from '../../platform/platform.js';
import { HANDLER_ERROR_DEFAULTS, HANDLER_ERROR_OPTIONS, type HandlerErrorOptions } from './handler-error-options.js';

/** Marks errors of every copy of this package. */
const BRAND = Symbol.for('nnrp.handlerError');
const MAX_MESSAGE_BYTES = 8192;
const MAX_U32 = 0xffffffff;

/**
 * Thrown by a handler for submits, patches or migrations, or by the policy, to fail on purpose: the client gets a PeerError
 * with exactly this code, message, advice and details. It is no defect, so it is not reported as `handlerFailure`.
 */
export class HandlerError extends Error {
  readonly code: string;
  readonly retryAfterMs: number;
  readonly details: unknown;
  readonly isRetryable: boolean;
  readonly wireCode: number;
  override name = 'HandlerError';

  /**
   * @param code - the application's own, 1 to 128 characters of ASCII; those that begin with NNRP_ are taken
   * @param message - for people, at most 8192 bytes of UTF-8
   * @throws UsageError when something does not fit, all of it together into 16 KiB of JSON included
   */
  constructor(code: string, message: string, given: HandlerErrorOptions = {}) {
    const options = checking([code, message, given], () => checkedOptions(code, message, given));
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const { retryAfterMs = HANDLER_ERROR_DEFAULTS.retryAfterMs } = options;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.details = options.details;
    this.isRetryable = options.retryable ?? retryAfterMs > 0;
    this.wireCode = options.wireCode ?? HANDLER_ERROR_DEFAULTS.wireCode;
  }

  get [BRAND](): true {
    return true;
  }

  /** As logs show it: JSON leaves the message of an error out. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, wireCode, isRetryable, retryAfterMs, details } = this;
    return { name, code, message, wireCode, isRetryable, retryAfterMs, details };
  }
}

/** What a HandlerError says, in plain values that say the same again. */
export type HandlerErrorFields = Pick<
  HandlerError,
  'code' | 'message' | 'retryAfterMs' | 'details' | 'isRetryable' | 'wireCode'
>;

/**
 * What a handler has failed with on purpose; also with the error of another copy of this package. Each field is read once:
 * one that was tampered with may say something else the second time.
 *
 * @returns undefined for any other error, and for one that was changed until it does not fit any more
 */
export function readHandlerError(error: unknown): HandlerErrorFields | undefined {
  try {
    if (typeof error !== 'object' || error === null || !(BRAND in error)) return undefined;
    const { code, message, retryAfterMs, details: given, isRetryable, wireCode } = error as HandlerError;
    const details: unknown = given === undefined ? undefined : JSON.parse(JSON.stringify(given));
    check(code, message, { retryAfterMs, details, retryable: isRetryable, wireCode });
    return { code, message, retryAfterMs, details, isRetryable, wireCode };
  } catch {
    return undefined;
  }
}

function checkedOptions(code: unknown, message: unknown, given: HandlerErrorOptions): Kept<HandlerErrorOptions> {
  const options = readOptions('HandlerError options', given, HANDLER_ERROR_OPTIONS);
  check(code, message, options);
  const loss = lossOf(options.details);
  if (loss !== undefined) throw wrong('details', loss);
  return options;
}

function check(code: unknown, message: unknown, options: HandlerErrorOptions): void {
  if (!isErrorCode(code)) throw wrong('code', 'text of 1 to 128 printable characters of ASCII');
  if (code.startsWith('NNRP_'))
    throw wrong('code', `a code of your own: those that begin with NNRP_ are taken, as ${code} is`);
  if (typeof message !== 'string' || utf8Length(message) > MAX_MESSAGE_BYTES) {
    throw wrong('message', `text of at most ${MAX_MESSAGE_BYTES} bytes`);
  }
  const { retryAfterMs = 0, retryable = false, wireCode = 1, details } = options;
  if (!isInteger(retryAfterMs, 0, MAX_TIMER_MS))
    throw wrong('retryAfterMs', `an integer of 0 to ${MAX_TIMER_MS}, got ${shownPlain(retryAfterMs)}`);
  if (!isInteger(wireCode, 1, MAX_U32))
    throw wrong('wireCode', `an integer of 1 to ${MAX_U32}, got ${shownPlain(wireCode)}`);
  if (typeof retryable !== 'boolean') throw wrong('retryable', `true or false, got ${shownPlain(retryable)}`);
  // With whatever stands beside it in the longest message that may carry it.
  if (encodeDetails({ code, message, details, retryable, retryAfterMs, answers: 'SESSION_MIGRATE' }) === undefined) {
    throw wrong(
      'details',
      `what JSON can hold (no bigint and no circle), with code and message at most ${MAX_DETAILS_BYTES} bytes of it`,
    );
  }
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function wrong(field: string, takes: string): UsageError {
  return new UsageError(`HandlerError: ${field} takes ${takes}`);
}
