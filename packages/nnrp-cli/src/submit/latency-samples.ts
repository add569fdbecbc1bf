/** Durations that are kept; with more the newest are. */
const CAPACITY = 1_000_000;

/** Durations in milliseconds, in bounded memory. */
export class LatencySamples {
  private readonly samples: number[] = [];
  private next = 0;

  add(ms: number): void {
    this.samples[this.next] = ms;
    this.next = (this.next + 1) % CAPACITY;
  }

  /** @param fraction - 0.5 is the median. @returns 0 when there are none */
  quantile(fraction: number): number {
    if (this.samples.length === 0) return 0;
    const sorted = Float64Array.from(this.samples).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0;
  }
}
