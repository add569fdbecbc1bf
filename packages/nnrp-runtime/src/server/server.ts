import { ClosedError, forCaller, INSPECT, type Inspect, inspected, isNnrpError, UsageError } from 'nnrp-core';
import { ApplicationContext } from '../base/application/application-context.js';
import { ApplicationEvents } from '../base/application/application-events.js';
import { ASYNC_DISPOSE } from '../base/application/async-dispose.js';
import type { AsyncItems } from '../base/async-items.js';
import { background, guard } from '../base/guard.js';
import { deferred } from '../base/promises/deferred.js';
import { answering, ignoreRejection } from '../base/promises/settled.js';
import { AsyncQueue } from '../base/queues/async-queue.js';
import { DeadlineQueue } from '../base/time/deadline-queue.js';
import { type CloseReport, joinedReport } from '../connection/close-report.js';
import type { HostPort } from '../transport/address/address.js';
import type { FramedListener } from '../transport/contract/contract.js';
import { IpcListener } from '../transport/ipc/ipc.js';
import type { IpcServerOptions } from '../transport/ipc/ipc-options.js';
import { TcpListener } from '../transport/tcp/tcp.js';
import { TlsListener } from '../transport/tls/tls.js';
import type { TlsServerOptions } from '../transport/tls/tls-options.js';
import { ServerMemory } from './bounds/server-memory.js';
import { ClosingConnections } from './closing-connections.js';
import type { ServerConnection } from './connection/server-connection.js';
import type { ServerConnectionOwner } from './connection/server-connection-owner.js';
import { SessionTable } from './connection/session-table.js';
import { watchSilence } from './connection/silence.js';
import type { NnrpServerSession } from './contract/contract.js';
import type { ListenerSource, NnrpServerEndpoint } from './contract/endpoints.js';
import type { NnrpListenOptions } from './contract/listen-options.js';
import { ServerBounds, type ServerStats } from './contract/server-bounds.js';
import { type NnrpServerConfig, type NnrpServerOptions, serverConfig } from './contract/server-config.js';
import type { ServerCounters } from './contract/server-counters.js';
import type { NnrpServerEvents } from './contract/server-events.js';
import { goodbye, type ShutdownOptions, shutdownOptions } from './contract/shutdown-options.js';
import { declareBounds } from './declared-bounds.js';
import { FailureReports, SERVER_EVENTS } from './failures/failure-reports.js';
import { IncomingConnections } from './incoming-connections.js';
import { openAddresses } from './open-addresses.js';
import { checkListener, type Listeners, openAll, openOne, refusedBind } from './open-listeners.js';
import { Admission } from './opening/admission.js';
import { openTerms } from './opening/session-opening.js';
import { type ResumableOwner, ResumableSessions } from './recovery/resumable-sessions.js';
import { givenHandlers } from './serve/check-handlers.js';
import { HandlerService } from './serve/handler-service.js';
import type { ServeHandlers } from './serve/serve-handlers.js';
import { type ServeOptions, serveOptions } from './serve/serve-options.js';
import { ServerListeners } from './server-listeners.js';
import type { ServerSession } from './session/server-session.js';
import { SessionIterator } from './session-iterator.js';

/**
 * Serves sessions. Connections are accepted and their sessions opened in the background, each connection on its own, so that
 * a silent, refused or hostile peer holds up no other. `accept` hands out open sessions, `serve` runs handlers for them.
 */
export class NnrpServer extends ApplicationEvents<NnrpServerEvents> {
  private readonly table = new SessionTable<ServerSession>();
  private readonly resumables: ResumableSessions;
  private readonly connections = new Set<ServerConnection>();
  private readonly closingConnections = new ClosingConnections<ServerConnection>();
  private readonly accepted = new AsyncQueue<ServerSession>();
  private readonly bounds = new ServerBounds((event) => this.failures.tell('boundReached', event));
  private readonly admission: Admission;
  private readonly memory: ServerMemory;
  private readonly watchTimer: NodeJS.Timeout | undefined;
  private readonly policyContext = new ApplicationContext();
  private readonly failures: FailureReports;
  private loop: HandlerService | undefined;
  private draining = false;
  private closing: Promise<CloseReport> | undefined;
  private readonly ended = deferred<void>();
  private readonly listening: ServerListeners;

