import { printable } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';
import { MAX_TIMER_MS } from '../timer-limit.js';
import { HandlerError } from './handler-error.js';
import type { ResponseResults } from './serve-handlers.js';

const MAX_STATUS_TEXT_BYTES = 100;
const TOO_MANY_REQUESTS = 429;
const SERVICE_UNAVAILABLE = 503;
/** Statuses by which a server says that the same request may succeed later. */
const RETRYABLE: ReadonlySet<number> = new Set([408, 425, TOO_MANY_REQUESTS, 502, SERVICE_UNAVAILABLE, 504]);

/**
 * What the client is told of a response that is no success: its status, and its advice when to retry. Its body is not sent:
 * it may be long, and say what is not for the client, such as the key that was refused.
 */
export function responseFailure({ status, statusText, headers }: ResponseResults): HandlerError {
  const words = typeof statusText === 'string' && statusText !== '' ? ` ${statusText}` : '';
  const message = printable(`the response has status ${status}${words}`, MAX_STATUS_TEXT_BYTES);
  const retryAfterMs = retryAfter(headers);
  const isBusy = status === TOO_MANY_REQUESTS || status === SERVICE_UNAVAILABLE;
  return new HandlerError(`HTTP_${status}`, message, {
    retryAfterMs,
    retryable: retryAfterMs > 0 || RETRYABLE.has(status),
    wireCode: isBusy ? ErrorCode.ServerBusy : ErrorCode.InternalError,
    details: { status },
  });
}

/** Milliseconds, 0 = no advice. A date counts from the one of the response, whatever the clock here says. */
function retryAfter(headers: ResponseResults['headers'] | undefined): number {
  const advice = headers?.get('retry-after') ?? '';
  const ms = /^\d+$/.test(advice) ? Number(advice) * 1000 : Date.parse(advice) - Date.parse(headers?.get('date') ?? '');
  return ms > 0 ? Math.min(ms, MAX_TIMER_MS) : 0;
}
