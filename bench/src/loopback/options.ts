import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios.js';
import { SYSTEM_NAMES, type SystemName } from './systems.js';

export const USAGE = `usage: pnpm bench loopback [options]
  --quick           one short turn each: shows that everything runs, its ratios are rough
  --turns N         turns of each system in each scenario (default 5)
  --turn-ms N       length of a turn in milliseconds (default 1000)
  --only A,B        scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --systems A,B     systems: ${SYSTEM_NAMES.join(', ')}
  --json FILE       writes all figures
  --profile FOLDER  writes a CPU profile of each process and prints where the time goes; profiling costs time itself`;

export interface Options {
  readonly quick: boolean;
  readonly turns: number;
  readonly turnMs: number;
  readonly only: readonly string[];
  readonly systems: readonly SystemName[];
  readonly json: string | undefined;
  readonly profile: string | undefined;
}

/** @throws Error that says which argument does not fit */
export function parseOptions(args: readonly string[]): Options {
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
    turns: count('--turns', values.turns, quick ? 1 : 5),
    turnMs: count('--turn-ms', values['turn-ms'], quick ? 100 : 1000),
    only: names(
      '--only',
      values.only,
      SCENARIOS.map(({ name }) => name),
    ),
    systems: names('--systems', values.systems, SYSTEM_NAMES) as readonly SystemName[],
    json: values.json,
    profile: values.profile,
  };
}

function count(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes a positive integer, got ${text}`);
  return value;
}

/** In the order of `all`, not in that of the text. */
function names(option: string, text: string | undefined, all: readonly string[]): readonly string[] {
  if (text === undefined) return all;
  const wanted = text.split(',');
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`${option}: there is no '${unknown}'; there are ${all.join(', ')}`);
  return all.filter((name) => wanted.includes(name));
}
