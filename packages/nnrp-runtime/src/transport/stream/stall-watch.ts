import { type Guarded, later } from '../../base/guard.js';
import { afterReading } from '../../base/time/patience.js';
import { unref } from '../../platform/platform.js';

/** What a watch looks at: how far the peer has got with what it is sent. */
export interface Gauge {
  /** Bytes that the peer has taken; it only grows, but for what is counted anew within a write. */
  readonly takenBytes: number;
  /** Bytes that wait for the peer. */
  readonly waitingBytes: number;
  /** Whether the peer is being asked whether it is there: it is not judged meanwhile. */
  readonly isAsking: boolean;
}

/** Looks at a peer within the time that it has: a stall is found an eighth of it late at most. */
const LOOKS = 8;
/** Bytes for each millisecond that a peer has to take, on an average over the time that it has: 500 a second. */
const LEAST_BYTES_PER_MS = 0.5;

interface Look {
  readonly takenBytes: number;
  readonly waitingBytes: number;
}

/**
 * Finds a peer that does not take what it is sent. What counts is how much of it has left this end, whatever the peer
 * sends meanwhile; a peer that takes a byte now and then, so that much is held for it for ever, is found as well.
 *
 * The watch looks now and then, and only while something waits. Time is counted in looks, so that the peer is not to
 * blame for a time in which this process stood still; before each look, what has arrived is read.
 */
export class StallWatch {
  private readonly looks: Look[] = [];
  private readonly intervalMs: number;
  private readonly leastBytes: number;
  private timer: NodeJS.Timeout | undefined;
  private current: 'open' | 'stalled' | 'over' = 'open';

  /**
   * @param limitMs - how long the peer may take too little, in milliseconds, above 0
   * @param rests - whether the watch rests while nothing waits; without that, a peer for which nothing waits takes too little
   * @param stalled - the peer has taken so few bytes within the limit; the watch is over
   */
  constructor(
    private readonly owner: Guarded,
    private readonly gauge: Gauge,
    limitMs: number,
    private readonly rests: boolean,
    private readonly stalled: (takenBytes: number) => void,
  ) {
    this.intervalMs = Math.max(1, Math.ceil(limitMs / LOOKS));
    this.leastBytes = Math.max(1, limitMs * LEAST_BYTES_PER_MS);
  }

  /** `stalled`: the peer was given up; `over`: the watch was ended before that. */
  get state(): 'open' | 'stalled' | 'over' {
    return this.current;
  }

  /** Something waits. Costs nothing while the watch is on. */
  begin(): void {
    if (this.timer !== undefined || this.current !== 'open') return;
    this.remember();
    this.wait(this.intervalMs);
  }

  end(): void {
    if (this.current === 'open') this.current = 'over';
    clearTimeout(this.timer);
  }

  private wait(waitMs: number): void {
    const beganMs = performance.now();
    this.timer = later(this.owner, waitMs, () => {
      // Node counts from the beginning of the turn in which a timer was set.
      const leftMs = waitMs - (performance.now() - beganMs);
      if (leftMs >= 1) this.wait(Math.ceil(leftMs));
      else afterReading(this.owner, () => this.look());
    });
    unref(this.timer);
  }

  private look(): void {
    if (this.current !== 'open') return;
    const { gauge, looks } = this;
    if (this.rests && gauge.waitingBytes === 0) {
      looks.length = 0;
      this.timer = undefined;
      return;
    }
    const [first] = looks;
    if (first !== undefined && looks.length === LOOKS && !gauge.isAsking) {
      const taken = gauge.takenBytes - first.takenBytes;
      if (taken < this.neededSince(first)) {
        this.current = 'stalled';
        this.stalled(Math.max(0, taken));
        return;
      }
    }
    this.remember();
    this.wait(this.intervalMs);
  }

  /** A peer that has taken all that was there owes nothing. */
  private neededSince({ waitingBytes }: Look): number {
    return waitingBytes === 0 ? this.leastBytes : Math.min(this.leastBytes, waitingBytes);
  }

  private remember(): void {
    const { looks } = this;
    const { takenBytes, waitingBytes } = this.gauge;
    if (looks.length === LOOKS) looks.shift();
    looks.push({ takenBytes, waitingBytes });
  }
}
