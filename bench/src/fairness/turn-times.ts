/** How often it is looked. */
const LOOK_MS = 1;
const PERCENTILE = 0.99;

/**
 * CPU time that this process takes between two turns in which timers run: how long a new peer has to wait, however busy the machine
 * is with other work.
 */
export class TurnTimes {
  private samples: number[] = [];

  constructor() {
    let before = process.cpuUsage();
    setInterval(() => {
      const { user, system } = process.cpuUsage(before);
      before = process.cpuUsage();
      this.samples.push(user + system);
    }, LOOK_MS);
  }

  /** In microseconds, of 99 in 100 turns since the last call. */
  take(): number {
    const sorted = this.samples.sort((one, other) => one - other);
    this.samples = [];
    return sorted[Math.floor(sorted.length * PERCENTILE)] ?? 0;
  }
}
