import type { HostPort } from 'nnrp-runtime/transport';
import type { UdpSocket } from './udp-socket.js';

/**
 * The datagram that has told the peer of the end. A peer that goes on has missed it, and would wait for its idle timeout;
 * the library says it once only.
 *
 * @see RFC 9000 section 10.2.1
 */
export class CloseResender {
  private received = 0;

  /** @param datagram - its bytes are kept */
  constructor(
    private readonly socket: UdpSocket,
    private readonly datagram: Buffer,
    private readonly to: HostPort,
  ) {}

  get byteLength(): number {
    return this.datagram.length;
  }

  /** Something has come from there: after the first, second, fourth, eighth ... it is said again. The others may be late. @returns bytes sent */
  repeat(): number {
    const { received: heard, socket, datagram, to } = this;
    this.received++;
    if ((heard & (heard + 1)) !== 0) return 0;
    socket.out.set(datagram);
    socket.send(datagram.length, to.port, to.host);
    return datagram.length;
  }
}
