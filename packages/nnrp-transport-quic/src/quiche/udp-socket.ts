import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { TransportError } from 'nnrp-core';
import { formatAddress, type HostPort } from 'nnrp-runtime/transport';

/** Room for bursts; the kernel gives what its own limit allows. */
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;
const MAX_DATAGRAM_BYTES = 65_535;

/** Who gets what a socket receives. */
export interface DatagramSink {
  /** The bytes belong to the receiver. */
  datagram(bytes: Buffer, from: RemoteInfo): void;
  /** Nobody listens at the other end of a connected socket, or the socket is of no use any more. */
  failed(error: NodeJS.ErrnoException): void;
}

/** A UDP socket that sends at once, from one buffer. */
export class UdpSocket {
  /** Where the next datagram is written before `send`. Another one afterwards if the kernel had no room. */
  out = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES);
  sink: DatagramSink | undefined;
  private connected = false;
  private closed = false;

  private constructor(private readonly socket: Socket) {
    socket.on('message', (bytes, from) => this.sink?.datagram(bytes, from));
    socket.on('error', (error) => this.sink?.failed(error));
  }

  /** @param local - an IP address, not a name. @throws TransportError when it cannot be bound */
  static async bind(local: HostPort): Promise<UdpSocket> {
    const socket = createSocket({
      type: isIPv6(withoutZone(local.host)) ? 'udp6' : 'udp4',
      // Addresses are never names here, and a lookup would put the send off to a later turn.
      lookup: (host, _options, callback) => callback(null, host, isIPv6(withoutZone(host)) ? 6 : 4),
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(local.port, local.host, () => {
          socket.removeListener('error', reject);
          resolve();
        });
      });
    } catch (error) {
      socket.close();
      const { message } = error as Error;
      throw new TransportError(`cannot bind UDP ${formatAddress(local.host, local.port)}: ${message}`, {
        cause: error,
      });
    }
    const udp = new UdpSocket(socket);
    udp.enlargeBuffers();
    return udp;
  }

  get local(): HostPort {
    const { address, port } = this.socket.address();
    return { host: address, port };
  }

  /** From here on the socket talks to this peer only, and learns when nobody listens there. */
  connect(peer: HostPort): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.connect(peer.port, peer.host, ((error?: Error) => {
        this.connected = error === undefined;
        if (error === undefined) resolve();
        else reject(error);
      }) as () => void);
    });
  }

  /** Sends the first bytes of `out`. What the network does not take is lost, as datagrams may be. */
  send(bytes: number, port: number, host: string): void {
    if (this.closed) return;
    if (this.connected) this.socket.send(this.out, 0, bytes);
    else this.socket.send(this.out, 0, bytes, port, host);
    // Not sent yet, so the bytes must stay.
    if (this.socket.getSendQueueCount() > 0) this.out = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES);
  }

  /** Whether the socket keeps the process alive. */
  keepAlive(on: boolean): void {
    if (on) this.socket.ref();
    else this.socket.unref();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.close();
  }

  private enlargeBuffers(): void {
    try {
      this.socket.setRecvBufferSize(KERNEL_BUFFER_BYTES);
      this.socket.setSendBufferSize(KERNEL_BUFFER_BYTES);
    } catch {
      // Smaller ones lose more datagrams under load; QUIC sends those again.
    }
  }
}

/** The address as the QUIC library reads it: an interface is no part of it. */
export function withoutZone(host: string): string {
  const percent = host.indexOf('%');
  return percent < 0 ? host : host.slice(0, percent);
}
