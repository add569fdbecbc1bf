import { MIN_INITIAL_BYTES } from './datagram.js';

/** So many times what has come from an address may be sent to it before it is known to be the peer's own. */
const FACTOR = 3;

/**
 * Counts what goes to an address that may be a victim's, written into a datagram by a host that wants to flood it. The
 * library has a count of its own, but sends repetitions and padding beyond it.
 *
 * @see RFC 9000 section 8.1
 */
export class UnprovedAddress {
  private heardBytes = 0;
  private sentBytes = 0;

  /** A datagram has come from there. */
  received(bytes: number): void {
    this.heardBytes += bytes;
  }

  /** A datagram goes there. */
  sent(bytes: number): void {
    this.sentBytes += bytes;
  }

  /**
   * @param bytes - default the largest datagram of a handshake: the library wants to have room for one
   * @returns whether so many more may go there; a client that waits for them repeats itself, and there is room again
   */
  takes(bytes = MIN_INITIAL_BYTES): boolean {
    return this.sentBytes + bytes <= FACTOR * this.heardBytes;
  }
}
