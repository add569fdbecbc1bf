import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { TransportError } from 'nnrp-core';
import { formatAddress, type Guarded, type HostPort, listen, SeldomWarning } from 'nnrp-runtime/transport';

/** Room for bursts; the kernel gives what its own limit allows. */
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;
const MAX_DATAGRAM_BYTES = 65_535;

/** Strangers may be the occasion, as often as they like. */
const warning = new SeldomWarning();

/** What gets the datagrams that a socket receives. */
export interface DatagramSink {
  /** The bytes belong to the receiver. */
  datagram(bytes: Buffer, from: RemoteInfo): void;
  /** No socket listens at the other end of a connected socket, or the system has failed at something. The socket goes on. */
  failed(error: NodeJS.ErrnoException): void;
  /** The socket was closed by other code. */
  lost(): void;
}

/** A UDP socket that sends at once, from one buffer. */
export class UdpSocket implements Guarded {
  /** Where the next datagram is written before `send`. Another one afterwards if the kernel had no room. */
  out = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES);
  sink: DatagramSink | undefined;
  private connected = false;
  private closed = false;

  private constructor(private readonly socket: Socket) {
    listen(this, socket, 'message', (bytes: Buffer, from: RemoteInfo) => this.sink?.datagram(bytes, from));
    listen(this, socket, 'error', (error: NodeJS.ErrnoException) => this.sink?.failed(error));
    listen(this, socket, 'close', () => {
      if (this.closed) return;
      this.closed = true;
      this.sink?.lost();
    });
  }

  /** @internal Costs the datagram that it was about. */
  crashed(error: unknown): void {
    warning.say('a datagram of QUIC was lost to an internal error', error);
  }

  /** @param local - an IP address, not a name. @throws TransportError when it cannot be bound */
  static async bind(local: HostPort): Promise<UdpSocket> {
    const socket = createSocket({
      type: isIPv6(withoutZone(local.host)) ? 'udp6' : 'udp4',
      // Addresses are never names here, and a lookup would put the send off to a later turn.
      lookup: (host, _options, callback) => callback(null, host, host.includes(':') ? 6 : 4),
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        // In a cluster, sockets of the same port would be one, and each process get what is meant for another.
        socket.bind({ port: local.port, address: local.host, exclusive: true }, () => {
          socket.removeListener('error', reject);
          resolve();
        });
      });
    } catch (error) {
      socket.close();
      const { message } = error as Error;
      const text = `cannot bind UDP ${formatAddress(local.host, local.port)}: ${message}${hintFor(error)}`;
      throw new TransportError(text, { cause: error });
    }
    const udp = new UdpSocket(socket);
    udp.enlargeBuffers();
    return udp;
  }

  get local(): HostPort {
    const { address, port } = this.socket.address();
    return { host: address, port };
  }

  /** From here on the socket talks to this peer only, and learns when no socket listens there. */
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
    // Not sent yet, so the bytes must stay. Deno does not say, and sends later.
    if (this.socket.getSendQueueCount === undefined || this.socket.getSendQueueCount() > 0)
      this.out = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES);
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

/** Workers of a cluster share TCP ports, so users of a cluster expect the same of QUIC. */
function hintFor(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return '';
  const { isWorker } = process.getBuiltinModule('node:cluster') as unknown as { readonly isWorker: boolean };
  if (!isWorker) return '';
  return (
    '; one process of a cluster alone can have the port, because each QUIC connection belongs to one: give each worker ' +
    'a port of its own, or let one process serve QUIC'
  );
}

/** The address alone: `node:net` takes one with an interface for none. */
export function withoutZone(host: string): string {
  const percent = host.indexOf('%');
  return percent < 0 ? host : host.slice(0, percent);
}