  private constructor(
    given: Listeners,
    readonly config: NnrpServerConfig,
  ) {
    super(SERVER_EVENTS);
    if (config === undefined) throw new UsageError('a server is made by NnrpServer.listen(address), not by new');
    ignoreRejection(this.ended.promise);
    this.failures = new FailureReports(this, config.logger);
    this.memory = new ServerMemory(config, this.bounds);
    const { memory, connections, closingConnections, table } = this;
    declareBounds(this.bounds, config, { memory, connections, closingConnections, table });
    this.admission = new Admission(
      config,
      this.bounds,
      () => this.connectionCount,
      () => this.closingConnections.cutOldest(),
    );
    this.watchTimer = watchSilence(config, this, (nowMs) => {
      for (const connection of [...this.connections]) guard(connection, () => connection.watch(nowMs));
    });
    this.listening = new ServerListeners(given, config.listenersTogether, this.bounds, {
      isDraining: () => this.draining,
      acceptFailed: (failure) => this.failures.tell('acceptFailed', failure),
      listenerFailed: (error) => this.failures.tell('listenerFailed', error),
      crashed: (error) => this.failures.internalError(error),
    });
    const owner = this.owner();
    this.resumables = owner.resumables;
    background(this, this.acceptConnections(owner));
  }

  /** @deprecated It throws UsageError: use {@link NnrpServer.listen}. Without it there would be the `bind` of functions, which listens nowhere. */
  static override readonly bind = refusedBind;

  /**
   * Listens on TCP.
   * @param address - HOST:PORT; port 0 takes a free port, see `localAddress`
   * @throws UsageError on a configuration that cannot work, TransportError when the address cannot be bound
   */
  static bindTcp(address: string | HostPort, config: NnrpServerOptions = {}): Promise<NnrpServer> {
    return NnrpServer.opened(() => openOne('tcp', config, (options) => TcpListener.open(address, options)));
  }

  /**
   * Listens on TCP with TLS, ALPN `nnrp/1-tcp`.
   *
   * @param address - HOST:PORT; port 0 takes a free port, see `localAddress`
   * @param tls - certificate chain and private key, client certificates if wanted
   * @throws UsageError on options that cannot work, as a key of another certificate; TransportError when it cannot be bound
   */
  static bindTls(
    address: string | HostPort,
    tls: TlsServerOptions,
    config: NnrpServerOptions = {},
  ): Promise<NnrpServer> {
    return NnrpServer.opened(() => openOne('tcp', config, (options) => TlsListener.open(address, tls, options)));
  }

  /**
   * Listens on a Unix domain socket: a path, or `@name` on Linux; or on a named pipe of Windows. By default for this user alone.
   * @throws UsageError on a configuration that cannot work, TransportError when another process listens there, or it cannot be bound
   */
  static bindIpc(address: string, ipc: IpcServerOptions = {}, config: NnrpServerOptions = {}): Promise<NnrpServer> {
    return NnrpServer.opened(() => openOne('ipc', config, (options) => IpcListener.open(address, ipc, options)));
  }

  /**
   * Serves the connections of any listener, which the server owns from now on.
   * @throws UsageError on what is no listener, and when the configuration names another transport than the listener's
   */
  static fromListener(listener: FramedListener, config: NnrpServerOptions = {}): NnrpServer {
    const { kind } = checkListener(listener, undefined);
    return new NnrpServer([listener], serverConfig(config, kind));
  }

  /**
   * Serves the connections of several listeners, which the server owns from now on: of TCP, TLS and QUIC for example. They
   * share sessions, limits and policy, so that a session may go on over another one of them.
   *
   * @param sources - listeners, promises of them, or functions that make one with the options of the server, such as
   * `(options) => TcpListener.bind(address, options)`
   * @throws UsageError on a configuration that cannot work, and UsageError or TransportError that names the listener that
   * has failed. The others are closed then
   */
  static listenOn(sources: readonly ListenerSource[], config: NnrpServerOptions = {}): Promise<NnrpServer> {
    return NnrpServer.opened(() => openAll(sources, config), config);
  }

  /**
   * Listens on addresses: `nnrp://HOST:PORT` or HOST:PORT (TCP), `nnrps://` (TLS), `unix:/path`, and those of transports that
   * have been imported, such as `nnrp+quic://`. One server has them all, as with `listenOn`. See also `routes`.
   * @throws UsageError on an address or option that cannot work; what `listenOn` rejects with
   */
  static listen(addresses: string | readonly string[], config: NnrpListenOptions = {}): Promise<NnrpServer> {
    return NnrpServer.opened(() => openAddresses(addresses, config), config);
  }

  private static opened(open: () => Promise<[Listeners, NnrpServerConfig]>, ...given: unknown[]): Promise<NnrpServer> {
    return answering(() => open().then((opened) => new NnrpServer(...opened)), ...given);
  }

  /** Where the server listens, such as 127.0.0.1:4433; of several listeners the first. */
  get localAddress(): string {
    return this.listening.address;
  }
  /** All that it listens on. */
  get endpoints(): readonly NnrpServerEndpoint[] {
    return this.listening.list;
  }

