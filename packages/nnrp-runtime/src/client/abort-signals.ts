import { setMaxListeners } from 'node:events';

/** Signals that were told that many operations may follow them. */
const followed = new WeakSet<AbortSignal>();

/** Whether it can be followed as an AbortSignal; one of another implementation can, too. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  );
}

/**
 * Calls `abort` when the signal aborts.
 * @returns stops listening
 */
export function followSignal(signal: AbortSignal, abort: () => void): () => void {
  if (!followed.has(signal)) {
    followed.add(signal);
    // One signal for any number of operations is no leak: each stops listening when it is over.
    if (signal instanceof EventTarget) setMaxListeners(0, signal);
  }
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
