import { CpuTime } from '../cpu-time.js';
import { type Memory, memoryWith } from '../memory.js';
import { type Kind, Sampler, type Site } from '../profile/sampler.js';
import { answerQuestions } from '../questions.js';
import type { ClientFigures, Stop } from './load.js';
import { ExchangeLoad, StreamLoad } from './load.js';
import { lanesOf, SCENARIOS, type Scenario } from './scenarios.js';
import { type Caller, Tally } from './systems/system.js';
import { loadSystem, type SystemName } from './systems.js';

/*
 * One side of one system, in a process of its own: child.js server|client SYSTEM SCENARIO. It answers what the referee
 * asks, one question after the other, and ends when the referee lets go of it.
 */

/** What a server has done since it was asked before. */
export interface ServerFigures {
  /** Microseconds of CPU time of the whole process. */
  readonly cpu: number;
  readonly requests: number;
  readonly requestBytes: number;
  readonly messages: number;
}

/** What can be asked: of a server the first three, of a client the next three, of both the last. */
export interface Questions {
  listen(): Promise<number>;
  /** @see ServerFigures */
  figures(): Promise<ServerFigures>;
  /** @param connections - waits until the process has so many */
  memory(connections: number): Promise<Memory>;
  /** @param connections - fewer than the scenario has, to warm up */
  connect(to: { readonly port: number; readonly connections?: number }): Promise<void>;
  turn(stop: Stop): Promise<ClientFigures & { readonly cpu: number }>;
  disconnect(): Promise<unknown>;
  /** Begins to sample where time or memory goes. */
  sample(kind: Kind): Promise<void>;
  /** What was sampled since. */
  sampled(): Promise<Site[]>;
}

const [, , role, name, scenarioName] = process.argv;
const scenario = SCENARIOS.find((one) => one.name === scenarioName) as Scenario;
const system = await loadSystem(name as SystemName);

const cpu = new CpuTime();

function serverQuestions(): Partial<Questions> {
  const tally = new Tally();
  return {
    listen: () => system.serve(scenario, tally),
    figures: async () => {
      const { requests, requestBytes, messages } = tally;
      Object.assign(tally, new Tally());
      return { cpu: cpu.take(), requests, requestBytes, messages };
    },
    memory: (connections) => memoryWith(connections, openConnections),
  };
}

function clientQuestions(): Partial<Questions> {
  let connected: { readonly caller: Caller; readonly scenario: Scenario } | undefined;
  const current = () => {
    if (connected === undefined) throw new Error('not connected');
    return connected;
  };
  return {
    connect: async ({ port, connections = scenario.connections }) => {
      const actual = { ...scenario, connections };
      connected = { caller: await system.connect(actual, port), scenario: actual };
    },
    turn: async (stop) => {
      const { caller, scenario: actual } = current();
      cpu.take();
      const load = startLoad(caller, actual, stop);
      await load.finished;
      return { ...load.figures(), cpu: cpu.take() };
    },
    disconnect: () => current().caller.close(),
  };
}

function startLoad(caller: Caller, actual: Scenario, stop: Stop): ExchangeLoad | StreamLoad {
  if (actual.kind === 'stream') {
    const load = new StreamLoad(actual, stop);
    caller.stream(load);
    return load;
  }
  const load = new ExchangeLoad({ ...actual, lanes: lanesOf(actual) }, stop);
  caller.exchange(load);
  return load;
}

function openConnections(): number {
  return process.getActiveResourcesInfo().filter((type) => type === 'TCPSocketWrap').length;
}

function samplerQuestions(): Partial<Questions> {
  let sampler: Sampler | undefined;
  return {
    sample: (kind) => {
      sampler = new Sampler(kind);
      return sampler.begin();
    },
    sampled: async () => sampler?.end() ?? [],
  };
}

const own = role === 'server' ? serverQuestions() : clientQuestions();
answerQuestions(role ?? '', { ...own, ...samplerQuestions() });
