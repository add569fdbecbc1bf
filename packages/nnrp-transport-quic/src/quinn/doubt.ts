import { aside, type Guarded } from 'nnrp-runtime/transport';

/** How long a peer has to show that it is there after all: so many milliseconds and round trips, but no longer than that. */
const LEAST_MS = 250;
const ROUND_TRIPS = 3;
const MOST_MS = 2000;

/**
 * The system has reported that nothing listens at the other end. An attacker that guesses the port can forge that report, so the
 * peer is asked, and asked again once it could have answered. A report after that counts.
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

  /** The report has come. @returns whether the peer had its time and has not been heard since the first report */
  isConfirmed(roundTripMs: number): boolean {
    const nowMs = performance.now();
    if (this.sinceMs !== undefined) return nowMs - this.sinceMs >= this.waitMs;
    this.sinceMs = nowMs;
    this.waitMs = Math.min(LEAST_MS + ROUND_TRIPS * roundTripMs, MOST_MS);
    this.timer = aside(this.owner, Math.ceil(this.waitMs) + 1, this.ask);
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
