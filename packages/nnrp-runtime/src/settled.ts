import { UsageError, WireError } from 'nnrp-core';

/** What is done at once: known by identity, so that nobody needs to await it. */
export const SETTLED: Promise<void> = Promise.resolve();

/** What a promise needs to be settled from outside. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** A rejection that whoever drops the promise need not care about; who awaits it is told all the same. */
export function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/** A rejected promise. Only a mistake of the caller is worth an unhandled rejection. */
export function rejection(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  return error instanceof UsageError || error instanceof WireError ? promise : unheard(promise);
}

function ignore(): void {}
