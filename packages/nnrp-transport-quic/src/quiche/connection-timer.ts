/**
 * Calls at a deadline that mostly moves away: a timer that is set too early is left alone and set anew when it fires. Does
 * not keep the process alive.
 */
export class ConnectionTimer {
  private timer: NodeJS.Timeout | undefined;
  private firesMs = 0;
  private deadlineMs = Number.POSITIVE_INFINITY;

  constructor(private readonly due: () => void) {}

  /** @param waitMs - from now; whatever was said before no longer counts */
  set(waitMs: number): void {
    const now = performance.now();
    this.deadlineMs = now + waitMs;
    if (this.timer === undefined || this.firesMs > this.deadlineMs) this.start(now);
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private start(nowMs: number): void {
    clearTimeout(this.timer);
    const waitMs = Math.max(1, Math.ceil(this.deadlineMs - nowMs));
    this.firesMs = nowMs + waitMs;
    this.timer = setTimeout(this.fire, waitMs);
    this.timer.unref();
  }

  private readonly fire = (): void => {
    this.timer = undefined;
    const now = performance.now();
    // Timers count whole milliseconds.
    if (now < this.deadlineMs - 1) this.start(now);
    else this.due();
  };
}
