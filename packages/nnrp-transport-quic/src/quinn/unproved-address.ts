import type { RemoteInfo } from 'node:dgram';
import type { HostPort } from 'nnrp-runtime/transport';
import { type AddressWords, areSame } from '../module/address-words.js';
import { destinationKey } from '../udp/datagram.js';

/** So many times what has come from an address may be sent to it before it is known to be the peer's own. */
const FACTOR = 3;
/** To so many places on other hosts a connection is followed within so many milliseconds. */
const MOST_MOVES = 3;
const MOVES_MS = 30_000;

/**
 * Counts what goes to an address that may be a victim's, written into a datagram by a host that wants to flood it. The
 * library has a count of its own, but lets the last datagram go beyond it.
 *
 * @see RFC 9000 section 8.1
 */
export class UnprovedAddress {
  private heardBytes: number;
  private sentBytes = 0;
  /** The id that the client has made up for its first packets. */
  private readonly firstKey: string | undefined;

  constructor(
    private readonly peer: HostPort,
    firstDatagram: Buffer,
  ) {
    this.heardBytes = firstDatagram.length;
    this.firstKey = destinationKey(firstDatagram);
  }

  /**
   * A datagram has come for its connection.
   *
   * @returns whether that proves the address: only a peer that has got an answer knows the id that this end has chosen
   */
  received(datagram: Buffer, { address, port }: RemoteInfo): boolean {
    if (address !== this.peer.host || port !== this.peer.port) return false;
    this.heardBytes += datagram.length;
    return destinationKey(datagram) !== this.firstKey;
  }

  /** @returns whether so many bytes may go there; they are counted then. A client that waits for more repeats itself */
  takes(bytes: number): boolean {
    if (this.sentBytes + bytes > FACTOR * this.heardBytes) return false;
    this.sentBytes += bytes;
    return true;
  }
}

/**
 * Counts the places that a connection moves to, a port of another host each. The library answers a datagram from another place with one of
 * 1200 bytes, however short it was, for a peer that really has moved is to be found at once. One that writes addresses of victims into its
 * datagrams would have each of them get that. With the bytes of its handshake, it makes no more of what it sends by a few moves.
 *
 * @see RFC 9000 section 9.3.1
 */
export class Moves {
  private last: AddressWords;
  private lastPort = -1;
  /** When each of the moves that count still was made. */
  private readonly madeMs: number[] = [];

  /** @param home - where the peer was in its handshake: there it has shown that it receives, and may use any port */
  constructor(private readonly home: AddressWords) {
    this.last = home;
  }

  /**
   * The library sends there.
   *
   * @param isAside - whether the connection is elsewhere, and stays there
   * @returns whether it may; what it has to say to a host beyond is lost, as it would be on a bad network
   */
  mayGoTo(host: AddressWords, port: number, isAside: boolean): boolean {
    if (port === this.lastPort && (host === this.last || areSame(host, this.last))) return true;
    if (!areSame(host, this.home)) {
      const { madeMs } = this;
      const nowMs = performance.now();
      while (madeMs[0] !== undefined && nowMs - madeMs[0] >= MOVES_MS) madeMs.shift();
      if (madeMs.length >= MOST_MOVES) return false;
      madeMs.push(nowMs);
    }
    if (isAside) return true;
    this.last = host;
    this.lastPort = port;
    return true;
  }
}
