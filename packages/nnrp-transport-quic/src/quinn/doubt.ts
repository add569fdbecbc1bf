import { type Guarded, later } from 'nnrp-runtime/transport';

/** How long a peer has to show that it is there after all: so many milliseconds and round trips, but no longer than that. */
const LEAST_MS = 250;
const ROUND_TRIPS = 3;
const MOST_MS = 2000;

/**
 * What to make of the system's word that nobody listens at the other end. Anybody who guesses a port can say so in the peer's name,
 * so the peer is asked, and asked again once it could have answered; what the system says then counts.
 */
export class Doubt {
  private sinceMs: number | undefined;
  private waitMs = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param ask - sends something that a peer answers */
  constructor(
    private readonly owner: Guarded,
    private readonly ask: () => void,
  ) {}

  /** The system has said so. @returns whether the peer had its time and has not been heard since it was said first */
  isConfirmed(roundTripMs: number): boolean {
    const nowMs = performance.now();
    if (this.sinceMs !== undefined) return nowMs - this.sinceMs >= this.waitMs;
    this.sinceMs = nowMs;
    this.waitMs = Math.min(LEAST_MS + ROUND_TRIPS * roundTripMs, MOST_MS);
    this.timer = later(this.owner, Math.ceil(this.waitMs) + 1, this.ask);
    this.timer.unref();
    this.ask();
    return false;
  }

  /** The peer was heard, or it does not matter any more. */
  clear(): void {
    if (this.sinceMs === undefined) return;
    this.sinceMs = undefined;
    clearTimeout(this.timer);
  }
}
