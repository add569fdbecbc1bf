import type { Timer } from '../../platform/platform.js';
import { type Guarded, later } from '../guard.js';
import { MAX_TIMER_MS } from './timer-limit.js';

/** Waits for a handler, but not for ever. */
export async function within(owner: Guarded, outcome: unknown, timeoutMs: number): Promise<void> {
  let timer: Timer | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = later(owner, Math.min(timeoutMs, MAX_TIMER_MS), resolve);
  });
  try {
    await Promise.race([outcome, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
