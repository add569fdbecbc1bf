import type { ClientFigures, Stop } from './load.js';
import { ExchangeLoad, StreamLoad } from './load.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { type Caller, Tally } from './system.js';
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

/** Bytes of the server's process after its garbage has been collected. */
export interface Memory {
  /** JavaScript heap and what it holds outside, buffers included. */
  readonly held: number;
  readonly resident: number;
}

/** What can be asked: of a server the first three, of a client the others. */
export interface Questions {
  listen(): Promise<number>;
  /** @see ServerFigures */
  figures(): Promise<ServerFigures>;
  /** @param connections - waits until the process has so many */
  memory(connections: number): Promise<Memory>;
  /** @param connections - fewer than the scenario has, to warm up */
  connect(to: { readonly port: number; readonly connections?: number }): Promise<void>;
  turn(stop: Stop): Promise<ClientFigures & { readonly cpu: number }>;
  disconnect(): Promise<void>;
}

/** A question on its way to a child; the answer comes as {@link Answer}. */
export interface Question {
  readonly name: keyof Questions;
  readonly argument?: unknown;
}

export type Answer = { readonly value: unknown } | { readonly error: string };

const [, , role, name, scenarioName] = process.argv;
const scenario = SCENARIOS.find((one) => one.name === scenarioName) as Scenario;
const system = await loadSystem(name as SystemName);

let cpuBefore = process.cpuUsage();
function cpuSince(): number {
  const { user, system: kernel } = process.cpuUsage(cpuBefore);
  cpuBefore = process.cpuUsage();
  return user + kernel;
}

function serverQuestions(): Partial<Questions> {
  const tally = new Tally();
  return {
    listen: () => system.serve(scenario, tally),
    figures: async () => {
      const { requests, requestBytes, messages } = tally;
      Object.assign(tally, new Tally());
      return { cpu: cpuSince(), requests, requestBytes, messages };
    },
    memory,
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
      cpuSince();
      const load = startLoad(caller, actual, stop);
      await load.finished;
      return { ...load.figures(), cpu: cpuSince() };
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
  const load = new ExchangeLoad(actual, stop);
  caller.exchange(load);
  return load;
}

async function memory(connections: number): Promise<Memory> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('needs --expose-gc');
  const giveUp = Date.now() + 10_000;
  const open = () => process.getActiveResourcesInfo().filter((type) => type === 'TCPSocketWrap').length;
  while (open() !== connections) {
    if (Date.now() > giveUp) throw new Error(`expected ${connections} connections, the process has ${open()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Finalisers of one collection let go of things that the next one takes.
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, resident: rss };
}

const questions: Partial<Record<string, (argument: never) => Promise<unknown>>> =
  role === 'server' ? serverQuestions() : clientQuestions();

process.on('message', ({ name, argument }: Question) => {
  const reply = (answer: Answer) => process.send?.(answer);
  const question = questions[name];
  if (question === undefined) {
    reply({ error: `a ${role} is not asked for ${name}` });
    return;
  }
  Promise.resolve(argument)
    .then((given) => question(given as never))
    .then(
      (value) => reply({ value: value ?? null }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
});
// At exit a profile is written, if one was asked for.
process.on('disconnect', () => process.exit(0));
