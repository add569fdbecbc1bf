/** Whatever can be awaited: promises of other libraries and realms are no instances of Promise. */
export function isThenable(value: unknown): value is PromiseLike<never> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** A promise that settles once, whatever the thenable does. */
export function settledOnce<T>(thenable: PromiseLike<T>): Promise<T> {
  return thenable instanceof Promise ? thenable : new Promise((resolve) => resolve(thenable));
}
