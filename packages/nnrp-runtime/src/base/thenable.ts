import { types } from '../platform/platform.js';

export { ignoreRejectionsWithin } from 'nnrp-core';

/** Whatever can be awaited: promises of other libraries and realms are no instances of Promise. */
export function isThenable(value: unknown): value is PromiseLike<never> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/** What a refusal adds about a promise. */
export function awaitHint(value: unknown): string {
  try {
    return isThenable(value) ? ', a promise: did you forget await?' : '';
  } catch {
    return '';
  }
}

/**
 * A promise that settles once, whatever the thenable does, and whose methods are those of promises.
 * @throws what a getter of the thenable throws
 */
export function settledOnce<T>(thenable: PromiseLike<T>): Promise<T> {
  return isOrdinary(thenable) ? thenable : new Promise((resolve) => resolve(thenable));
}

/**
 * Whether its `then` may be called: one that was tampered with could throw, or call back twice. Nothing of it is read: what
 * it says now it need not say again.
 */
function isOrdinary(thenable: unknown): thenable is Promise<never> {
  if (!types.isPromise(thenable) || Object.getPrototypeOf(thenable) !== Promise.prototype) return false;
  return !Object.hasOwn(thenable, 'then') && !Object.hasOwn(thenable, 'constructor');
}
