import { Totals } from './answer-book.js';
import { Dice } from './dice.js';
import { Faults, footprint } from './faults.js';
import { Hostile } from './hostile.js';
import { LoadConnection } from './load-connection.js';
import { Noise } from './noise.js';
import { connectorOf, type Road } from './road.js';
import { answerQuestions } from './side.js';

/** Hostile peers at once. */
const HOSTILES = 8;

/** What the clients count. */
export interface ClientCounts {
  readonly frames: Readonly<Totals>;
  /** Visits of peers that keep no rule. */
  readonly hostile: number;
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
}

const faults = new Faults();
faults.watchProcess();
const totals = new Totals();
let actors: (LoadConnection | Hostile | Noise)[] = [];
let running: Promise<unknown> = Promise.resolve();
let visits = 0;

answerQuestions({
  start({ road, sessions, connections, seed, lifeMs }: LoadOrder): void {
    const connector = connectorOf(road);
    const hostiles = Array.from({ length: HOSTILES }, (_, index) => {
      const dice = new Dice(seed * 7919 + index);
      return road.root === undefined ? new Hostile(road.port, dice, totals, faults) : new Noise(road.port, dice);
    });
    // The remainder goes to the first connections, one each.
    const load = Array.from({ length: connections }, (_, index) => {
      const sessionsPerConnection = Math.floor(sessions / connections) + (index < sessions % connections ? 1 : 0);
      const plan = { connector, sessionsPerConnection, pauseMs: sessions / 4, lifeMs };
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
    return current;
  },
  counts,
  footprint,
});

function counts(): ClientCounts {
  const now = actors.reduce((sum, actor) => sum + (actor instanceof LoadConnection ? 0 : actor.visits), visits);
  return { frames: { ...totals }, hostile: now, faults: faults.count, firstFaults: faults.first };
}
