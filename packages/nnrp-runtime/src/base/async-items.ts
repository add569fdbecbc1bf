/**
 * What `for await` goes through, also by hand: `AsyncIterableIterator<T, TReturn, void>` of TypeScript 5.6. Earlier ones
 * know the type with one argument only.
 */
export interface AsyncItems<T, TReturn = undefined> extends AsyncIterator<T, TReturn, void> {
  [Symbol.asyncIterator](): AsyncItems<T, TReturn>;
}
