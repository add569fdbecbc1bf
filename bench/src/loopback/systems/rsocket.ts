import { createServer, type Server } from 'node:net';
import { type Payload, RSocketConnector, RSocketServer } from 'rsocket-core';
import { TcpClientTransport } from 'rsocket-tcp-client';
import { TcpServerTransport } from 'rsocket-tcp-server';
import type { ExchangeLoad, StreamLoad } from '../load.js';
import type { Scenario } from '../scenarios.js';
import { inBatches, messageBodies, type System, type Tally } from './system.js';

/* rsocket-js over TCP: request/response, and request/stream with the credit that its streams have. */

/** Messages that a client grants ahead, half of them anew when half have come. */
const WINDOW = 512;
const KEEP_ALIVE_MS = 60_000;
const LIFETIME_MS = 300_000;
const nothing = () => {};

type Requester = Awaited<ReturnType<RSocketConnector['connect']>>;
type StreamResponder = Parameters<Requester['requestStream']>[2];

/** What the client has granted goes out at once, or one message a turn. */
function sendStream(scenario: Scenario, tally: Tally, bodies: Buffer[], credit: number, responder: StreamResponder) {
  let granted = credit;
  let sent = 0;
  let isWaiting = false;
  let isOver = false;
  const pump = () => {
    isWaiting = false;
    while (granted > 0 && sent < scenario.messages && !isOver) {
      granted--;
      tally.messages++;
      const data = bodies[sent++ & 255] as Buffer;
      responder.onNext({ data }, sent === scenario.messages);
      if (scenario.paced) return later();
    }
  };
  const later = () => {
    if (isWaiting) return;
    isWaiting = true;
    setImmediate(pump);
  };
  later();
  return {
    request(count: number) {
      granted += count;
      later();
    },
    cancel() {
      isOver = true;
    },
    onExtension: nothing,
  };
}

function exchangeLane(socket: Requester, load: ExchangeLoad, lane: number): void {
  const body = load.begin(lane);
  if (body === undefined) return;
  socket.requestResponse(
    { data: body as Buffer },
    {
      onNext(reply: Payload) {
        load.end(lane, reply.data ?? Buffer.alloc(0));
        exchangeLane(socket, load, lane);
      },
      onError: (error) => load.fail(error),
      onComplete: nothing,
      onExtension: nothing,
    },
  );
}

function streamLane(socket: Requester, load: StreamLoad, lane: number): void {
  if (!load.begin(lane)) return;
  let received = 0;
  const stream = socket.requestStream({ data: Buffer.from(load.request) }, WINDOW, {
    onNext({ data }, isComplete) {
      load.message(lane, data ?? Buffer.alloc(0));
      if (isComplete) {
        load.end(lane);
        streamLane(socket, load, lane);
      } else if (++received === WINDOW / 2) {
        received = 0;
        stream.request(WINDOW / 2);
      }
    },
    onError: (error) => load.fail(error),
    onComplete: nothing,
    onExtension: nothing,
  });
}

export const rsocket: System = {
  async serve(scenario, tally) {
    const bodies = messageBodies(scenario.messageBytes);
    let listener: Server | undefined;
    const transport = new TcpServerTransport({
      listenOptions: { host: '127.0.0.1', port: 0, backlog: 4096 },
      serverOptions: { noDelay: true },
      socketCreator: (options) => {
        listener = createServer(options ?? {});
        return listener;
      },
    });
    const server = new RSocketServer({
      transport,
      acceptor: {
        accept: async () => ({
          requestResponse({ data }, responder) {
            tally.request(data?.length ?? 0);
            responder.onNext({ data: data ?? Buffer.alloc(0) }, true);
            return { cancel: nothing, onExtension: nothing };
          },
          requestStream({ data }, credit, responder) {
            tally.request(data?.length ?? 0);
            return sendStream(scenario, tally, bodies, credit, responder);
          },
        }),
      },
    });
    await server.bind();
    const address = listener?.address();
    if (typeof address !== 'object' || address === null) throw new Error('rsocket: the server listens on no port');
    return address.port;
  },

  async connect({ connections, inFlight }, port) {
    const sockets = await inBatches(connections, async () => {
      const connector = new RSocketConnector({
        transport: new TcpClientTransport({ connectionOptions: { host: '127.0.0.1', port, noDelay: true } }),
        setup: { keepAlive: KEEP_ALIVE_MS, lifetime: LIFETIME_MS },
      });
      const socket = await connector.connect();
      socket.onClose(nothing);
      return socket;
    });
    const inLanes = <L extends ExchangeLoad | StreamLoad>(
      load: L,
      run: (socket: Requester, load: L, lane: number) => void,
    ) => {
      for (let lane = 0; lane < load.lanes; lane++) run(sockets[Math.floor(lane / inFlight)] as Requester, load, lane);
    };
    return {
      exchange: (load) => inLanes(load, exchangeLane),
      stream: (load) => inLanes(load, streamLane),
      close: async () => {
        for (const socket of sockets) socket.close();
      },
    };
  },
};
