import { EventEmitter } from 'node:events';
import { ClosedError, isNnrpError, preview3, TransportError, UsageError } from 'nnrp-core';
import { AsyncQueue } from '../async-queue.js';
import { emitApart } from '../emit-apart.js';
import type { HostPort } from '../transport/address.js';
import type { FramedListener, FramedTransport } from '../transport/contract.js';
import { TcpListener } from '../transport/tcp.js';
import { TlsListener } from '../transport/tls.js';
import type { TlsServerOptions } from '../transport/tls-options.js';
import { DeadlineQueue } from './deadline-queue.js';
import { type ServeHandlers, ServeLoop, type ServeOptions, serveOptions } from './serve-loop.js';
import { type NnrpServerConfig, serverConfig } from './server-config.js';
import { ServerConnection, type ServerConnectionOwner } from './server-connection.js';
import type { NnrpServerEvents } from './server-events.js';
import type { RuntimeSessionRecord } from './server-messages.js';
import type { NnrpServerSession } from './server-session.js';
import type { SessionCore } from './session-core.js';
import { openTerms } from './session-opening.js';
import { SessionTable } from './session-table.js';
import { Silence } from './silence.js';

const { CloseReason, InFlightPolicy } = preview3;

/**
 * Serves sessions. Connections are accepted and their sessions opened in the background, each connection on its own;
 * `accept` hands out sessions that are open, `serve` runs handlers for them. A peer that is silent, refused or hostile
 * never holds up either.
 */
export class NnrpServer extends EventEmitter<NnrpServerEvents> {
  private readonly table = new SessionTable<SessionCore>();
  private readonly connections = new Set<ServerConnection>();
  private readonly accepted = new AsyncQueue<SessionCore>();
  private readonly watchTimer: NodeJS.Timeout | undefined;
  private loop: ServeLoop | undefined;
  private draining = false;
  private closing: Promise<void> | undefined;
  private readonly whenOver: Promise<void>;
  private readonly over: { resolve(): void; reject(error: Error): void };

  private constructor(
    private readonly listener: FramedListener,
    readonly config: NnrpServerConfig,
  ) {
    super();
    let resolve: () => void = () => {};
    let reject: (error: Error) => void = () => {};
    this.whenOver = new Promise<void>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    this.whenOver.catch(() => {});
    this.over = { resolve, reject };
    const intervalMs = Silence.intervalMs(config);
    if (intervalMs > 0) {
      this.watchTimer = setInterval(() => this.watch(), intervalMs);
      this.watchTimer.unref();
    }
    void this.acceptConnections(this.owner());
  }

  /**
   * Listens on TCP.
   *
   * @param address - HOST:PORT; port 0 takes a free port, see `localAddr`
   * @throws UsageError on a configuration that cannot work, TransportError when the address cannot be bound
   */
  static async bindTcp(address: string | HostPort, config: Partial<NnrpServerConfig> = {}): Promise<NnrpServer> {
    const complete = serverConfig(config, 'tcp');
    return new NnrpServer(await TcpListener.bind(address, complete), complete);
  }

  /**
   * Listens on TCP with TLS, ALPN `nnrp/1-tcp`.
   *
   * @param address - HOST:PORT; port 0 takes a free port, see `localAddr`
   * @param tls - certificate chain and private key, client certificates if wanted
   * @throws UsageError on options that cannot work, a key that does not belong to the certificate included;
   * TransportError when the address cannot be bound
   */
  static async bindTls(
    address: string | HostPort,
    tls: TlsServerOptions,
    config: Partial<NnrpServerConfig> = {},
  ): Promise<NnrpServer> {
    const complete = serverConfig(config, 'tcp');
    return new NnrpServer(await TlsListener.bind(address, tls, complete), complete);
  }

  /** Always refuses: QUIC is a package of its own. @throws UsageError (as a rejection) that names it */
  static async bindQuic(_endpoint?: unknown, _config: Partial<NnrpServerConfig> = {}): Promise<NnrpServer> {
    throw new UsageError('bindQuic: QUIC comes with the package nnrp-transport-quic; use its QuicProvider.bind');
  }

  /**
   * Serves the connections of any listener, which the server owns from now on.
   *
   * @throws UsageError when the configuration names another transport than the listener's
   */
  static fromListener(listener: FramedListener, config: Partial<NnrpServerConfig> = {}): NnrpServer {
    return new NnrpServer(listener, serverConfig(config, listener.kind));
  }

  /** Where the server listens, such as 127.0.0.1:4433. */
  get localAddr(): string {
    return this.listener.address;
  }

