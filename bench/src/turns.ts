import { performance } from 'node:perf_hooks';
import v8 from 'node:v8';
import vm from 'node:vm';
import { median } from './median.js';

/** One thing to measure; `run` does `count` operations and returns a number that depends on all of them. */
export interface Contestant {
  readonly name: string;
  run(count: number): number;
}

export interface Measured {
  readonly name: string;
  /** Median nanoseconds per operation over all turns. */
  readonly nanoseconds: number;
  /** Heap bytes per operation. */
  readonly bytes: number;
}

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

/** Keeps results alive, so that no operation can be optimised away. */
export let sink = 0;

/**
 * Lets contestants take turns in one process, so that all of them meet the same weather; the order is reversed on every
 * other turn. Absolute figures drift on a shared machine, ratios within one call hold.
 */
export function takeTurns(contestants: readonly Contestant[], turns: number, turnMs: number): Measured[] {
  const counts = contestants.map((contestant) => calibrate(contestant, turnMs));
  const samples: number[][] = contestants.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    const order = contestants.map((_, index) => index);
    if (turn % 2 === 1) order.reverse();
    for (const index of order) {
      const contestant = contestants[index] as Contestant;
      const count = counts[index] as number;
      const start = performance.now();
      sink += contestant.run(count);
      samples[index]?.push(((performance.now() - start) * 1e6) / count);
    }
  }
  return contestants.map((contestant, index) => ({
    name: contestant.name,
    nanoseconds: median(samples[index] ?? []),
    bytes: allocation(contestant),
  }));
}

function calibrate({ run }: Contestant, turnMs: number): number {
  let count = 1000;
  // Warm: the optimising compiler has seen the code before anything counts.
  for (let round = 0; round < 20; round++) sink += run(count);
  for (;;) {
    const start = performance.now();
    sink += run(count);
    const elapsed = performance.now() - start;
    if (elapsed >= turnMs / 2) return Math.max(1, Math.round((count * turnMs) / elapsed));
    count *= 2;
  }
}

/**
 * Few enough operations that the young generation does not fill up, and nothing is collected meanwhile. The smallest
 * sample counts: what an operation allocates is in every sample, and what the engine does beside it, such as finishing a
 * compilation, only ever adds.
 */
function allocation({ run }: Contestant): number {
  const count = 20_000;
  const samples = Array.from({ length: 7 }, () => {
    collect();
    const before = process.memoryUsage().heapUsed;
    sink += run(count);
    return (process.memoryUsage().heapUsed - before) / count;
  });
  return Math.max(0, Math.round(Math.min(...samples)));
}
