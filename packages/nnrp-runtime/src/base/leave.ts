import { isThenable, settledOnce } from './thenable.js';

/** Lets a source clean up; what it throws then does not matter any more. */
export function leave(source: { return?(value: undefined): unknown }): void {
  try {
    const left = source.return?.(undefined);
    if (isThenable(left)) settledOnce(left).then(undefined, () => {});
  } catch {
    // A generator that is running right now cannot be left; it sees its signal.
  }
}
