import type { RemoteInfo } from 'node:dgram';
import type { HostPort } from 'nnrp-runtime/transport';
import type { QuicheConnection, QuicheHost } from './binding.js';
import { withoutZone } from './udp-socket.js';

/**
 * Where the peer is, and what the library takes it for. When a router on the way gives a client another address, the
 * library makes sure that the client is really there; but what was on its way to the old address would never be sent
 * again, for the library counts losses for each way on its own. So once it is sure, it goes on hearing the client at the
 * first address, and what it sends there goes to the new one.
 *
 * @see RFC 9000 section 9.3
 */
export class PeerAddress {
  /** The path of what has arrived last, for `recv`. */
  path: { from: QuicheHost; to: QuicheHost };
  private readonly first: QuicheHost;
  private readonly zone: string;
  /** Where the last datagram came from. */
  private address: string;
  private port: number;
  /** Addresses that the peer has proved to be at. The library knows a few of them at most. */
  private readonly proved: QuicheHost[] = [];
  /** Where the peer is instead of at its first address. */
  private instead: QuicheHost | undefined;
  private hasMoved = false;

  /** @param local - the end of the path on this side */
  constructor(peer: HostPort, local: QuicheHost) {
    this.address = peer.host;
    this.port = peer.port;
    this.first = { host: withoutZone(peer.host), port: peer.port };
    this.zone = peer.host.slice(this.first.host.length);
    this.path = { from: this.first, to: local };
  }

  /** A datagram has come from there; any host may have sent it. */
  received({ address, port }: RemoteInfo): void {
    if (port === this.port && address === this.address) return;
    this.address = address;
    this.port = port;
    this.hasMoved = true;
    this.settle();
  }

  /**
   * Follows what the library has found out since the last call. It would pile up otherwise.
   *
   * @returns whether the peer should be made to answer: at the first address, the library finds out by that what was lost
   */
  follow(connection: QuicheConnection): boolean {
    let news = false;
    if (!this.hasMoved) return news;
    for (let event = connection.pathEventNext(); event !== null; event = connection.pathEventNext()) {
      if (event.type === 'PeerMigrated') news = true;
      if (event.type !== 'Validated' || event.peer === undefined) continue;
      this.proved.push(event.peer);
      this.settle();
      news = true;
    }
    return news;
  }

  /** Where to send what the library has for `to`. */
  targetOf(to: QuicheHost): HostPort {
    if (this.instead === undefined && this.zone === '') return to;
    const { instead = to } = this;
    const { host, port } = same(to, this.first) ? instead : to;
    return { host: this.zone === '' ? host : host + this.zone, port };
  }

  private settle(): void {
    const here = { host: withoutZone(this.address), port: this.port };
    const atFirst = same(here, this.first);
    if (atFirst || this.proved.some((host) => same(host, here))) {
      this.instead = atFirst ? undefined : here;
      this.path = { from: this.first, to: this.path.to };
    } else {
      this.path = { from: here, to: this.path.to };
    }
  }
}

function same(one: QuicheHost, other: QuicheHost): boolean {
  return one.port === other.port && one.host === other.host;
}
