import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import type { ExchangeLoad, StreamLoad } from '../load.js';
import type { Scenario } from '../scenarios.js';
import { listening } from './listening.js';
import { PARTIAL_HEAD, PacketReader, RESULT_HEAD, SUBMIT_HEAD, writer } from './raw-wire.js';
import { inBatches, messageBodies, type System, type Tally } from './system.js';

/*
 * What Node can do at most: packets of NNRP's sizes over sockets. The application gets what others give it: each body as
 * bytes of its own, with the callback of its operation.
 */

const NO_BODY = new Uint8Array(0);
/** Messages of a stream in one write: what fits the writer's buffer. */
const BURST = 512;

type Answer = (socket: Socket, frameId: number, body: Uint8Array) => void;

function answering(scenario: Scenario, tally: Tally): Answer {
  if (scenario.kind !== 'stream') return (socket, frameId, body) => writer.packet(socket, RESULT_HEAD, frameId, body);
  const { messages, messageBytes } = scenario;
  const bodies = messageBodies(messageBytes);
  const send = (socket: Socket, frameId: number, index: number) => {
    writer.packet(socket, PARTIAL_HEAD, frameId, bodies[index & 255] as Buffer);
    tally.messages++;
    if (index + 1 === messages) writer.packet(socket, RESULT_HEAD, frameId, NO_BODY);
  };
  const burst = (socket: Socket, frameId: number, first: number) => {
    for (let index = first; index < messages; index++) {
      send(socket, frameId, index);
      if ((index + 1) % BURST === 0 && !writer.flush(socket) && index + 1 < messages) {
        socket.once('drain', () => burst(socket, frameId, index + 1));
        return;
      }
    }
    writer.flush(socket);
  };
  const pace = (socket: Socket, frameId: number, index: number) => {
    send(socket, frameId, index);
    writer.flush(socket);
    if (index + 1 < messages) setImmediate(pace, socket, frameId, index + 1);
  };
  return (socket, frameId) => (scenario.paced ? pace : burst)(socket, frameId, 0);
}

/** Called for each packet that answers an operation. */
type Answered = (partial: boolean, body: Uint8Array) => void;

/** One connection of the client. */
class Connection {
  private readonly pending = new Map<number, Answered>();
  private lastFrameId = 0;
  private load: ExchangeLoad | StreamLoad | undefined;

  constructor(
    readonly socket: Socket,
    private readonly firstLane: number,
    private readonly lanes: number,
  ) {
    const reader = new PacketReader((frameId, partial, body) => {
      const answered = this.pending.get(frameId);
      if (answered === undefined) {
        this.load?.fail(new Error(`unexpected frame ${frameId}`));
        return;
      }
      if (!partial) this.pending.delete(frameId);
      answered(partial, body);
    });
    socket.on('data', (chunk) => {
      reader.push(chunk);
      writer.flush(socket);
    });
    socket.on('error', (error) => this.load?.fail(error));
    socket.on('close', () => this.load?.fail(new Error('the connection ended')));
  }

  exchange(load: ExchangeLoad): void {
    this.start(load, (lane) => {
      const next = () => {
        const body = load.begin(lane);
        if (body !== undefined) this.request(body, answered);
      };
      const answered: Answered = (_partial, body) => {
        load.end(lane, body);
        next();
      };
      next();
    });
  }

  stream(load: StreamLoad): void {
    this.start(load, (lane) => {
      const next = () => {
        if (load.begin(lane)) this.request(load.request, answered);
      };
      const answered: Answered = (partial, body) => {
        if (partial) {
          load.message(lane, body);
        } else {
          load.end(lane);
          next();
        }
      };
      next();
    });
  }

  private start(load: ExchangeLoad | StreamLoad, startLane: (lane: number) => void): void {
    this.load = load;
    for (let slot = 0; slot < this.lanes; slot++) startLane(this.firstLane + slot);
    writer.flush(this.socket);
  }

  private request(body: Uint8Array, answered: Answered): void {
    const frameId = ++this.lastFrameId;
    this.pending.set(frameId, answered);
    writer.packet(this.socket, SUBMIT_HEAD, frameId, body);
  }
}

export const raw: System = {
  serve(scenario, tally) {
    const answer = answering(scenario, tally);
    const server = createServer({ noDelay: true }, (socket) => {
      const reader = new PacketReader((frameId, _partial, body) => {
        tally.request(body.length);
        answer(socket, frameId, body);
      });
      socket.on('data', (chunk) => {
        reader.push(chunk);
        writer.flush(socket);
      });
      socket.on('error', () => socket.destroy());
    });
    return listening(server);
  },

  async connect({ connections: count, inFlight }, port) {
    const connections = await inBatches(count, async (index) => {
      const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
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
        for (const { socket } of connections) socket.destroy();
      },
    };
  },
};
