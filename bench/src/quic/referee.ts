import { median } from '../median.js';
import { takeRounds } from '../rounds.js';
import type { Credentials } from './contestant.js';
import { Pair } from './pair.js';
import type { SystemName } from './systems.js';
import type { Workload } from './workloads.js';

/** What a system did in one turn. Times are microseconds; CPU time is per operation. */
export interface WorkTurn {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverCpu: number;
  readonly clientCpu: number;
}

/** What idle connections cost the server, in bytes per connection. */
export interface IdleTurn {
  readonly held: number;
  readonly resident: number;
}

/** What came of a workload: the turns of each system, one per round. */
export interface Outcome {
  readonly workload: Workload;
  readonly work?: ReadonlyMap<SystemName, readonly WorkTurn[]>;
  readonly idle?: ReadonlyMap<SystemName, readonly IdleTurn[]>;
}

export interface Plan {
  readonly systems: readonly SystemName[];
  readonly turns: number;
  readonly turnMs: number;
  readonly warmMs: number;
  /** Turns of idle workloads, which take processes of their own each. */
  readonly idleTurns: number;
  readonly credentials: Credentials;
  /** Folder for CPU profiles. */
  readonly profiles?: string;
}

/** The median of the ratios of single rounds; undefined when one of the two took no part. */
export function ratio({ work }: Outcome, system: SystemName, of: SystemName): number | undefined {
  const turns = work?.get(system);
  const others = work?.get(of);
  if (turns === undefined || others === undefined) return undefined;
  return median(turns.map((one, round) => one.perSecond / (others[round] as WorkTurn).perSecond));
}

/** Runs workloads one after the other and reports each. The processes of a system live through all that are no idle ones. */
export async function runWorkloads(
  workloads: readonly Workload[],
  plan: Plan,
  report: (outcome: Outcome) => void,
): Promise<void> {
  const busy = workloads.filter(({ kind }) => kind !== 'idle');
  if (busy.length > 0) {
    const pairs = plan.systems.map((system) => new Pair(system, plan.credentials, plan.profiles));
    try {
      await Promise.all(pairs.map((pair) => pair.start()));
      for (const workload of busy) report(await work(workload, pairs, plan));
    } finally {
      await Promise.all(pairs.map((pair) => pair.stop()));
    }
  }
  for (const workload of workloads.filter(({ kind }) => kind === 'idle')) report(await idle(workload, plan));
}

async function work(workload: Workload, all: readonly Pair[], plan: Plan): Promise<Outcome> {
  const pairs = all.filter(({ system }) => system !== workload.without);
  const turn = (pair: Pair, milliseconds: number) => workTurn(pair, workload, milliseconds);
  for (const pair of pairs) {
    await pair.client.ask('connect', workload);
    await turn(pair, plan.warmMs);
  }
  const turns = await takeRounds(pairs, plan.turns, (pair) => turn(pair, plan.turnMs));
  for (const { client } of pairs) await client.ask('disconnect');
  return { workload, work: new Map([...turns].map(([{ system }, ofOne]) => [system, ofOne])) };
}

/** @throws Error when server and client did not see the same */
async function workTurn({ system, server, client }: Pair, workload: Workload, milliseconds: number): Promise<WorkTurn> {
  await server.ask('figures');
  const done = await client.ask('turn', { milliseconds });
  const served = await server.ask('figures');
  const { requests, operations, seconds, p50, p99 } = done;
  const expected = `${requests} requests, ${requests * workload.requestBytes} bytes`;
  const actual = `${served.requests} requests, ${served.requestBytes} bytes`;
  if (expected !== actual || operations !== requests || operations === 0) {
    throw new Error(
      `${workload.name}, ${system}: the client saw ${expected}, ${operations} replies; the server ${actual}`,
    );
  }
  return {
    perSecond: operations / seconds,
    p50,
    p99,
    serverCpu: served.cpu / operations,
    clientCpu: done.cpu / operations,
  };
}

/** Each turn has processes of its own: what a process has once grown to it does not give back. */
async function idle(workload: Workload, { systems, idleTurns, credentials }: Plan): Promise<Outcome> {
  const names = systems.filter((system) => system !== workload.without);
  const turns = new Map<SystemName, IdleTurn[]>(names.map((system) => [system, []]));
  for (let round = 0; round < idleTurns; round++) {
    const pairs = names.map((system) => new Pair(system, credentials));
    try {
      await Promise.all(pairs.map((pair) => pair.start()));
      for (const pair of pairs) turns.get(pair.system)?.push(await idleTurn(pair, workload));
    } finally {
      await Promise.all(pairs.map((pair) => pair.stop()));
    }
  }
  return { workload, idle: turns };
}

async function idleTurn({ server, client }: Pair, workload: Workload): Promise<IdleTurn> {
  const { connections } = workload;
  const connect = async (count: number) => {
    await client.ask('connect', { ...workload, connections: count });
    await client.ask('turn', { operations: count });
  };
  // Code that is loaded or compiled at first use is not the price of a connection.
  await connect(Math.ceil(connections / 10));
  await client.ask('disconnect');
  const before = await server.ask('memory', 0);
  await connect(connections);
  const after = await server.ask('memory', connections);
  return {
    held: (after.held - before.held) / connections,
    resident: (after.resident - before.resident) / connections,
  };
}
