import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { parseAddress } from '../../../src/transport/address/address.js';

/** Stands between clients and a server over TCP, and cuts their connections when it is told to. */
export class CutProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly front: Server,
    private readonly server: string,
  ) {
    front.on('connection', (client) => this.join(client));
  }

  static async before(server: string): Promise<CutProxy> {
    const front = createServer({ noDelay: true });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    return new CutProxy(front, server);
  }

  get address(): string {
    const { address, port } = this.front.address() as AddressInfo;
    return `${address}:${port}`;
  }

  /** Whatever is under way is lost. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.front.close();
    this.cut();
  }

  private join(client: Socket): void {
    const server = createConnection({ ...parseAddress(this.server), noDelay: true });
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
