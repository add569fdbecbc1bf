import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Appetite, type Conversation, conversation } from './conversation.js';
import { Coverage } from './coverage.js';
import { describeConversation, shrink } from './shrink.js';
import { Stage } from './targets/stage.js';
import { heapBytes, ProcessWatch, type Violation } from './watch.js';

/** What one process is to do. */
export interface Order extends Appetite {
  readonly seed: number;
  readonly packets: number;
}

/** What has come of it. */
export interface Outcome {
  readonly conversations: number;
  readonly mutants: number;
  readonly valid: number;
  readonly cells: [string, number][];
  readonly heapGrowthBytes: number;
  /** Text for people, one for each conversation that failed. */
  readonly failures: readonly string[];
}

/** The heap may differ by so much from one full collection to the next. */
export const MAX_HEAP_GROWTH_BYTES = 8 * 1024 * 1024;
/** Conversations that fail before a run gives up: one fault fails again and again. */
const MAX_FAILURES = 5;

/** Plays conversations until so many mutants have been sent. */
export async function runCampaign(order: Order, progress: (mutants: number) => void): Promise<Outcome> {
  const watch = new ProcessWatch();
  const coverage = new Coverage();
  const stage = new Stage(watch);
  const failures: string[] = [];
  let number = 0;
  let warmBytes = 0;
  while (coverage.mutants < order.packets && failures.length < MAX_FAILURES) {
    const talk = conversation(order.seed, number++, order);
    const found = await stage.play(talk, coverage);
    if (found.length > 0) failures.push(await explain(talk, found, watch));
    // The first fifth warms up: code is compiled, tables are made.
    if (warmBytes === 0 && coverage.mutants * 5 >= order.packets) warmBytes = await settledHeap(stage);
    if (number % 50 === 0) progress(coverage.mutants);
  }
  const heapGrowthBytes = (await settledHeap(stage)) - warmBytes;
  const { mutants, valid, cells } = coverage;
  return { conversations: number, mutants, valid, cells, heapGrowthBytes, failures };
}

/** All ends have left the stage, and what they left has had time to end. */
async function settledHeap(stage: Stage): Promise<number> {
  await stage.clear();
  await new Promise((resolve) => setTimeout(resolve, 500));
  return heapBytes();
}

/** Shrinks what failed, and writes it to a file that can be played again. */
async function explain(talk: Conversation, found: readonly Violation[], watch: ProcessWatch): Promise<string> {
  const kinds = new Set(found.map(({ kind }) => kind));
  const last = await playAlone(talk, watch);
  const repeats = last.some(({ kind }) => kinds.has(kind));
  const shortest = repeats
    ? await shrink(talk, async (candidate) => (await playAlone(candidate, watch)).some(({ kind }) => kinds.has(kind)))
    : talk;
  const file = join(tmpdir(), `nnrp-fuzz-${process.pid}-${talk.seed}.json`);
  writeFileSync(file, JSON.stringify(shortest, undefined, 1));
  const what = found.map(({ kind, detail }) => `${kind}: ${detail}`).join('\n');
  const how = repeats ? 'shrunk' : 'whole, for it does not happen every time';
  return `${what}\nconversation (${how}), pnpm fuzz --replay ${file}\n${describeConversation(shortest)}`;
}

/** Plays one conversation with new ends. */
export async function playAlone(talk: Conversation, watch: ProcessWatch): Promise<Violation[]> {
  const stage = new Stage(watch);
  const found = await stage.play(talk, new Coverage());
  await stage.clear();
  return [...found, ...watch.take()];
}
