import { types } from 'node:util';

/** Whatever can be awaited: promises of other libraries and realms are no instances of Promise. */
export function isThenable(value: unknown): value is PromiseLike<never> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/** A promise that settles once, whatever the thenable does. */
export function settledOnce<T>(thenable: PromiseLike<T>): Promise<T> {
  return types.isPromise(thenable) ? (thenable as Promise<T>) : new Promise((resolve) => resolve(thenable));
}
