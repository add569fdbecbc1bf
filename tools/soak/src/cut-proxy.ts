import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Dice } from './dice.js';

/**
 * - reset, end: both sides get RST or FIN
 * - half: some bytes of what comes next still get through, and RST behind them
 * - silent: nothing comes through any more, in either direction, and neither side is told
 * - deaf: the same in one direction; the other one works
 */
type CutKind = 'reset' | 'end' | 'half' | 'silent' | 'deaf';

const KINDS: readonly (readonly [number, CutKind])[] = [
  [3, 'reset'],
  [3, 'end'],
  [3, 'half'],
  [1, 'silent'],
  [1, 'deaf'],
];

/** A path between clients and the server on which no connection lives long. */
export class CutProxy {
  cuts = 0;
  private readonly sockets = new Set<Socket>();
  /** What comes from these is read and lost, their end included. */
  private readonly swallowed = new WeakSet<Socket>();

  private constructor(
    private readonly front: Server,
    private readonly serverPort: number,
    private readonly dice: Dice,
    /** Mean life of a connection, in milliseconds. */
    private readonly lifeMs: number,
  ) {
    front.on('connection', (client) => this.join(client));
  }

  static async before(serverPort: number, dice: Dice, lifeMs: number): Promise<CutProxy> {
    const front = createServer({ noDelay: true, allowHalfOpen: true });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    return new CutProxy(front, serverPort, dice, lifeMs);
  }

  get port(): number {
    return (this.front.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.front.close();
    for (const socket of this.sockets) socket.destroy();
    if (this.front.listening) await once(this.front, 'close');
  }

  private join(client: Socket): void {
    const server = createConnection({
      host: '127.0.0.1',
      port: this.serverPort,
      noDelay: true,
      allowHalfOpen: true,
    });
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
    }
    this.forward(client, server);
    this.forward(server, client);
    const timer = setTimeout(() => this.cut(client, server), this.lifeMs * 2 * this.dice.next());
    client.on('close', () => clearTimeout(timer));
  }

  private forward(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (this.swallowed.has(from) || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
    from.on('end', () => {
      if (this.swallowed.has(from)) from.end();
      else to.end();
    });
    from.on('close', (hadError) => {
      if (this.swallowed.has(from)) return;
      if (hadError) to.resetAndDestroy();
      else to.end();
    });
  }

  private cut(client: Socket, server: Socket): void {
    if (client.destroyed || server.destroyed) return;
    this.cuts++;
    const kind = this.dice.choose(KINDS);
    const [from, to] = this.dice.chance(0.5) ? [client, server] : [server, client];
    if (kind === 'reset') resetBoth(client, server);
    else if (kind === 'end') endBoth(client, server);
    else if (kind === 'half') this.passHalf(from, to);
    else {
      this.swallowed.add(from);
      if (kind === 'silent') this.swallowed.add(to);
    }
  }

  /** The next chunk is cut off in the middle, as a rule inside a packet. */
  private passHalf(from: Socket, to: Socket): void {
    from.removeAllListeners('data');
    from.once('data', (chunk: Buffer) => {
      to.write(chunk.subarray(0, this.dice.below(chunk.length)), () => resetBoth(from, to));
    });
    from.resume();
  }
}

function resetBoth(one: Socket, other: Socket): void {
  one.resetAndDestroy();
  other.resetAndDestroy();
}

function endBoth(one: Socket, other: Socket): void {
  for (const socket of [one, other]) {
    socket.removeAllListeners('data');
    socket.resume();
    socket.end();
  }
}
