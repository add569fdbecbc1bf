import { parseArgs } from 'node:util';
import { Pair } from '../loopback/pair.js';
import { SCENARIOS, type Scenario } from '../loopback/scenarios.js';
import { SYSTEM_NAMES, type SystemName, takesPart } from '../loopback/systems.js';
import { count } from '../options.js';
import { table } from '../table.js';
import type { Kind, Site } from './sampler.js';

/*
 * Where the time of an operation goes, and its memory: the functions of the server and of the client that take most by
 * themselves. Both processes are sampled in the same turn, first for time and then for bytes.
 */

const WORKING = SCENARIOS.filter(({ kind }) => kind !== 'idle');
const TURN_MS = 2000;
const ROWS = 20;
const UNITS: Readonly<Record<Kind, string>> = { time: 'ns an operation', bytes: 'bytes an operation' };

const USAGE = `usage: pnpm bench profile SCENARIO [options]
  SCENARIO      ${WORKING.map(({ name }) => name).join(', ')}
  --system A    ${SYSTEM_NAMES.join(', ')} (default nnrp)
  --turn-ms N   length of each of the two turns in milliseconds (default ${TURN_MS})
  --rows N      functions of each process (default ${ROWS})`;

interface Options {
  readonly scenario: Scenario;
  readonly system: SystemName;
  readonly turnMs: number;
  readonly rows: number;
}

/** @throws Error that says which argument does not fit */
function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      system: { type: 'string', default: 'nnrp' },
      'turn-ms': { type: 'string' },
      rows: { type: 'string' },
    },
  });
  const [name, ...more] = positionals;
  const scenario = WORKING.find((one) => one.name === name);
  if (scenario === undefined || more.length > 0) throw new Error(`takes one scenario, got '${positionals.join(' ')}'`);
  const system = SYSTEM_NAMES.find((one) => one === values.system);
  if (system === undefined) throw new Error(`--system: there is no '${values.system}'`);
  if (!takesPart(system, scenario)) throw new Error(`--system: ${system} does not take part in ${scenario.name}`);
  const turnMs = count('--turn-ms', values['turn-ms'], TURN_MS);
  return { scenario, system, turnMs, rows: count('--rows', values.rows, ROWS) };
}

async function profile({ scenario, system, turnMs, rows }: Options): Promise<void> {
  const pair = new Pair(system, scenario);
  try {
    await pair.listen();
    await pair.connect();
    await pair.client.ask('turn', { milliseconds: turnMs });
    for (const kind of ['time', 'bytes'] as const) {
      const sides = [pair.server, pair.client];
      await Promise.all(sides.map((side) => side.ask('sample', kind)));
      const { operations } = await pair.client.ask('turn', { milliseconds: turnMs });
      const [server, client] = await Promise.all(sides.map((side) => side.ask('sampled')));
      console.log(`\n${sitesTable(`server, ${kind}`, kind, server ?? [], operations, rows)}`);
      console.log(`\n${sitesTable(`client, ${kind}`, kind, client ?? [], operations, rows)}`);
    }
  } finally {
    await pair.stop();
  }
}

function sitesTable(title: string, kind: Kind, sites: readonly Site[], operations: number, rows: number): string {
  const total = sites.reduce((sum, { amount }) => sum + amount, 0);
  const each = (amount: number) => ((kind === 'time' ? 1000 * amount : amount) / operations).toFixed(0);
  const lines = sites
    .slice(0, rows)
    .map(({ name, amount }) => [name, each(amount), `${((100 * amount) / total).toFixed(1)} %`]);
  return table([title, UNITS[kind], 'share'], [...lines, ['all', each(total), '']]);
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { scenario, system } = options;
  console.log(
    `Node ${process.version}, ${system}, ${scenario.name}: ${scenario.title}; an operation is a reply, or a message`,
  );
  await profile(options);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
