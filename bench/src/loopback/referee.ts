import { median } from '../median.js';
import { takeRounds } from '../rounds.js';
import type { Stop } from './load.js';
import { Pair } from './pair.js';
import type { Scenario } from './scenarios.js';
import type { SystemName } from './systems.js';

/** What a system did in one turn. Times are microseconds; CPU time is per operation. */
export interface WorkTurn {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverCpu: number;
  readonly clientCpu: number;
}

/** What idle sessions cost the server, in bytes per session. */
export interface IdleTurn {
  readonly held: number;
  readonly resident: number;
}

/** Medians over the turns of a system, and its ratios to raw, each the median of the ratios of single rounds. */
export interface Outcome {
  readonly system: SystemName;
  readonly work?: WorkTurn;
  readonly idle?: IdleTurn;
  /** Throughput by raw's; absent without raw. */
  readonly ratio?: number;
  /** Raw's CPU time per operation by the system's, both processes together. */
  readonly efficiency?: number;
  readonly turns: readonly (WorkTurn | IdleTurn)[];
}

export interface Plan {
  readonly turns: number;
  readonly turnMs: number;
  readonly warmMs: number;
  /** Folder for CPU profiles. */
  readonly profiles?: string;
}

/** Lets the systems take turns in one scenario; the order is reversed on every other round. */
export function runScenario(scenario: Scenario, systems: readonly SystemName[], plan: Plan): Promise<Outcome[]> {
  return (scenario.kind === 'idle' ? idle : work)(scenario, systems, plan);
}

/** The processes of a system live through all turns. */
async function work(scenario: Scenario, systems: readonly SystemName[], plan: Plan): Promise<Outcome[]> {
  const pairs = new Map(systems.map((system) => [system, new Pair(system, scenario, plan.profiles)]));
  const turn = (system: SystemName, milliseconds: number) => workTurn(pairs.get(system) as Pair, { milliseconds });
  let rounds: Map<SystemName, WorkTurn[]>;
  try {
    for (const [system, pair] of pairs) {
      await pair.listen();
      await pair.connect();
      await turn(system, plan.warmMs);
    }
    rounds = await takeRounds(systems, plan.turns, (system) => turn(system, plan.turnMs));
  } finally {
    await Promise.all([...pairs.values()].map((pair) => pair.stop()));
  }
  const raw = rounds.get('raw');
  return [...rounds].map(([system, turns]) => {
    const of = (field: keyof WorkTurn) => median(turns.map((one) => one[field]));
    const figures = { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99') };
    const outcome = { system, turns, work: { ...figures, serverCpu: of('serverCpu'), clientCpu: of('clientCpu') } };
    if (raw === undefined) return outcome;
    const cpu = (one: WorkTurn) => one.serverCpu + one.clientCpu;
    return {
      ...outcome,
      ratio: median(turns.map((one, round) => one.perSecond / (raw[round] as WorkTurn).perSecond)),
      efficiency: median(turns.map((one, round) => cpu(raw[round] as WorkTurn) / cpu(one))),
    };
  });
}

/** @throws Error when server and client did not see the same */
async function workTurn({ system, scenario, server, client }: Pair, stop: Stop): Promise<WorkTurn> {
  await server.ask('figures');
  const done = await client.ask('turn', stop);
  const served = await server.ask('figures');
  const { requests, operations, seconds, p50, p99 } = done;
  const messages = scenario.kind === 'stream' ? operations : 0;
  const expected = `${requests} requests, ${requests * scenario.requestBytes} bytes, ${messages} messages`;
  const actual = `${served.requests} requests, ${served.requestBytes} bytes, ${served.messages} messages`;
  if (expected !== actual)
    throw new Error(`${scenario.name}, ${system}: the client saw ${expected}, the server ${actual}`);
  if (operations !== requests * (messages > 0 ? scenario.messages : 1)) {
    throw new Error(`${scenario.name}, ${system}: ${requests} requests, ${operations} operations`);
  }
  const perOperation = (cpu: number) => cpu / operations;
  return {
    perSecond: operations / seconds,
    p50,
    p99,
    serverCpu: perOperation(served.cpu),
    clientCpu: perOperation(done.cpu),
  };
}

/** Each turn has processes of its own: what a process has once grown to it does not give back. */
async function idle(scenario: Scenario, systems: readonly SystemName[], plan: Plan): Promise<Outcome[]> {
  const rounds = await takeRounds(systems, plan.turns, async (system) => {
    const pair = new Pair(system, scenario, plan.profiles);
    try {
      return await idleTurn(pair);
    } finally {
      await pair.stop();
    }
  });
  return [...rounds].map(([system, turns]) => {
    const of = (field: keyof IdleTurn) => median(turns.map((one) => one[field]));
    return { system, turns, idle: { held: of('held'), resident: of('resident') } };
  });
}

/** Sessions make one exchange before they are idle: what a session keeps after work is part of its price. */
async function idleTurn(pair: Pair): Promise<IdleTurn> {
  const { scenario, server, client } = pair;
  const connect = async (connections: number) => {
    await pair.connect(connections);
    await client.ask('turn', { operations: connections * scenario.sessionsPerConnection });
  };
  await pair.listen();
  // Code that is loaded or compiled at first use is not the price of a session.
  await connect(Math.ceil(scenario.connections / 10));
  await client.ask('disconnect');
  const before = await server.ask('memory', 0);
  await connect(scenario.connections);
  const after = await server.ask('memory', scenario.connections);
  const sessions = scenario.connections * scenario.sessionsPerConnection;
  return { held: (after.held - before.held) / sessions, resident: (after.resident - before.resident) / sessions };
}
