import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { parseAddress } from '../../src/transport/address/address.js';
import { parseIpcAddress } from '../../src/transport/ipc/ipc-address.js';
import { reset } from '../../src/transport/stream/stream-kinds.js';
import type { Dice } from './dice.js';

/** A network that breaks connections as long as it storms. */
export interface CutNetwork {
  /** Where clients connect to. */
  readonly address: string;
  /** How many cuts there were, by kind. */
  readonly cuts: ReadonlyMap<string, number>;
  readonly cutCount: number;
  /** Sockets that are open at the moment. */
  readonly openSockets: number;
  /** Cuts so many times from now on, and is calm then. @param tell - what happens, in words */
  storm(cuts: number, tell: (text: string) => void): void;
  /** Ends what is left. */
  close(): Promise<void>;
}

type Direction = 'to-server' | 'to-client';

/**
 * - reset: RST to both sides
 * - end: FIN to both sides
 * - silent: nothing comes through any more, in either direction, and neither side is told
 * - lost to-server, lost to-client: the same in one direction; the other one works
 * - half end, half silent: inside a packet, as a rule: some bytes of what comes next still come through
 */
const KINDS = ['reset', 'end', 'silent', 'lost to-server', 'lost to-client', 'half end', 'half silent'] as const;

/** When and how a connection is cut. */
interface Plan {
  readonly kind: (typeof KINDS)[number];
  readonly direction: Direction;
  /** Bytes of the direction before the cut. */
  readonly afterBytes: number;
  /** It is cut so late at the latest. */
  readonly afterMs: number;
}

/** One connection in so many is cut again within its first bytes. */
const EARLY_PERCENT = 25;
const REFUSING_PERCENT = 15;

/** A proxy over TCP or Unix domain sockets between clients and one server that cuts connections at random. */
export class TcpCutNetwork implements CutNetwork {
  readonly cuts = new Map<string, number>();
  private readonly sockets = new Set<Socket>();
  private left = 0;
  private refusesUntilMs = 0;
  private tell: (text: string) => void = () => {};

  private constructor(
    private readonly front: Server,
    private readonly server: string,
    private readonly dice: Dice,
  ) {
    front.on('connection', (client) => this.accept(client));
  }

  /**
   * @param server - HOST:PORT, or of a Unix domain socket `unix:/path`
   * @param path - of the socket of the proxy; default a port of TCP
   */
  static async before(server: string, dice: Dice, path?: string): Promise<TcpCutNetwork> {
    const front = createServer({ noDelay: true, allowHalfOpen: true });
    if (path === undefined) front.listen(0, '127.0.0.1');
    else front.listen(path);
    await once(front, 'listening');
    return new TcpCutNetwork(front, server, dice);
  }

  get address(): string {
    const where = this.front.address() as AddressInfo | string;
    return typeof where === 'string' ? `unix:${where}` : `${where.address}:${where.port}`;
  }

  get cutCount(): number {
    return [...this.cuts.values()].reduce((sum, count) => sum + count, 0);
  }

  get openSockets(): number {
    return this.sockets.size;
  }

  storm(cuts: number, tell: (text: string) => void): void {
    this.left = cuts;
    this.tell = tell;
  }

  async close(): Promise<void> {
    this.front.close();
    for (const socket of this.sockets) socket.destroy();
    while (this.sockets.size > 0) await Promise.all([...this.sockets].map((socket) => once(socket, 'close')));
  }

  /** @returns false when the storm is over */
  private counted(kind: string): boolean {
    if (this.left === 0) return false;
    this.left--;
    this.cuts.set(kind, (this.cuts.get(kind) ?? 0) + 1);
    this.tell(kind);
    return true;
  }

  private accept(client: Socket): void {
    this.own(client);
    if (this.left > 0 && performance.now() < this.refusesUntilMs) {
      reset(client);
      return;
    }
    const target = this.server.startsWith('unix:') ? parseIpcAddress(this.server) : parseAddress(this.server);
    const server = createConnection({ ...target, noDelay: true, allowHalfOpen: true });
    this.own(server);
    new Link(client, server, this.plan(), this.dice, (kind) => this.strikes(kind));
  }

  private own(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
  }

