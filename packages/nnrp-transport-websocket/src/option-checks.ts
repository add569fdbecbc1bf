import { shownValue, UsageError } from 'nnrp-core';

/** Also the longest time a timer of Node can wait, in milliseconds. */
const LARGEST_INT32 = 0x7fffffff;

/** @throws UsageError unless it is an integer within the limits, which are included */
export function integer(field: string, value: unknown, smallest: number, largest = LARGEST_INT32): number {
  if (Number.isInteger(value) && (value as number) >= smallest && (value as number) <= largest) return value as number;
  throw new UsageError(`${field}: expected an integer of ${smallest} to ${largest}, got ${shownValue(value)}`);
}

/** @throws UsageError unless it is true, false or left out, which is false */
export function flag(field: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value;
  throw new UsageError(`${field}: expected true or false, got ${shownValue(value)}`);
}

/** @throws UsageError unless it is a function or left out */
export function callback<Callback>(field: string, value: Callback | undefined): Callback | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw new UsageError(`${field}: expected a function, got ${shownValue(value)}`);
}
