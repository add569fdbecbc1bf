import type { ServerBounds } from '../contract/server-bounds.js';

/** Faults of one connection that the application is told of in a minute. */
export const MAX_TOLD = 1000;
const WINDOW_MS = 60_000;

/**
 * What the application is told of one peer's faults: a peer that makes a hundred thousand in a second must not fill a log.
 * Each of them is answered all the same.
 */
export class ToldFaults {
  private told = 0;
  private sinceMs = Number.NEGATIVE_INFINITY;

  /** @param bounds - hears of each that is not told of */
  constructor(private readonly bounds: Pick<ServerBounds, 'hit'>) {}

  /** How many were told of in the present minute. */
  get count(): number {
    return this.told;
  }

  /** Whether one more may be told of; it counts as told then. */
  mayTell(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.sinceMs >= WINDOW_MS) {
      this.sinceMs = nowMs;
      this.told = 0;
    }
    if (this.told >= MAX_TOLD) {
      this.bounds.hit('toldFaults');
      return false;
    }
    this.told++;
    return true;
  }
}
