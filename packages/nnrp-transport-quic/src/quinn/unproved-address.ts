import type { RemoteInfo } from 'node:dgram';
import type { HostPort } from 'nnrp-runtime/transport';
import { destinationKey } from '../udp/datagram.js';

/** So many times what has come from an address may be sent to it before it is known to be the peer's own. */
const FACTOR = 3;

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
