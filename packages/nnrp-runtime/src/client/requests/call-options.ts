import { UsageError } from 'nnrp-core';
import { integer, misfit } from '../../base/option-kinds.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';

/** Milliseconds that a call may wait. */
const TIMEOUT = integer(1, MAX_TIMER_MS);

/** How long a call waits. @throws UsageError unless it is an integer of 1 to 2147483647 or left out */
export function callTimeoutMs(timeoutMs: unknown, fallbackMs: number): number {
  if (timeoutMs === undefined) return fallbackMs;
  if (TIMEOUT.fits(timeoutMs)) return timeoutMs as number;
  throw new UsageError(misfit('timeoutMs', TIMEOUT, timeoutMs));
}

/** How long a request waits for its answer. */
export interface RequestOptions {
  /** Milliseconds; default `requestTimeoutMs` of the client. */
  readonly timeoutMs?: number | undefined;
}
