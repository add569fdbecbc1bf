import { type Timer, unref } from '../../platform/platform.js';
import { type Guarded, later, nextTurn } from '../guard.js';

/** A timer that fires so much too late, in milliseconds, has been held up together with everything else in the process. */
const LATE_MS = 1000;
/** So has one of a short limit by this part of the limit: a handshake that takes several round trips has not had the rest. */
const LATE_PART = 4;

/**
 * Turns of the event loop after which a timer is believed. One reads the sockets, the second one what these have let through (TLS, a
 * stream that was paused). Two more are a round trip within this process: a test may move its clock past a limit at once, before
 * the question has left.
 */
const TURNS = 4;

/**
 * Runs work when what has arrived by now has been read. Timers of Node run before the sockets are looked at, so an answer
 * that came while the process was busy is still unread when a timer fires.
 */
export function afterReading(owner: Guarded, work: () => void, turns = TURNS): void {
  nextTurn(owner, turns > 1 ? () => afterReading(owner, work, turns - 1) : work);
}

/**
 * A time limit for the other side. It passes only while this side is able to listen: what has arrived is read before the
 * judgement, and after a time in which this process stood still the limit runs once more.
 */
export class Patience {
  private timer: Timer | undefined;
  private isOver = false;
  private keepsAlive = true;

  /**
   * @param limitMs - from now; at most 2147483647
   * @param timedOut - the time has passed; not called after `end`
   */
  constructor(
    private readonly owner: Guarded,
    private readonly limitMs: number,
    private readonly timedOut: () => void,
  ) {
    this.wait(true);
  }

  /** Does not keep the process running. */
  unref(): this {
    this.keepsAlive = false;
    if (this.timer !== undefined) unref(this.timer);
    return this;
  }

  /** What was waited for has come, or is not waited for any more. */
  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private wait(mayWaitAgain: boolean): void {
    const dueMs = performance.now() + this.limitMs;
    this.timer = later(this.owner, this.limitMs, () => {
      const lateMs = performance.now() - dueMs;
      const wasLate = lateMs > Math.min(LATE_MS, this.limitMs / LATE_PART);
      afterReading(this.owner, () => {
        if (this.isOver) return;
        if (wasLate && mayWaitAgain) this.wait(false);
        else this.timedOut();
      });
    });
    if (!this.keepsAlive) unref(this.timer);
  }
}

/**
 * A clock that counts the time during which this process was able to listen. It is looked at every so often; when a look
 * comes much later than that, the process has stood still, and the silence of the peer meanwhile proves nothing.
 */
export class AttendedTime {
  private lookedMs = performance.now();
  private attendedMs = 0;

  /** @param intervalMs - between two looks, in milliseconds */
  constructor(private readonly intervalMs: number) {}

  /** @returns milliseconds since the clock was made, without those in which the process stood still */
  look(): number {
    const nowMs = performance.now();
    const sinceMs = nowMs - this.lookedMs;
    this.lookedMs = nowMs;
    this.attendedMs += Math.min(sinceMs, this.intervalMs * 2);
    return this.attendedMs;
  }
}