  private strikes(kind: string): boolean {
    if (!this.counted(kind)) return false;
    if (this.dice.percent(REFUSING_PERCENT)) {
      const forMs = 20 + this.dice.below(180);
      this.refusesUntilMs = performance.now() + forMs;
      this.cuts.set('refusing', (this.cuts.get('refusing') ?? 0) + 1);
      this.left = Math.max(0, this.left - 1);
      this.tell(`refusing for ${forMs} ms`);
    }
    return true;
  }

  private plan(): Plan {
    const { dice } = this;
    const isEarly = dice.percent(EARLY_PERCENT);
    return {
      kind: KINDS[dice.below(KINDS.length)] as Plan['kind'],
      direction: dice.percent(50) ? 'to-server' : 'to-client',
      afterBytes: isEarly ? dice.below(2500) : dice.below(60_000),
      afterMs: 30 + dice.below(270),
    };
  }
}

/** One connection through the proxy. */
class Link {
  private readonly lost: Record<Direction, boolean> = { 'to-server': false, 'to-client': false };
  private bytesLeft: number;
  private timer: NodeJS.Timeout;
  private isCut = false;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly plan: Plan,
    private readonly dice: Dice,
    private readonly strikes: (kind: string) => boolean,
  ) {
    this.bytesLeft = plan.afterBytes;
    this.timer = this.later();
    this.join(client, server, 'to-server');
    this.join(server, client, 'to-client');
  }

  private later(): NodeJS.Timeout {
    const { kind, afterMs } = this.plan;
    return setTimeout(() => {
      if (!kind.startsWith('half')) this.strike();
      else this.bytesLeft = 0;
    }, afterMs);
  }

  private join(from: Socket, to: Socket, direction: Direction): void {
    from.on('data', (chunk) => {
      const rest = this.mayPass(chunk, direction);
      if (rest === undefined || rest.length === 0) return;
      if (to.write(rest)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
    from.on('end', () => {
      // In silence the other side is not told.
      if (this.isSilent) from.destroy();
      else to.end();
    });
    from.on('close', (hadError) => {
      clearTimeout(this.timer);
      if (this.isSilent) return;
      if (hadError) reset(to);
      else to.end();
    });
  }

  private get isSilent(): boolean {
    return this.lost['to-server'] || this.lost['to-client'];
  }

  /** What of a chunk goes on; the cut comes with it when it is due. */
  private mayPass(chunk: Buffer, direction: Direction): Buffer | undefined {
    if (this.lost[direction]) return undefined;
    const { plan } = this;
    if (this.isCut || direction !== plan.direction) return chunk;
    this.bytesLeft -= chunk.length;
    if (this.bytesLeft > 0) return chunk;
    if (!plan.kind.startsWith('half')) {
      // RST and FIN come behind it or in its place.
      const passes = this.dice.percent(50);
      const to = direction === 'to-server' ? this.server : this.client;
      if (passes) to.write(chunk);
      const goesOn = !this.strike() || (this.isSilent && !this.lost[direction]);
      return goesOn && !passes ? chunk : undefined;
    }
    const half = chunk.subarray(0, this.dice.below(chunk.length));
    const to = direction === 'to-server' ? this.server : this.client;
    to.write(half);
    return this.strike() ? undefined : chunk.subarray(half.length);
  }

  private strike(): boolean {
    const { client, server, plan, lost } = this;
    clearTimeout(this.timer);
    if (this.isCut || client.destroyed || server.destroyed) return false;
    if (!this.strikes(plan.kind)) {
      // It is calm; a storm may come.
      this.timer = this.later();
      return false;
    }
    this.isCut = true;
    switch (plan.kind) {
      case 'reset':
        reset(client);
        reset(server);
        break;
      case 'end':
      case 'half end':
        for (const socket of [client, server]) {
          socket.removeAllListeners('data');
          socket.resume();
          socket.end();
        }
        break;
      case 'silent':
      case 'half silent':
        lost['to-server'] = true;
        lost['to-client'] = true;
        break;
      case 'lost to-server':
        lost['to-server'] = true;
        break;
      case 'lost to-client':
        lost['to-client'] = true;
        break;
    }
    return true;
  }
}
