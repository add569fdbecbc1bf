import type { Server, Socket } from 'node:net';
import { INSPECT, type Inspect, inspected, TimeoutError, TransportError } from 'nnrp-core';
import { checkSignal, reasonOf, whenAborted } from '../../base/application/abort-signals.js';
import type { Guarded } from '../../base/guard.js';
import { answering, rejection, SETTLED } from '../../base/promises/settled.js';
import { Patience } from '../../base/time/patience.js';
import { milliseconds } from '../../base/time/timer-limit.js';
import { formatAddress, type HostPort, parseAddress, reachableHost } from '../address/address.js';
import { Dialing } from '../connecting/dialing.js';
import type { FramedConnector, FramedListener, FramedTransport } from '../contract/contract.js';
import { describeConnectFailure } from '../listening/connect-failure.js';
import { QueuedListener } from '../listening/queued-listener.js';
import { StreamTransport } from '../stream/stream-transport.js';
import {
  connectOptions,
  DEFAULT_CONNECT_TIMEOUT_MS,
  type TcpConnectOptions,
  type TcpOptions,
  tcpOptions,
} from './tcp-options.js';
import { KEEP_ALIVE, listenOnTcp, takeConnections } from './tcp-server.js';

const SOCKET_OPTIONS = Object.freeze({ noDelay: true, allowHalfOpen: true, ...KEEP_ALIVE });

function transport(socket: Socket, options: TcpOptions): FramedTransport {
  const remoteAddress = formatAddress(socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
  return new StreamTransport(socket, {
    ...options,
    kind: 'tcp',
    remoteAddress,
    ownsReads: true,
    borrowsWrites: 'callback',
  });
}

/** Listens on TCP. Nagle's algorithm is off: writes are joined here, where a turn is known to be over. */
export class TcpListener extends QueuedListener implements FramedListener {
  readonly kind = 'tcp';

  private constructor(
    private readonly server: Server,
    address: string,
    options: TcpOptions,
  ) {
    super(address);
    takeConnections(server, this.waiting, (socket) => this.waiting.add(transport(socket, options)));
  }

  /**
   * @param address - port 0 takes a free port, see `address` of the result
   * @throws UsageError on an option that does not exist or cannot work; TransportError when the address cannot be bound
   */
  static override bind(address: string | HostPort, options: TcpOptions = {}): Promise<TcpListener> {
    return answering(() => TcpListener.open(address, options));
  }

  /** @internal `bind` for callers that check by themselves: mistakes are thrown at once. */
  static open(address: string | HostPort, options: TcpOptions): Promise<TcpListener> {
    const wanted = parseAddress(address);
    const given = tcpOptions(options);
    return listenOnTcp(wanted).then(({ server, address: bound }) => new TcpListener(server, bound, given));
  }

  close(): Promise<void> {
    this.waiting.close();
    // The callback would wait for every connection to end; those have owners of their own.
    this.server.close();
    return SETTLED;
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: this.address };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('TcpListener', this.toJSON(), depth, options, inspect);
  }
}

/** Connects over TCP. */
export class TcpConnector implements FramedConnector {
  readonly kind = 'tcp';
  private readonly target: HostPort;
  private readonly options: TcpConnectOptions;

  /** @throws UsageError on an address that is none, and on an option that does not exist or cannot work */
  constructor(address: string | HostPort, options: TcpConnectOptions = {}) {
    this.target = targetOf(address);
    this.options = connectOptions(options);
    milliseconds('connectTimeoutMs', options.connectTimeoutMs);
  }

  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return answering(() => this.connectUntil(signal));
  }

  private connectUntil(signal: AbortSignal | undefined): Promise<FramedTransport> {
    checkSignal(signal);
    if (signal?.aborted) return rejection(reasonOf(signal));
    const { target, options } = this;
    const { host, port } = target;
    const { connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS, ...limits } = options;
    const name = formatAddress(host, port);
    return new Promise((resolve, reject) => {
      const owner: Guarded = { crashed: (error) => failed(error as Error) };
      const failed = (error: Error) => {
        end();
        const why = describeConnectFailure(target, error);
        reject(new TransportError(`cannot connect to ${name}: ${why}`, { cause: error }));
      };
      const dialing = new Dialing(target, connectTimeoutMs, SOCKET_OPTIONS, {
        failed,
        connected: (socket) => {
          end();
          resolve(transport(socket, limits));
        },
      });
      const end = () => {
        patience.end();
        letGo();
        dialing.end();
      };
      const patience = new Patience(owner, connectTimeoutMs, () => {
        end();
        const text = `no connection to ${name} within ${connectTimeoutMs} ms: ${dialing.describe()}`;
        reject(new TimeoutError(text, connectTimeoutMs));
      });
      const letGo = whenAborted(owner, signal, (reason) => {
        end();
        reject(reason);
      });
    });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: formatAddress(this.target.host, this.target.port) };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('TcpConnector', this.toJSON(), depth, options, inspect);
  }
}

/** Where to connect to; a server that listens on all addresses of this machine is reached by loopback. */
export function targetOf(address: string | HostPort): HostPort {
  const { host, port } = parseAddress(address);
  return { host: reachableHost(host), port };
}
