import { createServer, type Server, type Socket } from 'node:net';
import { RawLink, type RawServerOptions } from './raw-link.js';

export { RawLink, type RawServerOptions } from './raw-link.js';
export { metadata, packet, type RawPacket, T } from './raw-packets.js';

/** A server that speaks preview4 as the reference does, over TCP. */
export class RawServer {
  readonly links: RawLink[] = [];
  private readonly arrivals: ((link: RawLink) => void)[] = [];
  private given = 0;
  private sessions = 0;
  private hangUps: number;

  private constructor(
    private readonly listener: Server,
    readonly options: RawServerOptions,
  ) {
    this.hangUps = options.hangUps ?? 0;
  }

  static async listen(options: RawServerOptions = {}): Promise<RawServer> {
    const listener = createServer();
    const server = new RawServer(listener, options);
    listener.on('connection', (socket) => server.accept(socket));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get address(): string {
    const { port } = this.listener.address() as { port: number };
    return `127.0.0.1:${port}`;
  }

  /** The next connection, in order. */
  link(): Promise<RawLink> {
    const link = this.links[this.given];
    if (link !== undefined) {
      this.given++;
      return Promise.resolve(link);
    }
    return new Promise((resolve) => this.arrivals.push(resolve));
  }

  nextSession(): number {
    return ++this.sessions;
  }

  async close(): Promise<void> {
    for (const { socket } of this.links) socket.destroy();
    await new Promise<void>((resolve) => this.listener.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    if (this.hangUps > 0) {
      this.hangUps--;
      socket.once('data', () => socket.end());
      socket.on('error', () => {});
      return;
    }
    const link = new RawLink(socket, this);
    this.links.push(link);
    const taker = this.arrivals.shift();
    if (taker === undefined) return;
    this.given++;
    taker(link);
  }
}
