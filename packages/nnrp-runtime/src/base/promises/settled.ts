import { ignoreRejectionsWithin, isNnrpError } from 'nnrp-core';

/** What is done at once: known by identity, so that callers need not await it. */
export const SETTLED: Promise<void> = Promise.resolve();

/** What a promise needs to be settled from outside. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** Marks the promise as handled: ignoring it raises no unhandledRejection; awaiting it still rejects. */
export function ignoreRejection<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/**
 * A rejected promise. Only a mistake of the caller is worth an unhandled rejection.
 * @param given - the arguments of the call: promises in them are refused with the rest, so that this one alone is left to tell
 */
export function rejection(error: unknown, ...given: unknown[]): Promise<never> {
  ignoreRejectionsIn(...given);
  const promise = Promise.reject(error);
  return isMistake(error) ? promise : ignoreRejection(promise);
}

/**
 * The door through which every promise reaches the application. What the caller did wrong is found before anything is
 * waited for, so the work throws it at once: to drop that promise ends the process, as the caller should know. All that
 * happens later (the peer vanishes, a listener fails) rejects the promise only for callers that await it.
 *
 * @param given - the arguments of the call, as for {@link rejection}
 *
 * A public method is never `async` by itself: what that makes of a rejection ends the process when the caller does not await it.
 */
export function answering<T>(work: () => T | PromiseLike<T>, ...given: unknown[]): Promise<T> {
  try {
    const promise = ignoreRejection(Promise.resolve(work()));
    if (given.length > 0)
      promise.catch((error: unknown) => {
        if (isMistake(error)) ignoreRejectionsIn(...given);
      });
    return promise;
  } catch (error) {
    return rejection(error, ...given);
  }
}

/** Marks the promises in the arguments of a call that is refused as handled. */
export function ignoreRejectionsIn(...given: unknown[]): void {
  for (const argument of given) ignoreRejectionsWithin(argument);
}

/** Whether the caller has done something wrong. */
export function isMistake(error: unknown): boolean {
  if (!isNnrpError(error)) return false;
  // WireError alone has a fault and a place.
  return error.code === 'NNRP_ERR_USAGE' || ('fault' in error && 'where' in error);
}

function ignore(): void {}
