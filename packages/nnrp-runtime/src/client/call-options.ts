import { UsageError } from 'nnrp-core';
import { MAX_TIMER_MS } from '../timer-limit.js';

/**
 * Refuses what a call would silently pass over.
 *
 * @param what - for the message, such as `close options`
 * @throws UsageError unless it is an object whose every field is known
 */
export function checkFields(options: unknown, known: ReadonlySet<string>, what: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(`${what}: expected an object, got ${options === null ? 'null' : typeof options}`);
  }
  // Inherited fields count as well: they are read like one's own.
  for (const name in options) {
    if (!known.has(name)) throw new UsageError(`${what}: there is no option '${name}'`);
  }
}

/** How long a call waits. @throws UsageError unless it is an integer of 1 to 2147483647 or left out */
export function callTimeoutMs(timeoutMs: unknown, fallbackMs: number): number {
  if (timeoutMs === undefined) return fallbackMs;
  if (typeof timeoutMs === 'number' && Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMER_MS) {
    return timeoutMs;
  }
  throw new UsageError(`timeoutMs takes an integer of 1 to ${MAX_TIMER_MS}, got ${String(timeoutMs)}`);
}
