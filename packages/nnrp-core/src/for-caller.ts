import { isNnrpError } from './errors.js';

/** On the error of one caller: the shared one that it was made from. */
const SHARED = Symbol.for('nnrp.error.shared');
/** V8 has it, others need not. */
interface StackTraces {
  stackTraceLimit?: number;
  captureStackTrace?(error: Error, above: unknown): void;
}
const traces = Error as StackTraces;

/**
 * An error of its own for one of several callers that are told of the same failure: same class, code, message and fields, with the
 * shared error as its `cause`. What one of them adds to it, the others do not see. Anything but an error of these packages is
 * handed back as it is.
 */
export function forCaller<E>(error: E): E {
  if (!isNnrpError(error)) return error;
  const shared = sharedError(error) as Error;
  let own: Error;
  // Its stack is captured once, below: that is nearly all of what it costs, and the end of a connection makes very many.
  const { stackTraceLimit } = traces;
  Reflect.set(traces, 'stackTraceLimit', 0);
  try {
    own = Reflect.construct(Error, [shared.message, { cause: shared }], shared.constructor as typeof Error);
  } finally {
    Reflect.set(traces, 'stackTraceLimit', stackTraceLimit);
  }
  // Defined before it is assigned, which `Object.freeze(Error.prototype)` would refuse.
  Object.defineProperty(own, 'name', { value: shared.name, enumerable: true, writable: true });
  // Message, stack and cause are not among these: they are not enumerable.
  Object.assign(own, shared);
  Object.defineProperty(own, SHARED, { value: shared });
  traces.captureStackTrace?.(own, forCaller);
  return own as E;
}

/** Whether two errors tell of the same failure: one was made for a caller from the other, or both from a third. */
export function isSameFailure(one: unknown, other: unknown): boolean {
  return sharedError(one) === sharedError(other);
}

function sharedError(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return error;
  try {
    return (error as { [SHARED]?: unknown })[SHARED] ?? error;
  } catch {
    // Anything may be thrown, also what cannot be looked at.
    return error;
  }
}
