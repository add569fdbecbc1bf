import { printable } from 'nnrp-core';
import { HandlerError, preview3 } from 'nnrp-runtime';
import { isObject, member } from 'nnrp-runtime/transport';
import { namesOf, type OpenAiError, readError } from './read-error.js';
import type { Advice } from './response-advice.js';
import type { Secrets } from './secrets.js';

const MAX_TEXT_BYTES = 4000;
const NOT_FOUND = 404;
const TOO_MANY_REQUESTS = 429;
const SERVICE_UNAVAILABLE = 503;
/** Codes of OpenSSL, of its verification, and of the check of names. */
const IS_OF_TLS = /^(?:ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO$)/;
/** Statuses by which a server says that the same request may succeed later. */
const RETRYABLE: readonly number[] = [408, 425, TOO_MANY_REQUESTS, 502, SERVICE_UNAVAILABLE, 504];
/** Their texts may tell of the key, which is the gateway's and not the client's. */
const OF_THE_GATEWAY: readonly number[] = [401, 403, 407];

/**
 * What the client is told of a status that is no success.
 *
 * @param body - of the response: JSON, or plain text; undefined where it is neither
 */
export function statusFailure(status: number, body: unknown, advice: Advice, secrets: Secrets): HandlerError {
  const { retryAfterMs, requestId, shouldRetry } = advice;
  const more = { ...(requestId !== undefined && { requestId }), ...(shouldRetry !== undefined && { shouldRetry }) };
  if (OF_THE_GATEWAY.includes(status)) {
    const message = `the model server refuses the credentials of this gateway (status ${status})`;
    return failure(`HTTP_${status}`, 502, message, false, undefined, more);
  }
  const isRetryable = shouldRetry ?? (retryAfterMs > 0 || RETRYABLE.includes(status));
  const isBusy = status === TOO_MANY_REQUESTS || status === SERVICE_UNAVAILABLE;
  const error = errorOfStatus(status, body, secrets);
  return new HandlerError(`HTTP_${status}`, printable(error.message, MAX_TEXT_BYTES), {
    retryAfterMs,
    retryable: isRetryable,
    wireCode: isBusy ? preview3.ErrorCode.ServerBusy : preview3.ErrorCode.InternalError,
    details: { status, error, ...more },
  });
}

function errorOfStatus(status: number, body: unknown, secrets: Secrets): OpenAiError {
  const isNoPath = status === NOT_FOUND && (typeof body === 'string' || isNotFound(body));
  const hint = status === NOT_FOUND ? ': is the end of its address missing, such as /v1?' : '';
  const generic = `the model server answered with status ${status}${hint}`;
  // What a server says of its own failure may be for its operator alone; what it calls it is not.
  if (status >= 500) return { ...errorOf(generic), ...namesOf(body, secrets) };
  return readError(isNoPath ? undefined : body, generic, secrets);
}

/** What FastAPI says where it has no such path. */
function isNotFound(body: unknown): boolean {
  return isObject(body) && member(body, 'detail') === 'Not Found';
}

/** An event of a stream that is an error: it is meant for the client. @param said - JSON, or a text */
export function eventFailure(said: unknown, secrets: Secrets): HandlerError {
  const error = readError(said, 'the model server has ended its stream with an error', secrets, 'server_error');
  const { code } = error;
  const status = typeof code === 'number' && code >= 400 && code < 600 ? code : 500;
  const message = printable(error.message, MAX_TEXT_BYTES);
  return new HandlerError('upstream_error', message, { retryable: false, details: { status, error } });
}

/** The answer is in another form than asked for. @param what - such as `a redirect to elsewhere` */
export function formFailure(what: string): HandlerError {
  return failure('upstream_malformed', 502, `the model server answered with ${what}`);
}

export function tooLarge(what: string, bytes: number): HandlerError {
  return failure('upstream_too_large', 502, `the model server answered with ${what} of more than ${bytes} bytes`);
}

export function cutFailure(cause?: unknown): HandlerError {
  return failure('upstream_cut', 502, 'the model server ended its answer before it was whole', false, cause);
}

/** As many requests are under way and wait as may. */
export function poolFull(most: number): HandlerError {
  const message = `as many requests as may are with the model server, or wait for it: ${most}`;
  return new HandlerError('upstream_busy', message, {
    retryAfterMs: 1000,
    wireCode: preview3.ErrorCode.ServerBusy,
    details: { status: SERVICE_UNAVAILABLE, error: errorOf(message) },
  });
}

/** The connection has failed. @param hasBegun - the response had begun to come */
export function connectionFailure(error: unknown, hasBegun: boolean): HandlerError {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return failure('upstream_unreachable', 502, `the model server cannot be reached: ${code}`, true, error);
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return failure('upstream_timeout', 504, 'the model server did not answer in time', false, error);
    case 'UND_ERR_HEADERS_OVERFLOW':
      return failure('upstream_malformed', 502, 'the model server answered with too many headers', false, error);
    default:
      break;
  }
  if (name === 'HTTPParserError') return formFailure('no HTTP');
  if (typeof code === 'string' && IS_OF_TLS.test(code)) {
    const text = `the model server cannot be reached: its certificate is not trusted, or it speaks no TLS (${code})`;
    return failure('upstream_unreachable', 502, text, false, error);
  }
  if (hasBegun) return cutFailure(error);
  return failure('upstream_reset', 502, 'the connection to the model server was lost before it answered', false, error);
}

/** The same with what the model server calls the request, unless it says so already: its headers came before it failed. */
export function withRequestId(error: unknown, requestId: string | undefined): unknown {
  if (requestId === undefined || !isHandlerError(error)) return error;
  const { code, message, retryAfterMs, isRetryable: retryable, wireCode, details, cause } = error;
  if (!isObject(details) || member(details, 'requestId') !== undefined) return error;
  return new HandlerError(code, message, {
    retryAfterMs,
    retryable,
    wireCode,
    details: { ...details, requestId },
    cause,
  });
}

export function isHandlerError(error: unknown): error is HandlerError {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === HandlerError.name;
}

function failure(
  code: string,
  status: number,
  message: string,
  retryable = false,
  cause?: unknown,
  more: object = {},
): HandlerError {
  return new HandlerError(code, message, { retryable, details: { status, error: errorOf(message), ...more }, cause });
}

function errorOf(message: string): OpenAiError {
  return { message, type: 'server_error', param: null, code: null };
}
