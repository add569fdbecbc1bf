import type { Duplex } from 'node:stream';
import { carrier } from '../../support/carrier.js';
import type { BareListener } from '../../support/carrier-contract.js';
import { RawLink, type RawServerOptions } from './raw-link.js';

export { RawLink, type RawServerOptions } from './raw-link.js';
export { metadata, packet, type RawPacket, T } from './raw-packets.js';

/** A server that speaks preview4 as the reference does, over whatever carries the tests. */
export class RawServer {
  readonly links: RawLink[] = [];
  private readonly arrivals: ((link: RawLink) => void)[] = [];
  private given = 0;
  private sessions = 0;
  private hangUps: number;

  private constructor(
    private readonly listener: BareListener,
    readonly options: RawServerOptions,
  ) {
    this.hangUps = options.hangUps ?? 0;
  }

  static async listen(options: RawServerOptions = {}): Promise<RawServer> {
    const server = new RawServer(await carrier.listenBare(), options);
    server.acceptAll().catch(() => {});
    return server;
  }

  get address(): string {
    return this.listener.address;
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

  close(): void {
    for (const { socket } of this.links) socket.destroy();
    this.listener.close();
  }

  private async acceptAll(): Promise<void> {
    for (;;) this.accept(await this.listener.accept());
  }

  private accept(socket: Duplex): void {
    if (this.hangUps > 0) {
      this.hangUps--;
      socket.once('data', () => socket.destroy());
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
