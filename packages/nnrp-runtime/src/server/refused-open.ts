import { UsageError } from 'nnrp-core';
import { SessionErrorCode } from 'nnrp-core/preview3';
import { messageOf } from '../base/thrown-text.js';
import type { ErrorDetails } from '../connection/error-details.js';
import { SERVER_SHUTDOWN } from './frame-failure.js';
import { readHandlerError } from './handler-error.js';

/** Why a session is not opened: the code that every client gets, and what those are told besides that understand it. */
export interface OpenFailure {
  /** A session_error_code, or an application's own. */
  readonly errorCode: number;
  readonly why?: ErrorDetails;
  /** For the application of the server: what the policy threw. */
  readonly cause?: unknown;
}

export const SHUTS_DOWN: OpenFailure = Object.freeze({
  errorCode: SessionErrorCode.SessionLimitReached,
  why: Object.freeze({ ...SERVER_SHUTDOWN.details, message: SERVER_SHUTDOWN.text }),
});

/** @param whose - the server or the connection, of which `option` is the limit */
export function tooManySessions(whose: string, option: string, limit: number): OpenFailure {
  return limitReached(`${whose} has as many sessions as may be: ${option} is ${limit}`, true);
}

export function tooManyConnections(limit: number): OpenFailure {
  return limitReached(`the server has as many connections as may be: maxConnections is ${limit}`, true);
}

/** @param requestedSessionId - 0 when any id would have done */
export function noSuchId(requestedSessionId: number): OpenFailure {
  return requestedSessionId === 0
    ? limitReached('no session id is free', true)
    : limitReached(`requested id ${requestedSessionId} is in use`, false);
}

/**
 * Whether a policy that decides so may have been shown a wrong token: it says auth_failed, or that the same will not
 * succeed when it is asked for again. Any other code is a reason of another kind, and so is a policy that has failed.
 */
export function mayBeGuess({ errorCode, why, cause }: OpenFailure): boolean {
  if (errorCode !== SessionErrorCode.AuthFailed) return false;
  return cause === undefined || (readHandlerError(cause) !== undefined && why?.retryable === false);
}

/** @param thrown - by the policy; only a HandlerError is for the client, unless `exposed` */
export function policyFailed(thrown: unknown, exposed: boolean): OpenFailure {
  const read = readHandlerError(thrown);
  if (read === undefined) {
    return policyFailure(exposed ? `${FAILED}: ${messageOf(thrown, 'it threw')}` : FAILED, true, thrown);
  }
  const { code, message, retryAfterMs, details, isRetryable: retryable } = read;
  const why = { code, message, details, retryable, retryAfterMs };
  return { errorCode: SessionErrorCode.AuthFailed, why, cause: thrown };
}

export function policyTooSlow(policyTimeoutMs: number): OpenFailure {
  const cause = new UsageError(`policy: no answer within policyTimeoutMs, ${policyTimeoutMs} ms`);
  return policyFailure(`the server's policy gave no answer within ${policyTimeoutMs} ms`, true, cause);
}

/** @param cause - what is wrong with the policy's answer */
export function policyWrong(cause: UsageError): OpenFailure {
  return policyFailure("the server's policy gave an answer that is none", false, cause);
}

const FAILED = "the server's policy failed";

function limitReached(message: string, retryable: boolean): OpenFailure {
  return { errorCode: SessionErrorCode.SessionLimitReached, why: { message, retryable } };
}

function policyFailure(message: string, retryable: boolean, cause: unknown): OpenFailure {
  return { errorCode: SessionErrorCode.AuthFailed, why: { message, retryable }, cause };
}
