import { aside, type Guarded, nextTurn } from 'nnrp-runtime/transport';

/** A timer that fires so much too late, in milliseconds, was held up by the process: datagrams may lie in the socket unread. */
const LATE_MS = 50;

/**
 * Calls at a deadline that mostly moves away: a timer that is set too early is left alone and set anew when it fires. Does
 * not keep the process alive.
 */
export class ConnectionTimer {
  private timer: NodeJS.Timeout | undefined;
  /** The socket is looked at before the deadline counts as passed; another number than that of the look calls it off. */
  private looks = 0;
  private firesMs = 0;
  private deadlineMs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly owner: Guarded,
    private readonly due: () => void,
  ) {}

  /** @param waitMs - from now; whatever was said before no longer counts */
  set(waitMs: number): void {
    const now = performance.now();
    this.deadlineMs = now + waitMs;
    if (this.timer === undefined || this.firesMs > this.deadlineMs) this.start(now);
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.looks++;
  }

  private start(nowMs: number): void {
    this.clear();
    const waitMs = Math.max(1, Math.ceil(this.deadlineMs - nowMs));
    this.firesMs = nowMs + waitMs;
    this.timer = aside(this.owner, waitMs, this.fire);
  }

  private readonly fire = (): void => {
    this.timer = undefined;
    const now = performance.now();
    // Timers count whole milliseconds.
    if (now < this.deadlineMs - 1) this.start(now);
    else if (now > this.deadlineMs + LATE_MS) this.lookFirst();
    else this.due();
  };

  /** Sockets are read between one turn's immediates and the next one's; what comes then moves the deadline. */
  private lookFirst(): void {
    const look = ++this.looks;
    nextTurn(this.owner, () => {
      if (look !== this.looks) return;
      nextTurn(this.owner, () => {
        if (look === this.looks) this.due();
      });
    });
  }
}