  /** Open sessions, those that wait for `accept` and those that wait to be resumed included. */
  get sessionCount(): number {
    return this.table.size;
  }
  /** Of them those that wait to be resumed. */
  get suspendedCount(): number {
    return this.resumables.suspendedCount;
  }
  /** Connections, those that are being closed included, until their sockets are gone. */
  get connectionCount(): number {
    return this.connections.size + this.closingConnections.size;
  }
  /** Handlers that run although their operation has been over for `stuckHandlerMs`, see {@link SchedulingOptions}. */
  get stuckHandlers(): number {
    return this.loop?.stuckHandlers ?? 0;
  }

  /** Every bounded thing of this server: how much there is, how much there may be, and how often that was reached. */
  stats(): ServerStats {
    return this.bounds.stats();
  }

  /** What has happened since it began: sessions, operations, results, drops by reason, bytes. */
  counters(): ServerCounters {
    return this.bounds.tally.snapshot([...this.connections, ...this.closingConnections]);
  }

  /** The open session with this id, however many there are; undefined when there is none. */
  session(sessionId: number): NnrpServerSession | undefined {
    return this.table.get(sessionId)?.handle;
  }

  /** The open sessions, those that wait included: to look at (`stats`), or to end, also one operation (`endWith`, `failFrame`). */
  sessions(): NnrpServerSession[] {
    return [...this.table.values()].map((session) => session.handle);
  }

  /**
   * The next open session. Refused and lost ones are events, never rejections.
   * @throws (as a rejection) ClosedError when the server is closed, TransportError when its listener has failed, UsageError
   * when serve() takes the sessions
   */
  accept(): Promise<NnrpServerSession> {
    return answering(() => {
      const refusal = this.acceptError();
      if (refusal !== undefined) throw refusal;
      return this.accepted.next().then((session) => session.handle);
    });
  }

  /** Sessions until the server is closed. Once the loop is left, the next session goes to the next `accept`. */
  [Symbol.asyncIterator](): AsyncItems<NnrpServerSession, void> {
    return new SessionIterator({
      accepted: this.accepted,
      acceptError: () => this.acceptError(),
      putBack: (sessions) => this.putBack(sessions.filter(({ isOver }) => !isOver)),
    });
  }

  /**
   * Runs handlers for every session, those that wait for `accept` included. A function alone is the handler of submits.
   *
   * @returns resolves when the server is closed
   * @throws (as a rejection) UsageError on a bad option or handler, or when it is called twice, TransportError when the listener fails
   */
  serve(handlers: ServeHandlers | ServeHandlers['submit'], options: ServeOptions = {}): Promise<void> {
    return answering(() => {
      const given = givenHandlers(handlers);
      if (this.loop !== undefined) throw new UsageError('serve: it has been called before');
      const loop = new HandlerService(given, serveOptions(options), {
        exposesErrors: this.config.exposeHandlerErrors,
        bounds: this.bounds,
        connections: this.connections,
        handlerFailed: (failure) => this.failures.handlerFailed(failure),
        handlerStuck: (stuck) => this.failures.tell('handlerStuck', stuck),
        crashed: (error) => this.failures.internalError(error),
      });
      this.loop = loop;
      for (const session of this.accepted.drain()) loop.attend(session);
      // A call of `accept` that waits already would wait for as long as the server lives.
      this.accepted.end(new UsageError('accept: serve() takes the sessions of this server'));
      return this.ended.promise;
    }, options);
  }

  /**
   * Uses another certificate from now on, without an end to anything: sessions, connections and handshakes that are there
   * go on by the old one. Of several listeners one must have a certificate; where more have, see `endpoints`.
   *
   * @param options - for bindTls TlsServerOptions, of which only certificate and key must be said; for QUIC a
   * QuicServerEndpointConfig; for another listener what its `renew` takes
   * @throws UsageError when the options cannot work, or the transport has no certificates; nothing has changed then
   */
  renew(options: object): void {
    this.listening.renew(options);
  }

  /**
   * Closes gracefully: accepts nothing new, tells clients (SESSION_CLOSE server_shutdown), gives operations in flight
   * `drainTimeoutMs` to be answered, then closes every session and connection. Calling it again returns the same promise;
   * a `drainTimeoutMs` of that call counts from then on where it leaves less time.
   *
   * @returns what was cut, over all sessions
   * @throws (as a rejection) UsageError on a bad option; everything stays open then, and nothing else rejects
   */
  close(options: ShutdownOptions = {}): Promise<CloseReport> {
    return answering(() => {
      const { drainTimeoutMs } = shutdownOptions(options);
      if (this.closing === undefined) this.closing = this.shutDown(drainTimeoutMs ?? this.config.drainTimeoutMs);
      else if (drainTimeoutMs !== undefined)
        for (const { closing } of this.table.values()) background(this, closing.shutDown(goodbye(drainTimeoutMs)));
      return this.closing;
    });
  }

