import { getHeapCodeStatistics } from 'node:v8';

/** Counts what a process must never see. */
export class Faults {
  count = 0;
  /** The first of them, as text. */
  readonly first: string[] = [];

  /** Unhandled rejections, uncaught exceptions, and warnings such as too many listeners. */
  watchProcess(): void {
    process.on('unhandledRejection', (reason) => this.note('unhandled rejection', reason));
    process.on('uncaughtException', (error) => this.note('uncaught exception', error));
    process.on('warning', (warning) => {
      if (warning.name !== 'ExperimentalWarning') this.note('warning', warning);
    });
  }

  note(what: string, cause: unknown): void {
    this.count++;
    if (this.first.length < 10) this.first.push(`${what}: ${cause instanceof Error ? cause.stack : String(cause)}`);
  }
}

/** Bytes and handles of a process after its garbage has been collected; needs --expose-gc. */
export interface Footprint {
  readonly heapUsed: number;
  /** Of those: compiled code and what the engine knows about it. */
  readonly code: number;
  readonly resident: number;
  /** Handles that keep the process alive, by kind. */
  readonly handles: Readonly<Record<string, number>>;
}

/** Full collections until one finds next to nothing more, with turns in between for what finalizes later. */
export async function footprint(): Promise<Footprint> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('start with --expose-gc');
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round++) {
    collect();
    const { heapUsed } = process.memoryUsage();
    if (round > 2 && heapUsed > least * 0.999) break;
    least = Math.min(least, heapUsed);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  const { heapUsed, rss } = process.memoryUsage();
  const { code_and_metadata_size: code } = getHeapCodeStatistics();
  return { heapUsed: Math.min(least, heapUsed), code, resident: rss, handles };
}
