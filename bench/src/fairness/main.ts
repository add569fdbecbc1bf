import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { count } from '../options.js';
import { ROWS, type Row } from './attacks.js';
import { type Outcome, type Plan, runRow } from './referee.js';
import { fairnessTable, goalLines, isMet } from './report.js';
import { PLACES } from './server-side.js';

/*
 * One honest client beside each attacker of a list, on one server. What it keeps of its rate is a ratio within one
 * run; server, honest client and attackers have a process each. An attacker takes CPU time of the machine besides, which is
 * not the server's to share out: so the honest client is measured again beside the same process when it burns as much, and
 * sends nothing.
 */

/** One of each kind of attack: they show that everything runs. */
const QUICK = [
  'sessions',
  'never-reading',
  'pausing',
  'patches',
  'flood-PING',
  'flood-RESULT_DROP',
  'flood-cancelled',
  'websocket-mutated',
];

const USAGE = `usage: pnpm bench fairness [options]
  --quick           few attackers and short turns: shows that everything runs, and judges nothing
  --turn-ms N       length of a turn in milliseconds (default 3000)
  --only A,B        attackers, by their names or the beginnings of them: ${ROWS.map(({ name }) => name).join(', ')}
  --json FILE       writes all figures`;

interface Options {
  readonly quick: boolean;
  readonly turnMs: number;
  readonly rows: readonly Row[];
  readonly json: string | undefined;
}

/** @throws Error that says which argument does not fit */
function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      'turn-ms': { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const { quick, json } = values;
  const rows = chosen(values.only ?? (quick ? QUICK.join(',') : undefined));
  return { quick, turnMs: count('--turn-ms', values['turn-ms'], quick ? 300 : 3000), rows, json };
}

function chosen(text: string | undefined): readonly Row[] {
  if (text === undefined) return ROWS;
  const beginnings = text.split(',');
  const unknown = beginnings.find((one) => !ROWS.some(({ name }) => name.startsWith(one)));
  if (unknown !== undefined) throw new Error(`--only: there is no '${unknown}'`);
  // A whole name is that attacker alone.
  const fits = (name: string, one: string) => name === one || (isBeginning(one) && name.startsWith(one));
  return ROWS.filter(({ name }) => beginnings.some((one) => fits(name, one)));
}

function isBeginning(text: string): boolean {
  return !ROWS.some(({ name }) => name === text);
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { quick, turnMs, rows, json } = options;
  const plan: Plan = { turnMs, warmMs: quick ? 300 : 1000 };
  const cores = availableParallelism();
  console.log(`Node ${process.version}, ${cores} cores, loopback, ${PLACES} places; turns of ${turnMs} ms\n`);
  const [load = 0] = loadavg();
  if (load > cores) {
    console.log(
      `the machine has ${load.toFixed(1)} processes to run besides: a client that waits for its core is not starved by the server\n`,
    );
  }
  const outcomes: Outcome[] = [];
  for (const row of rows) {
    const outcome = await runRow(row, plan);
    outcomes.push(outcome);
    console.log(
      `${row.name.padEnd(24)} ${outcome.ratio.toFixed(3)} of alone, ${outcome.fairRatio.toFixed(3)} of burnt, ${row.title}`,
    );
  }
  console.log(`\n${fairnessTable(outcomes)}\n\n${goalLines(outcomes).join('\n')}`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ node: process.version, cores, turnMs, outcomes }, null, 2)}\n`);
  if (quick) {
    console.log('a quick run: its turns are too short to judge anything');
    return outcomes.every(({ alone }) => alone.answered > 0) ? 0 : 1;
  }
  return outcomes.every(isMet) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
