/**
 * Shares the event loop between pieces of work that compute: in one turn of the loop all of them together get a budget,
 * then sockets and timers have their turn. The piece that has waited longest goes first.
 */
export class WorkTurns {
  private spentMs = 0;
  private waiting: (() => void)[] = [];
  private armed = false;

  /** @param budgetMs - milliseconds of work in one turn, exceeded by at most one piece */
  constructor(private readonly budgetMs: number) {}

  /** Resolves when there is time for a piece of work; do it at once, then call `spent`. */
  async turn(): Promise<void> {
    while (this.spentMs >= this.budgetMs) {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        this.arm();
      });
    }
  }

  /** Tells how long the work took, in milliseconds. */
  spent(ms: number): void {
    this.spentMs += ms;
    this.arm();
  }

  private arm(): void {
    if (this.armed) return;
    this.armed = true;
    setImmediate(() => {
      this.armed = false;
      this.spentMs = 0;
      const waiting = this.waiting;
      this.waiting = [];
      for (const resolve of waiting) resolve();
    });
  }
}
