/**
 * What a call is on its way, on both ends: yields the partial results, returns the answer, and is left by `return()`. An async
 * generator is one. What stands around a call (an interceptor) takes one and is one: `yield*` passes everything on.
 */
export type CallSteps<Partial = unknown, Answer = unknown> = AsyncGenerator<Partial, Answer, void>;
