import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { type PacketSplitterOptions, TimeoutError, TransportError } from 'nnrp-core';
import { Patience } from '../base/patience.js';
import { AcceptQueue } from './accept-queue.js';
import { formatAddress, type HostPort, parseAddress } from './address.js';
import type { FramedConnector, FramedListener, FramedTransport } from './contract.js';
import { StreamTransport } from './stream-transport.js';

export interface TcpOptions extends PacketSplitterOptions {
  /** Bytes waiting to be sent above which a sender is told to wait; default 1 MiB. */
  readonly highWaterBytes?: number;
  /** Milliseconds without progress after which a peer that takes nothing is given up; default 30000, 0 = never. */
  readonly stallTimeoutMs?: number;
}

/** Asks the other end's system for a sign of life when nothing has come: a host that is gone is found by it. */
export const KEEP_ALIVE = Object.freeze({ keepAlive: true, keepAliveInitialDelay: 30_000 });

/**
 * The options that a stream transport has in common with TCP. Callers pass their whole configuration, which has other
 * options of the same names, such as `closeTimeoutMs`.
 */
export function streamOptions({ revision, maxPacketBytes, highWaterBytes, stallTimeoutMs }: TcpOptions): TcpOptions {
  return {
    ...(revision !== undefined && { revision }),
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
    ...(highWaterBytes !== undefined && { highWaterBytes }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
  };
}

function transport(socket: Socket, options: TcpOptions): FramedTransport {
  const remoteAddress = formatAddress(socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
  return new StreamTransport(socket, { ...streamOptions(options), kind: 'tcp', remoteAddress });
}

/** Listens on TCP. Nagle's algorithm is off: writes are joined here, where a turn is known to be over. */
export class TcpListener implements FramedListener {
  readonly kind = 'tcp';
  private readonly waiting: AcceptQueue;

  private constructor(
    private readonly server: Server,
    readonly address: string,
    options: TcpOptions,
  ) {
    this.waiting = new AcceptQueue(address);
    server.on('connection', (socket) => this.waiting.add(transport(socket, options)));
    server.on('error', (error) => this.waiting.fail(error));
  }

  /**
   * @param address - port 0 takes a free port, see `address` of the result
   * @throws TransportError when the address cannot be bound
   */
  static bind(address: string | HostPort, options: TcpOptions = {}): Promise<TcpListener> {
    const { host, port } = parseAddress(address);
    const server = createServer({ noDelay: true, allowHalfOpen: true, ...KEEP_ALIVE });
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        reject(new TransportError(`cannot listen on ${formatAddress(host, port)}: ${error.message}`, { cause: error }));
      });
      server.listen(port, host, () => {
        server.removeAllListeners('error');
        const bound = server.address();
        const text = bound === null || typeof bound === 'string' ? host : formatAddress(bound.address, bound.port);
        resolve(new TcpListener(server, text, options));
      });
    });
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  async close(): Promise<void> {
    this.waiting.close();
    // The callback would wait for every connection to end; those have owners of their own.
    this.server.close();
  }
}

/** Connects over TCP. */
export class TcpConnector implements FramedConnector {
  readonly kind = 'tcp';
  private readonly target: HostPort;

  constructor(
    address: string | HostPort,
    private readonly options: TcpOptions & {
      /** Milliseconds for the connection to come about; default 10000. */
      readonly connectTimeoutMs?: number;
    } = {},
  ) {
    this.target = parseAddress(address);
  }

  connect(): Promise<FramedTransport> {
    const { host, port } = this.target;
    const { connectTimeoutMs = 10_000 } = this.options;
    const name = formatAddress(host, port);
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host, port, noDelay: true, allowHalfOpen: true, ...KEEP_ALIVE });
      const failed = (error: Error) => {
        patience.end();
        reject(new TransportError(`cannot connect to ${name}: ${error.message}`, { cause: error }));
      };
      const patience = new Patience({ crashed: (error) => failed(error as Error) }, connectTimeoutMs, () => {
        socket.destroy();
        reject(new TimeoutError(`no connection to ${name} within ${connectTimeoutMs} ms`, connectTimeoutMs));
      });
      socket.once('error', failed);
      socket.once('connect', () => {
        patience.end();
        socket.removeListener('error', failed);
        resolve(transport(socket, this.options));
      });
    });
  }
}
