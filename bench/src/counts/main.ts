import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SCENARIOS, type Scenario } from '../loopback/scenarios.js';
import type { SystemName } from '../loopback/systems.js';
import { Side } from '../side.js';
import { table } from '../table.js';
import { type Budget, type Budgets, COUNTED, figure, regressions, rounded, systemIn } from './budget.js';
import type { CountQuestions, Counts, Work } from './child.js';
import type { Site } from './sites.js';

/*
 * What is made for an operation: bytes, promises, writes. Unlike times, counts are the same on every machine, so that a
 * regression can fail a build.
 */

const FOLDER = dirname(fileURLToPath(import.meta.url));
const PROGRAM = join(FOLDER, 'child.js');
/** Beside the sources: it is part of them. */
const BUDGETS = join(FOLDER, '..', '..', 'counts.json');
const SYSTEMS: readonly SystemName[] = ['raw', 'nnrp', 'nnrp-serve', 'nnrp-preview4'];
/** Nothing of the project is counted in it. */
const LIMIT: SystemName = 'raw';
const ANSWER_MS = 120_000;
const MOST_SITES = 25;
/** Mebibytes of new space: all that a measurement makes fits, so that nothing is collected meanwhile. */
const NEW_SPACE_MIB = 256;
const MAJOR = process.versions.node.split('.')[0] as string;

/** Requests of a warm-up, and of a measurement. Bodies of a megabyte are not counted: Node collects for them whatever the new space. */
const WORK: Readonly<Record<string, Work>> = {
  'ping-pong': { warm: 20_000, requests: 4000 },
  'in-flight-64': { warm: 60_000, requests: 20_000 },
  'connections-16x4': { warm: 60_000, requests: 20_000 },
  'stream-1': { warm: 20, requests: 3 },
  'streams-64': { warm: 384, requests: 64 },
  'paced-64': { warm: 512, requests: 64 },
};

const USAGE = `usage: pnpm bench counts [options]
  --check      ends with 1 when something is more than counts.json allows for this Node
  --update     writes counts.json
  --only A,B   scenarios: ${Object.keys(WORK).join(', ')}
  --systems A,B  systems: ${SYSTEMS.join(', ')}
  --sites      also says which functions make the most bytes`;

interface Options {
  readonly check: boolean;
  readonly update: boolean;
  readonly sites: boolean;
  readonly scenarios: readonly Scenario[];
  readonly systems: readonly SystemName[];
}

/** @throws Error that says which argument does not fit */
function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      check: { type: 'boolean', default: false },
      update: { type: 'boolean', default: false },
      only: { type: 'string' },
      systems: { type: 'string' },
      sites: { type: 'boolean', default: false },
    },
  });
  const { check, update, sites } = values;
  const scenarios = chosen('--only', values.only, Object.keys(WORK));
  const systems = chosen('--systems', values.systems, SYSTEMS);
  return { check, update, sites, systems, scenarios: SCENARIOS.filter(({ name }) => scenarios.includes(name)) };
}

function chosen<N extends string>(option: string, text: string | undefined, all: readonly N[]): readonly N[] {
  const wanted: readonly string[] = text?.split(',') ?? all;
  const unknown = wanted.find((name) => !all.some((one) => one === name));
  if (unknown !== undefined) throw new Error(`${option}: there is no '${unknown}'; there are ${all.join(', ')}`);
  return all.filter((name) => wanted.includes(name));
}

interface Counted {
  readonly counts: Counts;
  readonly sites: readonly Site[];
}

async function count(scenario: Scenario, system: SystemName, withSites: boolean): Promise<Counted> {
  const side = new Side<CountQuestions>({
    title: systemIn(scenario.name, system),
    program: PROGRAM,
    args: [system, scenario.name],
    answerMs: ANSWER_MS,
    execArgv: [`--min-semi-space-size=${NEW_SPACE_MIB}`, `--max-semi-space-size=${NEW_SPACE_MIB}`],
  });
  try {
    const work = WORK[scenario.name] as Work;
    const counts = await side.ask('count', work);
    return { counts, sites: withSites ? await side.ask('sites', work) : [] };
  } finally {
    await side.stop();
  }
}

function sitesText(scenario: string, system: SystemName, sites: readonly Site[]): string {
  const lines = sites.slice(0, MOST_SITES).map(({ name, bytes }) => `${figure(bytes).padStart(10)} ${name}`);
  return `${systemIn(scenario, system)}: bytes for an operation, by function\n${lines.join('\n')}\n`;
}

function budgets(): Budgets {
  return JSON.parse(readFileSync(BUDGETS, 'utf8')) as Budgets;
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const known = budgets();
  const budget = known[MAJOR];
  const counted: Record<string, Counts> = {};
  const rows: string[][] = [];
  for (const scenario of options.scenarios) {
    for (const system of options.systems) {
      const { counts, sites } = await count(scenario, system, options.sites);
      if (options.sites) console.log(sitesText(scenario.name, system, sites));
      if (system !== LIMIT) counted[systemIn(scenario.name, system)] = rounded(counts);
      rows.push([scenario.name, system, ...COUNTED.map((kind) => figure(counts[kind]))]);
    }
  }
  console.log(`Node ${process.version}, both ends in one process; an operation is a reply, or a message of a stream\n`);
  console.log(table(['scenario', 'system', ...COUNTED], rows));
  if (options.update) update(known, { ...budget, ...counted });
  if (!options.check) return 0;
  if (budget === undefined) {
    console.log(`\nthere is no budget for Node ${MAJOR}: nothing is judged`);
    return 0;
  }
  const worse = Object.entries(counted).flatMap(([name, counts]) => regressions(name, counts, budget[name]));
  console.log(worse.length === 0 ? '\nall within their budgets' : `\nmore than the budget:\n${worse.join('\n')}`);
  return worse.length === 0 ? 0 : 1;
}

function update(known: Budgets, budget: Budget): void {
  writeFileSync(BUDGETS, `${JSON.stringify({ ...known, [MAJOR]: budget }, null, 2)}\n`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
