import { Socket } from 'node:net';
import { PerformanceObserver } from 'node:perf_hooks';
import { promiseHooks } from 'node:v8';
import { ExchangeLoad, StreamLoad } from '../loopback/load.js';
import { lanesOf, SCENARIOS, type Scenario } from '../loopback/scenarios.js';
import { type Caller, Tally } from '../loopback/systems/system.js';
import { loadSystem, type SystemName } from '../loopback/systems.js';
import { answerQuestions } from '../questions.js';
import { allocationSites, type Site } from './sites.js';

/*
 * Both ends of one system in one process, over TCP: child.js SYSTEM SCENARIO. What is made for an operation is counted, not
 * timed: the figures hardly depend on the machine.
 */

/** What is made for one operation, or for one message of a stream, by both ends together. */
export interface Counts {
  /** Bytes of objects, collected or not. */
  readonly heapBytes: number;
  /** Bytes of array buffers. */
  readonly bufferBytes: number;
  readonly promises: number;
  /** Calls of a socket for a thousand of them. */
  readonly writesPerThousand: number;
}

export interface Work {
  /** Requests of the warm-up. */
  readonly warm: number;
  /** Requests of a measurement. */
  readonly requests: number;
}

export interface CountQuestions {
  count(work: Work): Promise<Counts>;
  /** After it: bytes for an operation, by the function that made them. */
  sites(work: Work): Promise<readonly Site[]>;
}

/** Garbage collections so far. The new space is so large that none is due in a measurement. */
let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

const ATTEMPTS = 8;

let writes = 0;

/** Whatever leaves a socket passes through these. */
function countWrites(): void {
  const proto = Socket.prototype as unknown as Record<'_write' | '_writev', (...args: unknown[]) => void>;
  for (const name of ['_write', '_writev'] as const) {
    const { [name]: original } = proto;
    proto[name] = function counted(this: Socket, ...args: unknown[]) {
      writes++;
      return original.apply(this, args);
    };
  }
}

function startLoad(caller: Caller, scenario: Scenario, operations: number): ExchangeLoad | StreamLoad {
  if (scenario.kind === 'stream') {
    const load = new StreamLoad(scenario, { operations });
    caller.stream(load);
    return load;
  }
  const load = new ExchangeLoad({ ...scenario, lanes: lanesOf(scenario) }, { operations });
  caller.exchange(load);
  return load;
}

/** Observers are told of collections in a turn of their own. */
const told = () => new Promise<void>((resolve) => setTimeout(resolve, 20));

async function run(caller: Caller, scenario: Scenario, requests: number): Promise<number> {
  const load = startLoad(caller, scenario, requests);
  await load.finished;
  return load.figures().operations;
}

/** @throws Error when the collector ran each time: then what was made is unknown */
async function countBytes(caller: Caller, scenario: Scenario, requests: number) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const made = await tryToCountBytes(caller, scenario, requests);
    if (made !== undefined) return made;
  }
  throw new Error(`${scenario.name}: garbage was collected in each of ${ATTEMPTS} measurements`);
}

async function tryToCountBytes(caller: Caller, scenario: Scenario, requests: number) {
  (globalThis as { gc?: () => void }).gc?.();
  await told();
  const collectionsBefore = collections;
  const writesBefore = writes;
  const before = process.memoryUsage();
  const operations = await run(caller, scenario, requests);
  const after = process.memoryUsage();
  const written = writes - writesBefore;
  await told();
  // Buffers may be let go of for a while after a collection.
  if (collections > collectionsBefore || after.arrayBuffers < before.arrayBuffers) return undefined;
  return {
    heapBytes: (after.heapUsed - before.heapUsed) / operations,
    bufferBytes: (after.arrayBuffers - before.arrayBuffers) / operations,
    writesPerThousand: (1000 * written) / operations,
  };
}

async function countPromises(caller: Caller, scenario: Scenario, requests: number): Promise<number> {
  let promises = 0;
  const stop = promiseHooks.onInit(() => {
    promises++;
  }) as unknown as () => void;
  try {
    const operations = await run(caller, scenario, requests);
    return promises / operations;
  } finally {
    stop();
  }
}

const [, , name, scenarioName] = process.argv;
const scenario = SCENARIOS.find((one) => one.name === scenarioName) as Scenario;

let caller: Caller;

const questions: CountQuestions = {
  count: async ({ warm, requests }) => {
    countWrites();
    const system = await loadSystem(name as SystemName);
    const port = await system.serve(scenario, new Tally());
    caller = await system.connect(scenario, port);
    await run(caller, scenario, warm);
    const bytes = await countBytes(caller, scenario, requests);
    const promises = await countPromises(caller, scenario, requests);
    return { ...bytes, promises };
  },
  sites: async ({ requests }) => {
    let operations = 0;
    const sites = await allocationSites(async () => {
      operations = await run(caller, scenario, requests);
    });
    return sites.map(({ name: site, bytes }) => ({ name: site, bytes: bytes / operations }));
  },
};

answerQuestions('counter', questions);
