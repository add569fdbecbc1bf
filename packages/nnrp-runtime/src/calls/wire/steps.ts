import { shownPlain, UsageError } from 'nnrp-core';
import { ignoreRejectionsWithin, isThenable } from '../../base/thenable.js';

/**
 * What a call is on its way, on both ends: yields the partial results, returns the answer, and is left by `return()`. An async
 * generator is one. What stands around a call (an interceptor) takes one and is one: `yield*` passes everything on.
 */
export type CallSteps<Partial = unknown, Answer = unknown> = AsyncGenerator<Partial, Answer, void>;

/**
 * What the application has returned as steps.
 *
 * @param what - has returned them, for the message
 * @throws UsageError on what is no generator: most often the function is `async`, and no `async function*`
 */
export function checkSteps<Steps extends { next(): unknown }>(what: string, given: Steps): Steps {
  if (typeof given?.next === 'function') return given;
  ignoreRejectionsWithin([given]);
  const got = isThenable(given) ? 'a promise: make it an async function*' : shownPlain(given);
  throw new UsageError(`${what} takes an async generator, got ${got}`);
}