  /** What leaving an `await using` block does: `close()`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return ignoreRejection(this.close().then(() => {}));
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { localAddress, sessionCount, connectionCount } = this;
    const state = this.draining ? 'closing' : this.loop === undefined ? 'accepting' : 'serving';
    const { kind: transport, list } = this.listening;
    const endpoints = list.length === 1 ? {} : { endpoints: list };
    return { localAddress, transport, ...endpoints, state, connectionCount, sessionCount };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpServer', this.toJSON(), depth, options, inspect);
  }

  /** @internal For timers and loops of the server: they have thrown, which costs nothing but what they were about. */
  crashed(error: unknown): void {
    this.failures.internalError(error);
  }

  private owner(): ServerConnectionOwner<ServerConnection> {
    const { config, table } = this;
    const shared = {
      config,
      bounds: this.bounds,
      admission: this.admission,
      memory: this.memory,
      terms: openTerms(config),
      table,
      deadlines: new DeadlineQueue(this),
      isDraining: () => this.draining,
      sessionOpened: (session) => {
        if (this.loop === undefined) this.accepted.push(session);
        else this.loop.attend(session);
      },
      handlerFailed: (failure) => this.failures.handlerFailed(failure),
      sessionEnded: (session) => this.accepted.remove(session),
      policyContext: this.policyContext,
      sessionRefused: (refusal) => this.failures.tell('sessionRefused', refusal),
      protocolViolation: (violation) => this.failures.tell('protocolViolation', violation),
      peerReported: (report) => this.failures.tell('peerError', report),
      internalError: (error, remoteAddress) => this.failures.internalError(error, remoteAddress),
      connectionClosing: (connection) => {
        if (this.connections.delete(connection)) this.closingConnections.add(connection);
      },
      connectionGone: (connection) => {
        this.closingConnections.delete(connection);
        this.bounds.tally.connectionGone(connection);
        this.admission.left(connection);
      },
      connectionEnded: (loss) => this.failures.connectionEnded(loss),
      sessionSuspended: (event) => this.failures.sessionSuspended(event),
      sessionResumed: (event) => this.failures.tell('sessionResumed', event),
      sessionExpired: (event) => this.failures.tell('sessionExpired', event),
      crashed: (error) => this.failures.internalError(error),
    } satisfies Omit<ServerConnectionOwner<ServerConnection>, 'resumables'> & ResumableOwner;
    return { ...shared, resumables: new ResumableSessions(shared) };
  }

  private acceptError(): UsageError | undefined {
    return this.loop && new UsageError('accept: serve() takes the sessions of this server');
  }

  private putBack(sessions: readonly ServerSession[]): void {
    if (this.loop === undefined) this.accepted.putBack(sessions);
    else for (const session of sessions) this.loop.attend(session);
  }

  private async acceptConnections(owner: ServerConnectionOwner<ServerConnection>): Promise<void> {
    const incoming = new IncomingConnections(this.admission, this.connections, owner, {
      isDraining: () => this.draining,
      acceptFailed: (failure) => this.failures.tell('acceptFailed', failure),
      crashed: (error) => this.failures.internalError(error),
    });
    const reason = await this.listening.acceptAll(incoming);
    if (this.draining) return;
    this.accepted.end(reason);
    if (isNnrpError(reason, 'NNRP_ERR_CLOSED')) this.ended.resolve();
    else {
      this.ended.reject(forCaller(reason));
      this.failures.tell('listenerFailed', reason);
    }
  }

  /** Each step by itself: what one of them fails with is an internal error, and the end is told all the same. */
  private async shutDown(drainTimeoutMs: number): Promise<CloseReport> {
    this.draining = true;
    await this.listening.close();
    const sessions = [...this.table.values()];
    await Promise.allSettled(sessions.map(async (session) => session.closing.shutDown(goodbye(drainTimeoutMs))));
    const closed = new ClosedError('the server was closed');
    this.admission.end();
    const connections = [...this.connections, ...this.closingConnections];
    await Promise.allSettled(connections.map((one) => one.closeGracefully(closed)));
    clearInterval(this.watchTimer);
    this.failures.end();
    this.accepted.drain();
    this.accepted.end(closed);
    this.ended.resolve();
    return joinedReport(sessions.map((session) => session.closing.report));
  }
}
