import { parseArgs } from 'node:util';

/** What a benchmark of systems in scenarios has to choose from. */
export interface Choice<S extends string> {
  /** As in `pnpm bench NAME`. */
  readonly benchmark: string;
  readonly scenarios: readonly string[];
  readonly systems: readonly S[];
  /** Turns of each system in each scenario, and their milliseconds, in a full run. */
  readonly turns: number;
  readonly turnMs: number;
}

export interface Options<S extends string> {
  readonly quick: boolean;
  readonly turns: number;
  readonly turnMs: number;
  readonly only: readonly string[];
  readonly systems: readonly S[];
  readonly json: string | undefined;
  readonly profile: string | undefined;
}

export function usage({ benchmark, scenarios, systems, turns, turnMs }: Choice<string>): string {
  return `usage: pnpm bench ${benchmark} [options]
  --quick           one short turn each: shows that everything runs, its ratios are rough
  --turns N         turns of each system in each scenario (default ${turns})
  --turn-ms N       length of a turn in milliseconds (default ${turnMs})
  --only A,B        scenarios: ${scenarios.join(', ')}
  --systems A,B     systems: ${systems.join(', ')}
  --json FILE       writes all figures
  --profile FOLDER  writes a CPU profile of each process and prints where the time goes; profiling costs time itself`;
}

/** @throws Error that says which argument does not fit */
export function parseOptions<S extends string>(args: readonly string[], choice: Choice<S>): Options<S> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      turns: { type: 'string' },
      'turn-ms': { type: 'string' },
      only: { type: 'string' },
      systems: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const { quick = false } = values;
  return {
    quick,
    turns: count('--turns', values.turns, quick ? 1 : choice.turns),
    turnMs: count('--turn-ms', values['turn-ms'], quick ? 100 : choice.turnMs),
    only: names('--only', values.only, choice.scenarios),
    systems: names('--systems', values.systems, choice.systems),
    json: values.json,
    profile: values.profile,
  };
}

export function count(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes a positive integer, got ${text}`);
  return value;
}

/** In the order of `all`, not in that of the text. */
function names<N extends string>(option: string, text: string | undefined, all: readonly N[]): readonly N[] {
  if (text === undefined) return all;
  const wanted: readonly string[] = text.split(',');
  const unknown = wanted.find((name) => !all.some((one) => one === name));
  if (unknown !== undefined) throw new Error(`${option}: there is no '${unknown}'; there are ${all.join(', ')}`);
  return all.filter((name) => wanted.includes(name));
}
