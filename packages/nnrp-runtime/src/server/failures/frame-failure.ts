import { ErrorCode } from 'nnrp-core/preview3';
import { messageOf } from '../../base/application/thrown-text.js';
import type { ErrorDetails } from '../../connection/errors/error-details.js';
import { tooLargeText } from '../../connection/packet-limit.js';
import { readHandlerError } from './handler-error.js';

/** Advice to a client whose submit finds the queue full: about what a short operation takes. */
const BUSY_RETRY_MS = 100;
const HANDLER_FAILED = 'the handler failed';

/** Why a frame or a request has no other answer: what its client is told by ERROR, as far as it understands it. */
export interface FrameFailure {
  readonly wireCode: number;
  readonly text: string;
  readonly retryAfterMs: number;
  readonly details: ErrorDetails;
}

export const SERVER_SHUTDOWN: FrameFailure = Object.freeze({
  wireCode: ErrorCode.ServerBusy,
  text: 'the server is shutting down',
  retryAfterMs: 0,
  details: Object.freeze({ code: 'NNRP_ERR_SERVER_SHUTDOWN', retryable: true }),
});

export function deadlineFailure(deadlineMs: number): FrameFailure {
  return failure('NNRP_ERR_DEADLINE', ErrorCode.FrameExpired, `no result within ${deadlineMs} ms`);
}

export const CANCELLED_BY_SERVER: FrameFailure = Object.freeze(
  failure('NNRP_ERR_CANCELLED_BY_SERVER', ErrorCode.FrameCancelled, 'cancelled by the server'),
);

/** Over preview4 a client may put another operation in the place of one. */
export function supersededFailure(text: string): FrameFailure {
  return failure('NNRP_ERR_SUPERSEDED', ErrorCode.FrameCancelled, text);
}

/** @param text - which session, and which side closed it */
export function sessionClosed(text: string): FrameFailure {
  return failure('NNRP_ERR_CLOSED', ErrorCode.FrameCancelled, text);
}

export function aboveInFlightLimit(limit: number): FrameFailure {
  const text = `the session has as many in flight as the server allows: maxInFlightOperations is ${limit}`;
  return failure('NNRP_ERR_IN_FLIGHT_LIMIT', ErrorCode.LimitExceeded, text, true);
}

export function serverBusy(limit: number): FrameFailure {
  return busyWith(`as many wait for a handler as may: maxQueuedOperations is ${limit}`);
}

/** @param limit - bytes, of all submits whose handlers run */
export function serverFull(limit: number): FrameFailure {
  return busyWith(`the submits that are worked on hold as much as they may: maxRunningBytes is ${limit}`);
}

/** @param limit - of its connection; less while other connections wait, which have their share */
export function connectionBusy(limit: number): FrameFailure {
  return busyWith(`as many of this connection wait for a handler as may: maxQueuedPerConnection is ${limit}`);
}

function busyWith(text: string): FrameFailure {
  const busy = failure('NNRP_ERR_SERVER_BUSY', ErrorCode.ServerBusy, text, true);
  return { ...busy, retryAfterMs: BUSY_RETRY_MS };
}

/** A rule of the protocol, or an object that is not there. */
export function submitRefused(wireCode: number, text: string): FrameFailure {
  return failure('NNRP_ERR_SUBMIT_REFUSED', wireCode, text);
}

/** What the client is told of a HandlerError, exactly; undefined for whatever else a handler has thrown. */
export function failureOnPurpose(thrown: unknown): FrameFailure | undefined {
  const read = readHandlerError(thrown);
  if (read === undefined) return undefined;
  const { code, message, retryAfterMs, details, isRetryable, wireCode } = read;
  return { wireCode, text: message, retryAfterMs, details: { code, details, retryable: isRetryable } };
}

/** What the client is told of a defect. @param exposed - whether it may read what was thrown */
export function handlerFailure(thrown: unknown, exposed: boolean): FrameFailure {
  const tooLarge = tooLargeText(thrown);
  if (tooLarge !== undefined) return failure('NNRP_ERR_RESULT_TOO_LARGE', ErrorCode.LimitExceeded, tooLarge);
  const text = exposed ? messageOf(thrown, HANDLER_FAILED) : HANDLER_FAILED;
  return failure('NNRP_ERR_HANDLER_FAILED', ErrorCode.InternalError, text);
}

function failure(code: string, wireCode: number, text: string, retryable = false): FrameFailure {
  return { wireCode, text, retryAfterMs: 0, details: { code, retryable } };
}
