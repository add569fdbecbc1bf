import type { NnrpClientSession, NnrpServerSession } from 'nnrp-runtime';
import type { ExchangeLoad, StreamLoad } from './load.js';
import {
  bindServer,
  complete,
  connectSessions,
  type Handler,
  type Operation,
  portOf,
  push,
  serveHandler,
  submit,
} from './nnrp-api.js';
import type { Scenario } from './scenarios.js';
import { type Caller, inBatches, messageBodies, nextTurn, type System, type Tally } from './system.js';

/* NNRP as its users write it, with promises and loops; on the server with sessions or with a handler. */

async function exchangeLane(session: NnrpClientSession, load: ExchangeLoad, lane: number): Promise<void> {
  for (let body = load.begin(lane); body !== undefined; body = load.begin(lane)) {
    load.end(lane, (await submit(session, body).result()).body);
  }
}

async function streamLane(session: NnrpClientSession, load: StreamLoad, lane: number): Promise<void> {
  while (load.begin(lane)) {
    for await (const result of submit(session, load.request)) {
      if (result.partial) load.message(lane, result.body);
    }
    load.end(lane);
  }
}

async function connect(scenario: Scenario, port: number): Promise<Caller> {
  const opened = await inBatches(scenario.connections, () => connectSessions(scenario, port));
  const sessions = opened.flatMap(([, ofOne]) => ofOne);
  const inLanes = <L extends ExchangeLoad | StreamLoad>(
    load: L,
    run: (session: NnrpClientSession, load: L, lane: number) => Promise<void>,
  ) => {
    for (let lane = 0; lane < load.lanes; lane++) {
      const session = sessions[Math.floor(lane / scenario.inFlight)] as NnrpClientSession;
      run(session, load, lane).catch((error: unknown) => load.fail(error));
    }
  };
  return {
    exchange: (load) => inLanes(load, exchangeLane),
    stream: (load) => inLanes(load, streamLane),
    close: async () => {
      await Promise.all(opened.map(([client]) => client.close()));
    },
  };
}

async function serveExchanges(session: NnrpServerSession, tally: Tally): Promise<void> {
  for await (const { frameId, body } of session) {
    tally.request(body.length);
    await complete(session, frameId, body);
  }
  await session.close();
}

async function serveStreams(
  session: NnrpServerSession,
  scenario: Scenario,
  tally: Tally,
  bodies: Buffer[],
): Promise<void> {
  for await (const { frameId, body } of session) {
    tally.request(body.length);
    for (let index = 0; index < scenario.messages; index++) {
      if (scenario.paced) await nextTurn();
      await push(session, frameId, bodies[index & 255] as Buffer);
      tally.messages++;
    }
    await complete(session, frameId);
  }
  await session.close();
}

/** Session level: the application takes submits from each session and sends their results. */
export const nnrp: System = {
  async serve(scenario, tally) {
    const server = await bindServer();
    const bodies = messageBodies(scenario.messageBytes);
    const serveSessions = async () => {
      for await (const session of server) {
        void (scenario.kind === 'stream'
          ? serveStreams(session, scenario, tally, bodies)
          : serveExchanges(session, tally));
      }
    };
    void serveSessions();
    return portOf(server);
  },
  connect,
};

/** How a handler learns that its work is not wanted any more. */
type Watch = (operation: Operation) => { throwIfAborted(): void };

/** Handler level: an async generator per operation, which asks now and then whether its work is still wanted. */
function handlers(watch: Watch): System {
  return {
    async serve(scenario, tally) {
      const { kind, messages, messageBytes, paced } = scenario;
      const bodies = messageBodies(messageBytes);
      const none = new Uint8Array(0);
      const handler: Handler = async function* (operation) {
        const { body } = operation;
        const watched = watch(operation);
        tally.request(body.length);
        for (let index = 0; index < messages; index++) {
          watched.throwIfAborted();
          if (paced) await nextTurn();
          yield bodies[index & 255] as Buffer;
          tally.messages++;
        }
        watched.throwIfAborted();
        return kind === 'stream' ? none : body;
      };
      const server = await bindServer();
      serveHandler(server, handler);
      return portOf(server);
    },
    connect,
  };
}

/** Asks the operation itself, as a handler does that calls nobody who takes a signal. */
export const nnrpServe = handlers((operation) => operation);

/** Asks the AbortSignal, as a handler does that passes it on: every operation makes one. */
export const nnrpSignal = handlers(({ signal }) => signal);
