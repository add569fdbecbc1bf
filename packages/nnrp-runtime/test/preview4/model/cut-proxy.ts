import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { parseAddress } from '../../../src/transport/address/address.js';
import { parseIpcAddress } from '../../../src/transport/ipc/ipc-address.js';
import { reset } from '../../../src/transport/stream/stream-kinds.js';
import type { PairNetwork } from './pair-network.js';

/** Stands between clients and a server over TCP or Unix domain sockets, and cuts their connections when it is told to. */
export class CutProxy implements PairNetwork {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly front: Server,
    private readonly server: string,
  ) {
    front.on('connection', (client) => this.join(client));
  }

  /**
   * @param server - HOST:PORT, or of a Unix domain socket `unix:/path`
   * @param path - of the socket of the proxy; default a port of TCP
   */
  static async before(server: string, path?: string): Promise<CutProxy> {
    const front = createServer({ noDelay: true });
    if (path === undefined) front.listen(0, '127.0.0.1');
    else front.listen(path);
    await once(front, 'listening');
    return new CutProxy(front, server);
  }

  get address(): string {
    const where = this.front.address() as AddressInfo | string;
    return typeof where === 'string' ? `unix:${where}` : `${where.address}:${where.port}`;
  }

  /** Whatever is under way is lost. */
  cut(): void {
    for (const socket of this.sockets) reset(socket);
  }

  close(): void {
    this.front.close();
    this.cut();
  }

  private join(client: Socket): void {
    const target = this.server.startsWith('unix:') ? parseIpcAddress(this.server) : parseAddress(this.server);
    const server = createConnection({ ...target, noDelay: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
