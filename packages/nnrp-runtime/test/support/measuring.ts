import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';

/** A busy machine makes any single measurement late, but not all of them; what grows with the size is too slow each time. */
const ATTEMPTS = 12;

/** CPU time of this process in milliseconds: what others do meanwhile does not count. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Expects that work on something large takes hardly longer than on something small.
 *
 * @param small - does the work on something small and says how long it took; `large` on something large
 * @param limit - how long it may take on the large one, by the time on the small one
 */
export function expectSameTime(small: () => number, large: () => number, limit: (smallTime: number) => number): void {
  let smallTime = Number.POSITIVE_INFINITY;
  let largeTime = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && !(largeTime < limit(smallTime)); attempt++) {
    smallTime = Math.min(smallTime, small());
    largeTime = Math.min(largeTime, large());
  }
  expect(largeTime).toBeLessThan(limit(smallTime));
}

let collect: (() => void) | undefined;

/** Frees what nobody holds. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  for (let round = 0; round < 3; round++) collect();
}
