import type { NnrpClientSession, NnrpServerSession } from 'nnrp-runtime';
import type { ExchangeLoad, StreamLoad } from '../load.js';
import type { Scenario } from '../scenarios.js';
import { bindServer, connectSessions, type Handler, portOf, type Revision, serveHandler } from './nnrp-api.js';
import { type Caller, inBatches, messageBodies, nextTurn, type System, type Tally } from './system.js';

/* NNRP as its users write it, with promises and loops; on the server with sessions or with a handler. */

async function exchangeLane(session: NnrpClientSession, load: ExchangeLoad, lane: number): Promise<void> {
  for (let body = load.begin(lane); body !== undefined; body = load.begin(lane)) {
    const operation = await session.submit(body);
    load.end(lane, (await operation.result()).body);
  }
}

async function streamLane(session: NnrpClientSession, load: StreamLoad, lane: number): Promise<void> {
  while (load.begin(lane)) {
    for await (const result of await session.submit(load.request)) {
      if (result.partial) load.message(lane, result.body);
    }
    load.end(lane);
  }
}

async function connect(scenario: Scenario, port: number, revision?: Revision): Promise<Caller> {
  const opened = await inBatches(scenario.connections, () => connectSessions(scenario, port, revision));
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
  for await (const operation of session) {
    const { body } = operation;
    tally.request(body.length);
    await operation.complete(body);
  }
  await session.close();
}

async function serveStreams(
  session: NnrpServerSession,
  scenario: Scenario,
  tally: Tally,
  bodies: Buffer[],
): Promise<void> {
  for await (const operation of session) {
    tally.request(operation.body.length);
    for (let index = 0; index < scenario.messages; index++) {
      if (scenario.paced) await nextTurn();
      await operation.push(bodies[index & 255] as Buffer);
      tally.messages++;
    }
    await operation.complete();
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

/** The same over preview4. */
export const nnrpPreview4: System = {
  serve: nnrp.serve,
  connect: (scenario, port) => connect(scenario, port, 'preview4'),
};

/** Handler level: an async generator per operation, which takes its signal and looks at it, as those do that pass it on. */
export const nnrpServe: System = {
  async serve({ kind, messages, messageBytes, paced }, tally) {
    const bodies = messageBodies(messageBytes);
    const none = new Uint8Array(0);
    const handler: Handler = async function* ({ body, signal }) {
      tally.request(body.length);
      for (let index = 0; index < messages; index++) {
        signal.throwIfAborted();
        if (paced) await nextTurn();
        yield bodies[index & 255] as Buffer;
        tally.messages++;
      }
      signal.throwIfAborted();
      return kind === 'stream' ? none : body;
    };
    const server = await bindServer();
    serveHandler(server, handler);
    return portOf(server);
  },
  connect,
};
