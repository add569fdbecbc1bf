import { shownPlain, UsageError } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';
import { HandlerError } from '../../server/failures/handler-error.js';
import type { IncomingCall, ServerInterceptor } from './incoming-call.js';

/**
 * An interceptor that lets calls through which `check` takes, and refuses the others with the code `unauthenticated`. What a
 * session may do at all is better decided once, by `authorize` of the server; this is for what differs from call to call.
 *
 * @param check - whether the call may go on, itself or as a promise; what it throws, such as a HandlerError with a code of its
 * own, is the answer
 * @throws UsageError when it is no function
 */
export function authentication(check: (call: IncomingCall) => boolean | PromiseLike<boolean>): ServerInterceptor {
  if (typeof check !== 'function')
    throw new UsageError(`authentication: check takes a function, got ${shownPlain(check)}`);
  return async function* authenticated(call, next) {
    if ((await check(call)) !== true) {
      const text = 'the call has no credentials that are known here';
      throw new HandlerError('unauthenticated', text, { wireCode: ErrorCode.AuthFailed, retryable: false });
    }
    return yield* next(call);
  };
}
