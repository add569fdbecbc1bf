import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MAX_HEAP_GROWTH_BYTES, type Order, type Outcome, playAlone, runCampaign } from './campaign.js';
import { type Conversation, STATES } from './conversation.js';
import { Coverage } from './coverage.js';
import { runHostile } from './hostile/run.js';
import { type FuzzOptions, parseOptions, USAGE } from './options.js';
import { runPlants } from './planted.js';
import { samplesOf } from './samples/samples-of.js';
import { describeConversation } from './shrink.js';
import { ProcessWatch } from './watch.js';

/*
 * Whole conversations with every packet mutated, against the server and the client, over sockets and in memory. The work
 * is divided between processes; a number of a conversation and the seed say all about it.
 */

const PROGRESS_MS = 10_000;
const SELF = fileURLToPath(import.meta.url);
const ONE_BY_ONE = new URL('./one-by-one/register.js', import.meta.url).href;

async function main(args: readonly string[]): Promise<number> {
  let options: FuzzOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (options.replay !== undefined) return replay(options.replay);
  if (options.hostile) return runHostile(options.packets, options.seed);
  if (options.planted) return planted(options);
  return fuzz(options);
}

/** Plants by several processes: what is planted in one reaches no other. */
async function planted({ seed, part, jobs }: FuzzOptions): Promise<number> {
  const misses = await Promise.all(
    Array.from({ length: jobs }, (_, job) => {
      const env = { ...process.env, NNRP_FUZZ_PLANTS: JSON.stringify({ seed, part, job, jobs }) };
      return new Promise<number>((resolve) => {
        let missed = 255;
        const child = fork(SELF, [], { env, execArgv: ['--import', ONE_BY_ONE] });
        // What it has not said itself counts as missed: it may have ended before it was done.
        child.on('message', (count: number) => {
          missed = count;
        });
        child.on('exit', () => resolve(missed));
      });
    }),
  );
  const missed = misses.reduce((sum, count) => sum + count, 0);
  console.log(missed === 0 ? 'planted: all found' : `planted: ${missed} missed`);
  return missed === 0 ? 0 : 1;
}

async function fuzz({ packets, seed, jobs, roles, carriers, revision }: FuzzOptions): Promise<number> {
  console.log(`${packets} mutated packets of ${revision}, seed ${seed}, ${jobs} processes, Node ${process.version}`);
  const startedAtMs = performance.now();
  const counts = new Array<number>(jobs).fill(0);
  const progress = setInterval(() => {
    const sent = counts.reduce((sum, count) => sum + count, 0);
    console.log(`${((performance.now() - startedAtMs) / 1000).toFixed(0)} s: ${sent} mutated packets`);
  }, PROGRESS_MS);
  const orders = counts.map((_, job) => ({
    seed: seed * 1000 + job,
    packets: Math.ceil(packets / jobs),
    revision,
    roles,
    carriers,
  }));
  const outcomes = await Promise.all(
    orders.map((order, job) =>
      runElsewhere(order, (mutants) => {
        counts[job] = mutants;
      }),
    ),
  );
  clearInterval(progress);
  return report(outcomes, roles, samplesOf(revision).names, performance.now() - startedAtMs);
}

function report(
  outcomes: readonly Outcome[],
  roles: FuzzOptions['roles'],
  names: readonly string[],
  tookMs: number,
): number {
  const coverage = new Coverage();
  for (const outcome of outcomes) coverage.add(outcome);
  for (const role of roles) {
    console.log(`\n${coverage.table(role, STATES[role], names)}`);
    const empty = coverage.empty(role, STATES[role], names);
    console.log(empty.length === 0 ? 'no cell is empty' : `empty: ${empty.join(', ')}`);
  }
  const failures = outcomes.flatMap((outcome) => outcome.failures);
  for (const failure of failures) console.log(`\nFAIL ${failure}`);
  let misses = failures.length;
  for (const { heapGrowthBytes } of outcomes) {
    const isFlat = heapGrowthBytes <= MAX_HEAP_GROWTH_BYTES;
    if (!isFlat) misses++;
    console.log(
      `heap after the first fifth and at the end: ${(heapGrowthBytes / 1048576).toFixed(2)} MiB more${isFlat ? '' : ' MISS'}`,
    );
  }
  const conversations = outcomes.reduce((sum, outcome) => sum + outcome.conversations, 0);
  const { mutants, valid } = coverage;
  console.log(
    `${mutants} mutated and ${valid} valid packets in ${conversations} conversations, ${(tookMs / 1000).toFixed(0)} s`,
  );
  console.log(misses === 0 ? 'fuzz: passed' : `fuzz: ${misses} misses`);
  return misses === 0 ? 0 : 1;
}

/** Runs a share in a process of its own. */
function runElsewhere(order: Order, progress: (mutants: number) => void): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome | undefined;
    const child = fork(SELF, [], { env: { ...process.env, NNRP_FUZZ_ORDER: JSON.stringify(order) } });
    child.on('message', (message: { mutants?: number; outcome?: Outcome }) => {
      if (message.mutants !== undefined) progress(message.mutants);
      outcome ??= message.outcome;
    });
    child.on('exit', (code, signal) => {
      const failure = `the process of seed ${order.seed} ended with ${code ?? signal} before it was done`;
      const none = { conversations: 0, mutants: 0, valid: 0, cells: [], heapGrowthBytes: 0 };
      resolve(outcome ?? { ...none, failures: [failure] });
    });
  });
}

async function replay(file: string): Promise<number> {
  const talk = JSON.parse(readFileSync(file, 'utf8')) as Conversation;
  console.log(describeConversation(talk));
  const found = await playAlone(talk, new ProcessWatch());
  for (const { kind, detail } of found) console.log(`FAIL ${kind}: ${detail}`);
  console.log(found.length === 0 ? 'replay: nothing happened' : `replay: ${found.length} violations`);
  return found.length === 0 ? 0 : 1;
}

const order = process.env['NNRP_FUZZ_ORDER'];
const plants = process.env['NNRP_FUZZ_PLANTS'];
if (plants !== undefined) {
  const { seed, part, job, jobs } = JSON.parse(plants) as { seed: number; part: string; job: number; jobs: number };
  const missed = await runPlants(seed, part, job, jobs);
  process.send?.(missed, () => process.exit(0));
} else if (order === undefined) {
  process.exitCode = await main(process.argv.slice(2));
} else {
  const outcome = await runCampaign(JSON.parse(order) as Order, (mutants) => process.send?.({ mutants }));
  process.send?.({ outcome }, () => process.exit(0));
}
