import { shownValue, UsageError } from 'nnrp-core';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';

/** How long a call waits. @throws UsageError unless it is an integer of 1 to 2147483647 or left out */
export function callTimeoutMs(timeoutMs: unknown, fallbackMs: number): number {
  if (timeoutMs === undefined) return fallbackMs;
  if (typeof timeoutMs === 'number' && Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMER_MS) {
    return timeoutMs;
  }
  throw new UsageError(`timeoutMs takes an integer of 1 to ${MAX_TIMER_MS}, got ${shownValue(timeoutMs)}`);
}
