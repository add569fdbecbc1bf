import { isThenable, settledOnce } from './thenable.js';

/**
 * Lets a source clean up.
 *
 * @param failed - is told what it throws then; left out where that does not matter any more
 */
export function leave(
  source: { return?(value: undefined): unknown },
  failed: (error: unknown) => void = () => {},
): void {
  try {
    const left = source.return?.(undefined);
    if (isThenable(left)) settledOnce(left).then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}
