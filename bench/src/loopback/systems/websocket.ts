import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import type { ExchangeLoad, StreamLoad } from '../load.js';
import type { Scenario } from '../scenarios.js';
import { listening } from './listening.js';
import { inBatches, messageBodies, nextTurn, type System, type Tally } from './system.js';

/*
 * `ws` with binary messages as long as NNRP's packets, without compression. An application of WebSocket has to put an id
 * and a kind in front of its bodies all the same.
 */

const REQUEST_HEAD = 112;
const ANSWER_HEAD = 104;
const AT = { id: 0, last: 4 } as const;
/** Bytes waiting to be sent above which a stream waits. */
const HIGH_WATER = 1024 * 1024;
const NO_BODY = new Uint8Array(0);

function message(headBytes: number, id: number, last: boolean, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(headBytes + body.length);
  bytes.writeUInt32LE(id, AT.id);
  bytes[AT.last] = last ? 1 : 0;
  bytes.set(body, headBytes);
  return bytes;
}

async function sendStream(
  socket: WebSocket,
  id: number,
  scenario: Scenario,
  tally: Tally,
  bodies: Buffer[],
): Promise<void> {
  for (let index = 0; index < scenario.messages; index++) {
    if (scenario.paced) await nextTurn();
    const bytes = message(ANSWER_HEAD, id, false, bodies[index & 255] as Buffer);
    tally.messages++;
    if (socket.bufferedAmount < HIGH_WATER) socket.send(bytes);
    else await new Promise<void>((resolve) => socket.send(bytes, () => resolve()));
  }
  socket.send(message(ANSWER_HEAD, id, true, NO_BODY));
}

/** One connection of the client; the id of a request is its lane. */
class Connection {
  private load: ExchangeLoad | StreamLoad | undefined;
  private answered: (lane: number, last: boolean, body: Buffer) => void = () => {};

  constructor(
    readonly socket: WebSocket,
    private readonly firstLane: number,
    private readonly lanes: number,
  ) {
    socket.on('message', (data: Buffer) => {
      this.answered(data.readUInt32LE(AT.id), data[AT.last] === 1, data.subarray(ANSWER_HEAD));
    });
    socket.on('error', (error) => this.load?.fail(error));
    socket.on('close', () => this.load?.fail(new Error('the connection ended')));
  }

  exchange(load: ExchangeLoad): void {
    const next = (lane: number) => {
      const body = load.begin(lane);
      if (body !== undefined) this.socket.send(message(REQUEST_HEAD, lane, true, body));
    };
    this.answered = (lane, _last, body) => {
      load.end(lane, body);
      next(lane);
    };
    this.start(load, next);
  }

  stream(load: StreamLoad): void {
    const next = (lane: number) => {
      if (load.begin(lane)) this.socket.send(message(REQUEST_HEAD, lane, true, load.request));
    };
    this.answered = (lane, last, body) => {
      if (last) {
        load.end(lane);
        next(lane);
      } else {
        load.message(lane, body);
      }
    };
    this.start(load, next);
  }

  private start(load: ExchangeLoad | StreamLoad, next: (lane: number) => void): void {
    this.load = load;
    for (let slot = 0; slot < this.lanes; slot++) next(this.firstLane + slot);
  }
}

export const webSocket: System = {
  serve(scenario, tally) {
    const bodies = messageBodies(scenario.messageBytes);
    const server = createServer();
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    sockets.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => {
        const id = data.readUInt32LE(AT.id);
        const body = data.subarray(REQUEST_HEAD);
        tally.request(body.length);
        if (scenario.kind === 'stream') void sendStream(socket, id, scenario, tally, bodies);
        else socket.send(message(ANSWER_HEAD, id, true, body));
      });
      socket.on('error', () => socket.terminate());
    });
    return listening(server);
  },

  async connect({ connections: count, inFlight }, port) {
    const connections = await inBatches(count, async (index) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
      await once(socket, 'open');
      return new Connection(socket, index * inFlight, inFlight);
    });
    return {
      exchange: (load) => {
        for (const connection of connections) connection.exchange(load);
      },
      stream: (load) => {
        for (const connection of connections) connection.stream(load);
      },
      close: async () => {
        for (const { socket } of connections) socket.terminate();
      },
    };
  },
};
