import {
  CancelledError,
  ClosedError,
  DeadlineError,
  isPeerError,
  type NnrpError,
  PeerError,
  UsageError,
} from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';
import { OWN_CODES, type ReportedError } from './peer-error.js';
import { errorCodeName } from './wire-names.js';

/** Codes of frames that a server gives up because it, or their session, comes to an end. */
export const CUT_CODES: readonly string[] = ['NNRP_ERR_CLOSED', 'NNRP_ERR_SERVER_SHUTDOWN'];

/** What the codes mean that a server may give for a frame, for a server that gives no text. */
const MEANINGS: Readonly<Record<string, string>> = {
  NNRP_ERR_DEADLINE: 'no result by its deadline',
  NNRP_ERR_CANCELLED_BY_SERVER: 'it was cancelled',
  NNRP_ERR_CLOSED: 'its session was closed',
  NNRP_ERR_SERVER_SHUTDOWN: 'the server is shutting down',
  NNRP_ERR_IN_FLIGHT_LIMIT: 'too many operations are in flight',
  NNRP_ERR_SERVER_BUSY: 'too much work waits already',
  NNRP_ERR_HANDLER_FAILED: 'the handler failed',
  NNRP_ERR_RESULT_TOO_LARGE: 'the result is larger than this client takes',
  NNRP_ERR_SUBMIT_REFUSED: 'the submit is refused',
};

/** What a server without details means by a code of frame scope. */
const BY_WIRE_CODE: Readonly<Record<number, string>> = {
  [ErrorCode.FrameExpired]: 'NNRP_ERR_DEADLINE',
  [ErrorCode.FrameCancelled]: 'NNRP_ERR_CANCELLED_BY_SERVER',
  [ErrorCode.LimitExceeded]: 'NNRP_ERR_IN_FLIGHT_LIMIT',
  [ErrorCode.ServerBusy]: 'NNRP_ERR_SERVER_BUSY',
  [ErrorCode.InternalError]: 'NNRP_ERR_HANDLER_FAILED',
};

const RETRYABLE: readonly string[] = ['NNRP_ERR_SERVER_SHUTDOWN', 'NNRP_ERR_IN_FLIGHT_LIMIT', 'NNRP_ERR_SERVER_BUSY'];

/**
 * How a frame ends that the server reports a failure of.
 *
 * @param deadlineMs - what the client had granted, 0 = any time
 */
export function frameFailure(reported: ReportedError, frameId: number, deadlineMs: number): NnrpError {
  const { message, error, details } = reported;
  const { errorCode: wireCode, retryAfterMs } = message;
  if (details.code !== undefined && !details.code.startsWith(OWN_CODES)) return error;
  const code = knownCode(details.code) ?? BY_WIRE_CODE[wireCode] ?? 'NNRP_ERR_SUBMIT_REFUSED';
  const said = reported.text === '' ? MEANINGS[code] : reported.text;
  const text = `the server reports ${errorCodeName(wireCode)} for frame ${frameId}: ${said}`;
  const isRetryable = details.retryable ?? (retryAfterMs > 0 || RETRYABLE.includes(code));
  const options = { wireCode, retryAfterMs, isRetryable, details: details.details };
  switch (code) {
    case 'NNRP_ERR_DEADLINE':
      return new DeadlineError(text, deadlineMs, options);
    case 'NNRP_ERR_CANCELLED_BY_SERVER':
      return new CancelledError(text, options, code);
    case 'NNRP_ERR_CLOSED':
      return new ClosedError(text, options);
    default:
      return new PeerError(code, text, wireCode, retryAfterMs, options);
  }
}

/**
 * How a frame ends that the server dropped without a word.
 *
 * @param explains - the server is one that says why, unless its handler has dropped the frame
 * @param overdueMs - the deadline that the client had granted, if it is over; else 0
 * @param closing - why the session takes no more work, where that may be the reason
 * @param isCut - work in progress has had its time since, so that it is the reason
 */
export function dropFailure(
  frameId: number,
  explains: boolean,
  overdueMs: number,
  closing: NnrpError | undefined,
  isCut: boolean,
): NnrpError {
  if (!explains && overdueMs > 0) {
    const text = `frame ${frameId} was dropped by the server after its deadline of ${overdueMs} ms`;
    return new DeadlineError(text, overdueMs);
  }
  const by = explains ? "the server's handler" : 'the server, which does not say why';
  const text = `frame ${frameId} was dropped by ${by}`;
  if (closing === undefined) return new PeerError('NNRP_ERR_RESULT_DROPPED', text, 0);
  const why = `${text}: ${closing.rawMessage}`;
  if (!isCut) return new PeerError('NNRP_ERR_RESULT_DROPPED', why, 0);
  if (!isPeerError(closing)) return new ClosedError(why);
  const { code, wireCode, retryAfterMs, isRetryable } = closing;
  return new PeerError(code, why, wireCode, retryAfterMs, { isRetryable });
}

/** Why a session takes no more work, or what is in flight gets no answer: its server shuts down. */
export function serverShutdown(sessionId: number): PeerError {
  const text = `session ${sessionId}: the server is shutting down`;
  return new PeerError('NNRP_ERR_SERVER_SHUTDOWN', text, ErrorCode.ServerBusy, 0, { isRetryable: true });
}

function knownCode(code: string | undefined): string | undefined {
  return code !== undefined && Object.hasOwn(MEANINGS, code) ? code : undefined;
}

/** A server that answers in parts where one result was asked for. */
export function answersInParts(frameId: number): UsageError {
  return new UsageError(
    `frame ${frameId}: the server answers in parts, and request() takes a single result; ` +
      'use submit(), and read the operation or its text()',
  );
}

/** The end of its session leaves a frame without an answer. */
export function cutError(frameId: number, reason: NnrpError): ClosedError {
  return new ClosedError(`frame ${frameId} was cut: ${reason.rawMessage}`, { cause: reason });
}
