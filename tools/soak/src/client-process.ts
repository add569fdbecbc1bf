import { CutProxy } from './cut-proxy.js';
import { Dice } from './dice.js';
import { Faults, footprint } from './faults.js';
import { Hostile } from './hostile.js';
import { LoadConnection } from './load-connection.js';
import { Noise } from './noise.js';
import type { Revision } from './options.js';
import { connectorOf, type Road } from './road.js';
import { Totals } from './session-book.js';
import { answerQuestions } from './side.js';

/** Hostile peers at once. */
const HOSTILES = 8;
/** Mean life of a connection on a network that cuts, in milliseconds. */
const CUT_LIFE_MS = 3000;

/** What the clients count. */
export interface ClientCounts {
  readonly frames: Readonly<Totals>;
  /** Visits of peers that keep no rule. */
  readonly hostile: number;
  /** Connections that the network has cut. */
  readonly cuts: number;
  readonly faults: number;
  readonly firstFaults: readonly string[];
}

export interface LoadOrder {
  readonly road: Road;
  readonly sessions: number;
  readonly connections: number;
  readonly seed: number;
  /** Mean life of a connection, in milliseconds. */
  readonly lifeMs: number;
  /** Whether connections are cut, and sessions resumed. */
  readonly cuts: boolean;
  readonly revision: Revision;
}

const faults = new Faults();
faults.watchProcess();
const totals = new Totals();
let actors: (LoadConnection | Hostile | Noise)[] = [];
let running: Promise<unknown> = Promise.resolve();
let visits = 0;
let cutsBefore = 0;
let proxy: CutProxy | undefined;

answerQuestions({
  async start({ road, sessions, connections, seed, lifeMs, cuts, revision }: LoadOrder): Promise<void> {
    if (cuts) proxy = await CutProxy.before(road.port, new Dice(seed * 31), CUT_LIFE_MS);
    const connector = connectorOf(proxy === undefined ? road : { ...road, port: proxy.port });
    const hostiles = Array.from({ length: HOSTILES }, (_, index) => {
      const dice = new Dice(seed * 7919 + index);
      return road.root === undefined ? new Hostile(road.port, dice, totals, faults) : new Noise(road.port, dice);
    });
    // The remainder goes to the first connections, one each.
    const load = Array.from({ length: connections }, (_, index) => {
      const sessionsPerConnection = Math.floor(sessions / connections) + (index < sessions % connections ? 1 : 0);
      // Where connections are cut, time is for coming back, too.
      const plan = { connector, sessionsPerConnection, pauseMs: sessions / (cuts ? 1 : 4), lifeMs, cuts, revision };
      return new LoadConnection(plan, new Dice(seed * 104_729 + index), totals, faults);
    });
    actors = [...hostiles, ...load];
    running = Promise.all(actors.map((actor) => actor.run()));
  },
  async stop(): Promise<ClientCounts> {
    for (const actor of actors) actor.stop();
    await running;
    const current = counts();
    for (const actor of actors) if (!(actor instanceof LoadConnection)) visits += actor.visits;
    actors = [];
    await proxy?.close();
    cutsBefore += proxy?.cuts ?? 0;
    proxy = undefined;
    return current;
  },
  counts,
  footprint,
});

function counts(): ClientCounts {
  const now = actors.reduce((sum, actor) => sum + (actor instanceof LoadConnection ? 0 : actor.visits), visits);
  return {
    frames: { ...totals },
    hostile: now,
    cuts: cutsBefore + (proxy?.cuts ?? 0),
    faults: faults.count,
    firstFaults: faults.first,
  };
}
