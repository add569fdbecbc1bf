import { shownPlain, UsageError } from 'nnrp-core';

/** The longest time a timer of Node can wait, in milliseconds; a longer one would fire at once. */
export const MAX_TIMER_MS = 0x7fffffff;

/** @throws UsageError unless it is a number of milliseconds that a timer takes */
export function milliseconds(field: string, value: unknown = 10_000): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_TIMER_MS) {
    throw new UsageError(`${field}: expected an integer of 1 to ${MAX_TIMER_MS}, got ${shownPlain(value)}`);
  }
  return value;
}
