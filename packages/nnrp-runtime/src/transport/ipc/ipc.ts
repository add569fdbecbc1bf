import { createConnection, type Socket } from 'node:net';
import { INSPECT, type Inspect, inspected, TimeoutError, TransportError } from 'nnrp-core';
import { checkSignal, reasonOf, whenAborted } from '../../base/application/abort-signals.js';
import { type Guarded, later, listen } from '../../base/guard.js';
import { answering, rejection, SETTLED } from '../../base/promises/settled.js';
import { Patience } from '../../base/time/patience.js';
import { milliseconds } from '../../base/time/timer-limit.js';
import type { FramedConnector, FramedListener, FramedTransport } from '../contract/contract.js';
import { QueuedListener } from '../listening/queued-listener.js';
import { StreamTransport } from '../stream/stream-transport.js';
import {
  connectOptions,
  DEFAULT_CONNECT_TIMEOUT_MS,
  type TcpConnectOptions,
  type TcpOptions,
  tcpOptions,
} from '../tcp/tcp-options.js';
import { takeConnections } from '../tcp/tcp-server.js';
import { type IpcAddress, parseIpcAddress } from './ipc-address.js';
import { type IpcServerOptions, ipcMode } from './ipc-options.js';
import { type IpcServer, listenOnIpc } from './ipc-server.js';
import { isNoSocket } from './socket-file.js';

const KIND = 'ipc';
/** Milliseconds until a listener is asked again that had no room for one more. */
const ROOM_MS = 10;

/** What a code of the system means for a client that wants to connect. */
const CODES: Readonly<Record<string, string>> = {
  ENOENT: 'no socket is there',
  ECONNREFUSED: 'a socket is there, but no process listens',
  EACCES: 'the permissions of the socket, or of a directory above it, keep this user out',
  EPROTOTYPE: 'the socket there is no stream socket',
  ENOTSOCK: 'what is there is no socket',
  EMFILE: 'this process has too many files and sockets open',
  ENFILE: 'this machine has too many files and sockets open',
};

function whyNot({ kind, path }: IpcAddress, { code = '', message }: NodeJS.ErrnoException): string {
  // The system says the same of a file, of a directory and of a name that is not in use.
  if (code === 'ECONNREFUSED' && kind !== 'file') return `no process listens there (${code})`;
  if (code === 'ECONNREFUSED' && isNoSocket(path)) return `${CODES['ENOTSOCK']} (${code})`;
  return CODES[code] === undefined ? message : `${CODES[code]} (${code})`;
}

/** A peer has no name of its own: both ends say where they have met. */
function transport(socket: Socket, remoteAddress: string, options: TcpOptions): FramedTransport {
  return new StreamTransport(socket, {
    ...options,
    kind: KIND,
    remoteAddress,
    ownsReads: true,
    borrowsWrites: 'callback',
  });
}

/** Listens on a Unix domain socket, or on a named pipe of Windows. */
export class IpcListener extends QueuedListener implements FramedListener {
  readonly kind = KIND;

  private constructor(
    private readonly bound: IpcServer,
    address: string,
    options: TcpOptions,
  ) {
    super(address);
    takeConnections(bound.server, this.waiting, (socket) => this.waiting.add(transport(socket, address, options)));
  }

  /**
   * @param address - a path; `@name` for an abstract socket of Linux; `\\.\pipe\name`
   * @throws UsageError on an address that is none, and on an option that does not exist or cannot work; TransportError when the
   * address cannot be bound: another process listens there, or its permissions cannot be kept
   */
  static override bind(address: string, ipc: IpcServerOptions = {}, options: TcpOptions = {}): Promise<IpcListener> {
    return answering(() => IpcListener.open(address, ipc, options));
  }

  /** @internal `bind` for callers that check by themselves: mistakes are thrown at once. */
  static open(address: string, ipc: IpcServerOptions, options: TcpOptions): Promise<IpcListener> {
    const wanted = parseIpcAddress(address);
    const mode = ipcMode(wanted, ipc);
    const given = tcpOptions(options);
    return listenOnIpc(wanted, mode).then((bound) => new IpcListener(bound, wanted.text, given));
  }

  /** Stops accepting, and removes the socket file. */
  close(): Promise<void> {
    return answering(() => {
      this.waiting.close();
      this.bound.close();
      return SETTLED;
    });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: this.address };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('IpcListener', this.toJSON(), depth, options, inspect);
  }
}

/** Connects to a Unix domain socket, or to a named pipe of Windows. */
export class IpcConnector implements FramedConnector {
  readonly kind = KIND;
  private readonly target: IpcAddress;
  private readonly options: TcpConnectOptions;

  /** @throws UsageError on an address that is none, and on an option that does not exist or cannot work */
  constructor(address: string, options: TcpConnectOptions = {}) {
    this.target = parseIpcAddress(address);
    this.options = connectOptions(options);
    milliseconds('connectTimeoutMs', options.connectTimeoutMs);
  }

  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return answering(() => {
      checkSignal(signal);
      return signal?.aborted ? rejection(reasonOf(signal)) : this.connectUntil(signal);
    });
  }

  private connectUntil(signal: AbortSignal | undefined): Promise<FramedTransport> {
    const { target, options } = this;
    const { connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS, ...limits } = options;
    return new Promise((resolve, reject) => {
      const attempt = new Attempt(
        target,
        (socket) => {
          patience.end();
          letGo();
          resolve(transport(socket, target.text, limits));
        },
        (error) => {
          patience.end();
          letGo();
          reject(new TransportError(`cannot connect to ${target.text}: ${whyNot(target, error)}`, { cause: error }));
        },
      );
      const patience = new Patience(attempt, connectTimeoutMs, () => {
        letGo();
        attempt.end();
        const text = `no connection to ${target.text} within ${connectTimeoutMs} ms: as many wait there as may`;
        reject(new TimeoutError(text, connectTimeoutMs));
      });
      const letGo = whenAborted(attempt, signal, (reason) => {
        patience.end();
        attempt.end();
        reject(reason);
      });
      attempt.begin();
    });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: this.target.text };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('IpcConnector', this.toJSON(), depth, options, inspect);
  }
}

/** Asks for a connection until there is one, a reason why there is none, or the wait is given up. */
class Attempt implements Guarded {
  private socket: Socket | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly target: IpcAddress,
    private readonly connected: (socket: Socket) => void,
    private readonly failed: (error: Error) => void,
  ) {}

  crashed(error: unknown): void {
    this.end();
    this.failed(error as Error);
  }

  begin(): void {
    const socket = createConnection({ path: this.target.path, allowHalfOpen: true });
    this.socket = socket;
    let isConnected = false;
    listen(this, socket, 'error', (error: NodeJS.ErrnoException) => {
      // From then on the transport is told.
      if (isConnected || this.socket !== socket) return;
      // The system keeps no place in a line, as it does over TCP.
      if (error.code === 'EAGAIN') this.timer = later(this, ROOM_MS, () => this.begin());
      else this.failed(error);
    });
    listen(this, socket, 'connect', () => {
      isConnected = true;
      this.connected(socket);
    });
  }

  end(): void {
    clearTimeout(this.timer);
    this.socket?.destroy();
    this.socket = undefined;
  }
}
