import { heapBytes, ProcessWatch } from '../watch.js';

const SAMPLE_MS = 100;

/** What an attacked process says of itself. */
export interface Vitals {
  readonly residentMax: number;
  readonly heapMax: number;
  readonly settledHeap?: number;
  /** What must not have happened. */
  readonly faults: readonly string[];
  readonly notes: Readonly<Record<string, number>>;
}

/** Watches the memory of this process and what goes wrong in it. */
export class Monitor {
  readonly watch = new ProcessWatch();
  readonly notes: Record<string, number> = {};
  private residentMax = 0;
  private heapMax = 0;

  constructor() {
    setInterval(() => this.sample(), SAMPLE_MS);
  }

  note(name: string): void {
    this.notes[name] = (this.notes[name] ?? 0) + 1;
  }

  /** @param settle - collects garbage first: no client is connected */
  take(settle: boolean): Vitals {
    this.sample();
    const faults = this.watch.take().map(({ kind, detail }) => `${kind}: ${detail}`);
    const { residentMax, heapMax, notes } = this;
    return { residentMax, heapMax, faults, notes, ...(settle && { settledHeap: heapBytes() }) };
  }

  private sample(): void {
    const { rss, heapUsed, external } = process.memoryUsage();
    this.residentMax = Math.max(this.residentMax, rss);
    this.heapMax = Math.max(this.heapMax, heapUsed + external);
  }
}
