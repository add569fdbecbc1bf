import { types } from '../platform/platform.js';

/** Whatever can be awaited: promises of other libraries and realms are no instances of Promise. */
export function isThenable(value: unknown): value is PromiseLike<never> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/** How deep promises are looked for in what is refused, and in how many places of each object. */
const MAX_DEPTH = 3;
const MAX_FIELDS = 64;

/**
 * Marks the promises in a value that is not taken as handled: the error tells a caller that it forgot to await one, and the
 * rejection must not end the process as well. Promises alone: another thenable may begin its work when it is asked.
 */
export function ignoreRejectionsWithin(value: unknown, depth = MAX_DEPTH): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  try {
    if (types.isPromise(value)) Promise.prototype.then.call(value, undefined, ignore);
    else if (depth > 0) for (const field of fieldsOf(value)) ignoreRejectionsWithin(field, depth - 1);
  } catch {
    // A proxy, or a promise with a constructor of its own, which may do anything.
  }
}

/** What a refusal adds about a promise. */
export function awaitHint(value: unknown): string {
  try {
    return isThenable(value) ? ', a promise: did you forget await?' : '';
  } catch {
    return '';
  }
}

/** No getter is called. */
function fieldsOf(value: object): unknown[] {
  const names = Object.keys(value).slice(0, MAX_FIELDS);
  return names.map((name) => Object.getOwnPropertyDescriptor(value, name)?.value);
}

function ignore(): void {}

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