  /** Open sessions, those that wait for `accept` included. */
  get sessionCount(): number {
    return this.table.size;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** What the server keeps of each open session. */
  sessions(): RuntimeSessionRecord[] {
    return [...this.table.values()].map((core) => core.session.record);
  }

  /**
   * The next open session. Refused and lost ones are events, never rejections.
   * @throws ClosedError (as a rejection) when the server is closed, TransportError when its listener has failed
   */
  async accept(): Promise<NnrpServerSession> {
    if (this.loop !== undefined) throw new UsageError('accept: serve() takes the sessions of this server');
    return (await this.accepted.next()).session;
  }

  /** Sessions until the server is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<NnrpServerSession, void, void> {
    for (;;) {
      let session: NnrpServerSession;
      try {
        session = await this.accept();
      } catch (error) {
        if (error instanceof ClosedError) return;
        throw error;
      }
      yield session;
    }
  }

  /**
   * Runs handlers for every session, those that wait for `accept` included.
   *
   * @returns resolves when the server is closed
   * @throws (as a rejection) UsageError on a bad option or when it is called twice, TransportError when the listener fails
   */
  async serve(handlers: ServeHandlers, options: Partial<ServeOptions> = {}): Promise<void> {
    if (typeof handlers?.submit !== 'function') throw new UsageError('serve: needs a handler submit');
    if (this.loop !== undefined) throw new UsageError('serve: it has been called before');
    const loop = new ServeLoop(handlers, serveOptions(options), (failure) =>
      emitApart<NnrpServerEvents, 'handlerFailure'>(this, 'handlerFailure', failure),
    );
    this.loop = loop;
    for (const core of this.accepted.drain()) loop.attend(core);
    await this.whenOver;
  }

  /**
   * Closes gracefully: accepts nothing new, tells clients (SESSION_CLOSE server_shutdown), gives operations in flight
   * `drainTimeoutMs` to be answered, then closes every session and connection.
   */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  /** This server as its connections see it. */
  private owner(): ServerConnectionOwner {
    const { config, table } = this;
    return {
      config,
      terms: openTerms(config),
      table,
      deadlines: new DeadlineQueue(),
      isDraining: () => this.draining,
      sessionOpened: (core) => {
        if (this.loop === undefined) this.accepted.push(core);
        else this.loop.attend(core);
      },
      sessionEnded: (core) => this.accepted.remove(core),
      sessionRefused: (refusal) => emitApart<NnrpServerEvents, 'sessionRefused'>(this, 'sessionRefused', refusal),
      protocolViolation: (violation) =>
        emitApart<NnrpServerEvents, 'protocolViolation'>(this, 'protocolViolation', violation),
      peerReported: (report) => emitApart<NnrpServerEvents, 'peerReport'>(this, 'peerReport', report),
      connectionEnded: (connection, loss) => {
        this.connections.delete(connection);
        if (!(loss.error instanceof ClosedError))
          emitApart<NnrpServerEvents, 'connectionLost'>(this, 'connectionLost', loss);
      },
    };
  }

  private async acceptConnections(owner: ServerConnectionOwner): Promise<void> {
    for (;;) {
      let transport: FramedTransport;
      try {
        transport = await this.listener.accept();
      } catch (error) {
        if (this.draining) return;
        const reason = isNnrpError(error) ? error : new TransportError(`listener: ${String(error)}`, { cause: error });
        this.accepted.end(reason);
        if (reason instanceof ClosedError) this.over.resolve();
        else {
          this.over.reject(reason);
          emitApart<NnrpServerEvents, 'listenerFailed'>(this, 'listenerFailed', reason);
        }
        return;
      }
      if (this.draining || this.connections.size >= this.config.maxConnections) {
        transport.abort();
      } else {
        const connection = new ServerConnection(transport, owner);
        // Known before it starts: it may end at once.
        this.connections.add(connection);
        connection.start();
      }
    }
  }

  private watch(): void {
    const nowMs = performance.now();
    for (const connection of [...this.connections]) connection.watch(nowMs);
  }

  private async shutDown(): Promise<void> {
    this.draining = true;
    await this.listener.close();
    const { drainTimeoutMs } = this.config;
    const goodbye = {
      reason: CloseReason.ServerShutdown,
      inFlightPolicy: drainTimeoutMs > 0 ? InFlightPolicy.Drain : InFlightPolicy.Abort,
      drainTimeoutMs,
    };
    await Promise.allSettled([...this.table.values()].map((core) => core.closing.shutDown(goodbye)));
    const closed = new ClosedError('the server was closed');
    await Promise.all([...this.connections].map((connection) => connection.closeGracefully(closed)));
    clearInterval(this.watchTimer);
    this.accepted.drain();
    this.accepted.end(closed);
    this.over.resolve();
  }
}
