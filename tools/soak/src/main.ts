import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientCounts, LoadOrder } from './client-process.js';
import type { Footprint } from './faults.js';
import { parseOptions, type SoakOptions, USAGE } from './options.js';
import { finalReport, misses, progressLine, warmLine } from './report.js';
import type { Road } from './road.js';
import type { ListenOrder, ServerCounts } from './server-process.js';
import { Side } from './side.js';

/*
 * A server and its clients in two processes, under everything that clients do. The load runs to warm up, in rounds, and
 * then once to count. Before and after that all clients have left and the server's heap is collected: what is left then is
 * what the load has left behind. The engine goes on compiling for minutes, and keeps what it has compiled: the process is
 * warm when a round adds next to nothing. A leak that is smaller than that for each round is found by the time that counts,
 * which is many rounds long.
 */

const PROGRESS_MS = 10_000;
/** A round of the warm-up that adds less than this part of the heap is the last. */
const WARM_GROWTH = 0.01;
/** How long the server may take to notice that all clients have left. */
const SETTLE_MS = 30_000;
/** How long sessions wait for clients that are cut off: a busy machine is not to be the end of one. */
const MAX_WINDOW_MS = 60_000;

export type ServerTasks = {
  listen(order: ListenOrder): Promise<Road>;
  counts(): ServerCounts;
  footprint(): Promise<Footprint>;
  close(): Promise<Footprint>;
};
export type ClientTasks = {
  start(order: LoadOrder): Promise<void>;
  stop(): Promise<ClientCounts>;
  counts(): ClientCounts;
  footprint(): Promise<Footprint>;
};

async function main(args: readonly string[]): Promise<number> {
  let options: SoakOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { sessions, connections, seconds, seed, warmSeconds, warmRounds, quic, cuts, revision } = options;
  console.log(
    `${sessions} sessions over ${connections} ${quic ? 'QUIC' : 'TCP'} connections of ${revision}${cuts ? ' that are cut' : ''} for ${seconds} s, seed ${seed}, Node ${process.version}`,
  );
  const server = new Side<ServerTasks>('server', 'server-process.js');
  const client = new Side<ClientTasks>('client', 'client-process.js');
  try {
    const windowMs = cuts ? Math.min(MAX_WINDOW_MS, seconds * 1000) : 0;
    const settleMs = SETTLE_MS + windowMs;
    const road = await server.ask('listen', { maxSessions: sessions * 2 + 1000, quic, windowMs });
    const lifeMs = Math.min(30_000, seconds * 500);
    let before: Footprint | undefined;
    for (let round = 1; round <= warmRounds; round++) {
      await client.ask('start', { road, sessions, connections, seed: seed + round, lifeMs, cuts, revision });
      await sleep(warmSeconds * 1000);
      await client.ask('stop');
      await empty(server, settleMs);
      const last: Footprint | undefined = before;
      before = await server.ask('footprint');
      console.log(warmLine(round, before));
      if (last !== undefined && before.heapUsed < last.heapUsed * (1 + WARM_GROWTH)) break;
    }
    if (before === undefined) throw new Error('no warm-up, nothing to compare with');
    const warm = await client.ask('counts');

    const startedAtMs = performance.now();
    await client.ask('start', { road, sessions, connections, seed, lifeMs, cuts, revision });
    for (let leftMs = seconds * 1000; leftMs > 0; ) {
      await sleep(Math.min(leftMs, PROGRESS_MS));
      const elapsedMs = performance.now() - startedAtMs;
      leftMs = seconds * 1000 - elapsedMs;
      const [served, called] = await Promise.all([server.ask('counts'), client.ask('counts')]);
      console.log(progressLine(elapsedMs, served, called));
    }
    const called = await client.ask('stop');
    const loadMs = performance.now() - startedAtMs;
    await empty(server, settleMs);
    const after = await server.ask('footprint');
    const served = await server.ask('counts');
    const closed = await server.ask('close');
    const result = { served, called, warm, before, after, closed, loadMs };
    console.log(finalReport(result));
    const found = misses(result);
    for (const miss of found) console.log(`MISS ${miss}`);
    console.log(found.length === 0 ? 'soak: passed' : `soak: ${found.length} misses, seed ${seed}`);
    return found.length === 0 ? 0 : 1;
  } finally {
    await Promise.all([client.stop(), server.stop()]);
  }
}

/** Waits until the server has noticed that all clients have left; what it has not by then is a miss of the report. */
async function empty(server: Side<ServerTasks>, settleMs: number): Promise<void> {
  const untilMs = performance.now() + settleMs;
  for (;;) {
    const { sessions, connections, inHand, waiting } = await server.ask('counts');
    if (sessions + connections + inHand + waiting === 0 || performance.now() > untilMs) return;
    await sleep(100);
  }
}

process.exitCode = await main(process.argv.slice(2));
