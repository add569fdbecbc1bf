import type { Counts } from './child.js';

/** Of each system in each scenario, by `systemIn`. */
export type Budget = Readonly<Record<string, Counts>>;

/** By major version of Node: what it makes itself differs. */
export type Budgets = Readonly<Record<string, Budget>>;

/** So much more than the budget is a regression: compiled code differs a little from run to run. */
const MARGIN = 1.08;
/** What is smaller than these does not matter. How many writes join depends on what else the machine does. */
const SLACK: Counts = { heapBytes: 64, bufferBytes: 256, promises: 0.2, writesPerThousand: 15 };

export const COUNTED = Object.keys(SLACK) as readonly (keyof Counts)[];

export function systemIn(scenario: string, system: string): string {
  return `${scenario}, ${system}`;
}

/** @returns what is more than the budget allows, a line each */
export function regressions(name: string, counts: Counts, budget: Counts | undefined): string[] {
  if (budget === undefined) return [`${name}: there is no budget; take it with --update`];
  return COUNTED.flatMap((kind) => {
    const allowed = budget[kind] * MARGIN + SLACK[kind];
    if (counts[kind] <= allowed) return [];
    return [`${name}: ${figure(counts[kind])} ${kind}, at most ${figure(allowed)} (budget ${figure(budget[kind])})`];
  });
}

export function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}

/** As it is written down. */
export function rounded(counts: Counts): Counts {
  const round = (value: number) => (Math.abs(value) >= 100 ? Math.round(value) : Math.round(100 * value) / 100);
  const { heapBytes, bufferBytes, promises, writesPerThousand } = counts;
  return {
    heapBytes: round(heapBytes),
    bufferBytes: Math.max(0, round(bufferBytes)),
    promises: round(promises),
    writesPerThousand: round(writesPerThousand),
  };
}
