/// <reference lib="esnext.disposable" preserve="true" />

/**
 * The key of what `await using` calls. Node has had it since 18.18; where it is missing, classes get a key of the runtime's
 * own instead, so that they can be used in every other way.
 */
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('nnrp.asyncDispose') as typeof Symbol.asyncDispose);
