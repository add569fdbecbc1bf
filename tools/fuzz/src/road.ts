import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  type FramedListener,
  type FramedTransport,
  MemoryListener,
  memoryPair,
  StreamTransport,
  TcpConnector,
  TcpListener,
} from 'nnrp-runtime/transport';
import type { Carrier } from './conversation.js';
import { duplexPair } from './duplex-pair.js';
import { PacketWire, StreamWire, type Wire } from './wire.js';

/** Largest packet that the attacked side takes: so much more ends any packet that is not complete. */
export const MAX_PACKET_BYTES = 32 * 1024;
/** Little room, so that what happens without any happens often. */
const LIMITS = { maxPacketBytes: MAX_PACKET_BYTES, highWaterBytes: 80 };
/** What the connection of the client that is no attacker is called, as far as its carrier leaves that open. */
export const HEALTHY = 'healthy';

/** How clients reach an attacked server. */
export interface ServerRoad {
  readonly listener: FramedListener;
  /** A hostile connection. */
  attack(): Promise<Wire>;
  /** What a client of ours connects with. */
  connect(): Promise<FramedTransport>;
}

/** How an attacked client reaches a hostile server. */
export interface ClientRoad {
  meet(): Promise<{ readonly transport: FramedTransport; readonly wire: Wire }>;
  close(): void;
}

/** Accepts streams that never saw a network. */
class DuplexListener implements FramedListener {
  readonly kind = 'duplex';
  readonly address = 'duplex';
  private readonly inner = new MemoryListener();
  private readonly waiting: FramedTransport[] = [];

  offer(transport: FramedTransport): void {
    this.waiting.push(transport);
    // The memory listener keeps the line, and says when it is closed.
    this.inner.connect().catch(() => transport.abort());
  }

  accept(): Promise<FramedTransport> {
    return this.inner.accept().then(() => this.waiting.shift() as FramedTransport);
  }

  close(): Promise<void> {
    for (const transport of this.waiting.splice(0)) transport.abort();
    return this.inner.close();
  }
}

export async function serverRoad(carrier: Carrier): Promise<ServerRoad> {
  if (carrier === 'memory') {
    const listener = new MemoryListener({ highWaterBytes: 80 });
    return {
      listener,
      attack: async () => new PacketWire(await listener.connect(), MAX_PACKET_BYTES),
      connect: () => listener.connect(),
    };
  }
  if (carrier === 'duplex') {
    const listener = new DuplexListener();
    const dial = (remoteAddress: string) => {
      const [ours, theirs] = duplexPair();
      listener.offer(new StreamTransport(theirs, { kind: 'duplex', remoteAddress, ...LIMITS }));
      return ours;
    };
    return {
      listener,
      attack: async () => new StreamWire(dial('duplex')),
      connect: async () => new StreamTransport(dial(HEALTHY), { kind: 'duplex', remoteAddress: HEALTHY }),
    };
  }
  const listener = await TcpListener.bind('127.0.0.1:0', LIMITS);
  const port = Number(listener.address.split(':')[1]);
  return {
    listener,
    attack: () =>
      new Promise((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }, () =>
          resolve(new StreamWire(socket)),
        );
        socket.once('error', reject);
      }),
    connect: () => new TcpConnector(listener.address, LIMITS).connect(),
  };
}

export async function clientRoad(carrier: Carrier): Promise<ClientRoad> {
  if (carrier === 'memory') {
    const meet = async () => {
      const [transport, other] = memoryPair({ highWaterBytes: 80 });
      return { transport, wire: new PacketWire(other, MAX_PACKET_BYTES) };
    };
    return { meet, close: () => {} };
  }
  if (carrier === 'duplex') {
    const meet = async () => {
      const [ours, theirs] = duplexPair();
      const transport = new StreamTransport(ours, { kind: 'duplex', remoteAddress: 'duplex', ...LIMITS });
      return { transport, wire: new StreamWire(theirs) };
    };
    return { meet, close: () => {} };
  }
  const taken: ((socket: Socket) => void)[] = [];
  const server = await new Promise<Server>((resolve) => {
    const made = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => taken.shift()?.(socket));
    made.listen(0, '127.0.0.1', () => resolve(made));
  });
  server.unref();
  const { port } = server.address() as { port: number };
  const meet = async () => {
    const accepted = new Promise<Socket>((resolve) => taken.push(resolve));
    const transport = await new TcpConnector(`127.0.0.1:${port}`, LIMITS).connect();
    return { transport, wire: new StreamWire(await accepted) };
  };
  return { meet, close: () => server.close() };
}
