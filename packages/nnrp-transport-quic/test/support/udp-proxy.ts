import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseAddress } from 'nnrp-runtime/transport';
import { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';

/** What the network does to datagrams, in both directions. */
export interface Weather {
  readonly lossPercent?: number;
  readonly duplicatePercent?: number;
  /** Datagrams that arrive behind up to three later ones. */
  readonly reorderPercent?: number;
  /** Milliseconds that every datagram takes; default none. */
  readonly delayMs?: number;
  readonly seed?: number;
}

export type Direction = 'to-server' | 'to-client';

/** What became of datagrams. */
export interface ProxyCounts {
  forwarded: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Bytes of the largest one. */
  largest: number;
  /** Bytes that have gone on to the server, and to clients. */
  readonly bytes: Record<Direction, number>;
}

interface Late {
  readonly send: () => void;
  /** Datagrams of the same direction that still go first. */
  behind: number;
}

const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;
/** Milliseconds after which a late datagram goes although nothing has overtaken it. */
const LATE_MS = 5;

/**
 * A network between clients and one server on the same machine, good or bad: a UDP socket that clients take for the
 * server, and for each client one that the server takes for it.
 */
export class UdpProxy {
  /** Loses everything, as a cut cable does. */
  dark = false;
  weather: Weather;
  /** Called with every datagram, and the client's address, before anything happens to it; false loses it. Its bytes may be kept. */
  filter: (datagram: Buffer, direction: Direction, client: string) => boolean = () => true;
  readonly counts: ProxyCounts = {
    forwarded: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    largest: 0,
    bytes: { 'to-server': 0, 'to-client': 0 },
  };
  private readonly dice: Dice;
  private readonly upstreams = new Map<string, Socket>();
  private readonly late: Record<Direction, Set<Late>> = { 'to-server': new Set(), 'to-client': new Set() };
  private closed = false;
  private from: string | undefined;

  private constructor(
    private readonly front: Socket,
    private readonly host: string,
    private readonly port: number,
    weather: Weather,
  ) {
    this.weather = weather;
    this.dice = new Dice(weather.seed ?? 1);
    front.on('message', (datagram, from) => {
      const upstream = this.upstream(from.address, from.port);
      const client = `${from.address}:${from.port}`;
      this.carry(datagram, 'to-server', client, () => upstream.send(datagram, this.port, this.host));
    });
    front.on('error', () => {});
  }

  /** @param server - HOST:PORT on 127.0.0.1 */
  static async before(server: string, weather: Weather = {}): Promise<UdpProxy> {
    const { host, port } = parseAddress(server);
    const front = createSocket('udp4');
    front.bind(0, '127.0.0.1');
    await once(front, 'listening');
    enlarge(front);
    return new UdpProxy(front, host, port, weather);
  }

  /** Where clients connect to. */
  get address(): string {
    const { address, port } = this.front.address();
    return `${address}:${port}`;
  }

  /** Sends a datagram of one's own, to the server in the name of each client or the other way round. */
  inject(datagram: Buffer, direction: Direction): void {
    for (const [client, upstream] of this.upstreams) {
      const { host, port } = parseAddress(client);
      if (direction === 'to-server') upstream.send(datagram, this.port, this.host);
      else this.front.send(datagram, port, host);
    }
  }

  /**
   * Gives every client another address towards the server, as a router does that has restarted.
   * @param host - from which they come now, one of this machine's; any when it is left out
   */
  rebind(host?: string): void {
    this.from = host;
    for (const upstream of this.upstreams.values()) upstream.close();
    this.upstreams.clear();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.front.close();
    for (const upstream of this.upstreams.values()) upstream.close();
  }

  private upstream(clientHost: string, clientPort: number): Socket {
    const key = `${clientHost}:${clientPort}`;
    let upstream = this.upstreams.get(key);
    if (upstream === undefined) {
      upstream = createSocket({
        type: 'udp4',
        recvBufferSize: KERNEL_BUFFER_BYTES,
        sendBufferSize: KERNEL_BUFFER_BYTES,
      });
      upstream.on('message', (datagram) =>
        this.carry(datagram, 'to-client', key, () => this.front.send(datagram, clientPort, clientHost)),
      );
      upstream.on('error', () => {});
      if (this.from !== undefined) upstream.bind(0, this.from);
      this.upstreams.set(key, upstream);
    }
    return upstream;
  }

  private carry(datagram: Buffer, direction: Direction, client: string, send: () => void): void {
    const { dice, counts, late } = this;
    counts.largest = Math.max(counts.largest, datagram.length);
    const { lossPercent = 0, duplicatePercent = 0, reorderPercent = 0, delayMs = 0 } = this.weather;
    if (!this.filter(datagram, direction, client) || this.dark || dice.percent(lossPercent)) {
      counts.lost++;
      return;
    }
    const deliver = () => {
      if (this.closed || this.dark) return;
      counts.forwarded++;
      counts.bytes[direction] += datagram.length;
      try {
        send();
      } catch {
        // The client has another socket by now.
      }
    };
    const arrive = () => {
      if (dice.percent(reorderPercent)) {
        counts.reordered++;
        this.postpone(direction, deliver);
        return;
      }
      deliver();
      for (const waiting of late[direction]) if (--waiting.behind <= 0) waiting.send();
      if (dice.percent(duplicatePercent)) {
        counts.duplicated++;
        deliver();
      }
    };
    if (delayMs > 0) setTimeout(arrive, delayMs);
    else arrive();
  }

  private postpone(direction: Direction, deliver: () => void): void {
    const send = () => {
      clearTimeout(timer);
      this.late[direction].delete(waiting);
      deliver();
    };
    const waiting: Late = { send, behind: 1 + this.dice.below(3) };
    const timer = setTimeout(send, LATE_MS);
    this.late[direction].add(waiting);
  }
}

function enlarge(socket: Socket): void {
  socket.setRecvBufferSize(KERNEL_BUFFER_BYTES);
  socket.setSendBufferSize(KERNEL_BUFFER_BYTES);
}
