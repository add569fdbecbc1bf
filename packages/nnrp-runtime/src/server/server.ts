import {
  ClosedError,
  forCaller,
  INSPECT,
  type Inspect,
  inspected,
  isNnrpError,
  shownValue,
  TimeoutError,
  UsageError,
} from 'nnrp-core';
import { CloseReason, InFlightPolicy } from 'nnrp-core/preview3';
import { AsyncQueue } from '../async-queue.js';
import { ApplicationContext } from '../base/application-context.js';
import { ApplicationEvents, tell } from '../base/application-events.js';
import { ASYNC_DISPOSE } from '../base/async-dispose.js';
import { awaited, STEP_MS } from '../base/awaited.js';
import { DeadlineQueue } from '../base/deadline-queue.js';
import { background, guard, repeatedly } from '../base/guard.js';
import type { InternalError } from '../base/internal-error.js';
import { AttendedTime, afterReading } from '../base/patience.js';
import { type CloseReport, joinedReport } from '../close-report.js';
import { remoteAddressOf } from '../connection/transport-end.js';
import { answering, unheard } from '../settled.js';
import type { HostPort } from '../transport/address.js';
import { addressGroup } from '../transport/address-group.js';
import type { AcceptFailure, FramedListener, FramedTransport, ListenerBoundName } from '../transport/contract.js';
import { ofTransport, TcpListener } from '../transport/tcp.js';
import { TlsListener } from '../transport/tls.js';
import type { TlsServerOptions } from '../transport/tls-options.js';
import { type Acceptor, acceptAll } from './accepting.js';
import { Admission } from './admission.js';
import { checkHandlers } from './check-handlers.js';
import { ClosingConnections } from './closing-connections.js';
import type { NnrpServerSession } from './contract.js';
import { declareMemory } from './memory-bounds.js';
import { resultRoom } from './outbox-shares.js';
import { MAX_HELD } from './result-gate.js';
import { RoomLine } from './room-line.js';
import { type ServeHandlers, type ServeOptions, serveOptions } from './serve-handlers.js';
import { ServeLoop } from './serve-loop.js';
import { ServerBounds, type ServerStats } from './server-bounds.js';
import { type NnrpServerConfig, type NnrpServerOptions, serverConfig } from './server-config.js';
import { ServerConnection, type ServerConnectionOwner } from './server-connection.js';
import type { HandlerFailure, NnrpServerEvents } from './server-events.js';
import { ServerMemory } from './server-memory.js';
import type { SessionCore } from './session-core.js';
import { SessionIterator } from './session-iterator.js';
import { openTerms } from './session-opening.js';
import { SessionTable } from './session-table.js';
import { Silence } from './silence.js';
import { MAX_TOLD } from './told-faults.js';
import { MAX_UNANSWERED } from './unanswered-requests.js';
import { HANDLER_WORDS, INTERNAL_WORDS, UnheardFailures } from './unheard-failures.js';

/** A listener of one's own may come with another copy of nnrp-core. */
const CLOSED = 'NNRP_ERR_CLOSED';

/**
 * Serves sessions. Connections are accepted and their sessions opened in the background, each connection on its own;
 * `accept` hands out sessions that are open, `serve` runs handlers for them. A peer that is silent, refused or hostile
 * never holds up either.
 */
export class NnrpServer extends ApplicationEvents<NnrpServerEvents> {
  private readonly table = new SessionTable<SessionCore>();
  private readonly connections = new Set<ServerConnection>();
  private readonly closingConnections = new ClosingConnections<ServerConnection>();
  private readonly accepted = new AsyncQueue<SessionCore>();
  private readonly bounds = new ServerBounds((event) => this.tell('boundReached', event));
  private readonly admission: Admission;
  private readonly memory: ServerMemory;
  private readonly watchTimer: NodeJS.Timeout | undefined;
  /** Where the policy was handed over. */
  private readonly policyContext = new ApplicationContext();
  private readonly unheardFailures = new UnheardFailures<HandlerFailure>(this, HANDLER_WORDS);
  private readonly unheardErrors = new UnheardFailures<InternalError>(this, INTERNAL_WORDS);
  private loop: ServeLoop | undefined;
  private draining = false;
  private closing: Promise<CloseReport> | undefined;
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
    this.memory = new ServerMemory(config, this.bounds);
    this.declareBounds();
    this.admission = new Admission(
      config,
      this.bounds,
      () => this.connectionCount,
      () => this.closingConnections.cutOldest(),
    );
    const intervalMs = Silence.intervalMs(config);
    if (intervalMs > 0) {
      const attended = new AttendedTime(intervalMs);
      this.watchTimer = repeatedly(this, intervalMs, () => {
        const nowMs = attended.look();
        afterReading(this, () => this.watch(nowMs));
      });
      this.watchTimer.unref();
    }
    // A listener of the application's own may not take it, and then has nothing to tell.
    const onAcceptFailed = (failure: AcceptFailure) => this.tell('acceptFailed', failure);
    guard(this, () => Reflect.set(listener, 'onAcceptFailed', onAcceptFailed));
    const onBoundHit = (name: ListenerBoundName) => this.bounds.hit(name);
    guard(this, () => {
      this.bounds.addAll(listener.bounds ?? []);
      Reflect.set(listener, 'onBoundHit', onBoundHit);
    });
    background(this, this.acceptConnections(this.owner()));
  }

  /**
   * Listens on TCP.
   *
   * @param address - HOST:PORT; port 0 takes a free port, see `localAddress`
   * @throws UsageError on a configuration that cannot work, TransportError when the address cannot be bound
   */
  static bindTcp(address: string | HostPort, config: NnrpServerOptions = {}): Promise<NnrpServer> {
    return answering(() => {
      const complete = serverConfig(config, 'tcp');
      return TcpListener.open(address, ofTransport(complete)).then((listener) => new NnrpServer(listener, complete));
    });
  }

  /**
   * Listens on TCP with TLS, ALPN `nnrp/1-tcp`.
   *
   * @param address - HOST:PORT; port 0 takes a free port, see `localAddress`
   * @param tls - certificate chain and private key, client certificates if wanted
   * @throws UsageError on options that cannot work, a key that does not belong to the certificate included;
   * TransportError when the address cannot be bound
   */
  static bindTls(
    address: string | HostPort,
    tls: TlsServerOptions,
    config: NnrpServerOptions = {},
  ): Promise<NnrpServer> {
    return answering(() => {
      const complete = serverConfig(config, 'tcp');
      return TlsListener.open(address, tls, ofTransport(complete)).then(
        (listener) => new NnrpServer(listener, complete),
      );
    });
  }

  /**
   * Serves the connections of any listener, which the server owns from now on.
   *
   * @throws UsageError when the configuration names another transport than the listener's
   */
  static fromListener(listener: FramedListener, config: NnrpServerOptions = {}): NnrpServer {
    return new NnrpServer(listener, serverConfig(config, listener.kind));
  }

  /** Where the server listens, such as 127.0.0.1:4433. */
  get localAddress(): string {
    return this.listener.address;
  }

  /** Open sessions, those that wait for `accept` included. */
  get sessionCount(): number {
    return this.table.size;
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

  /** The open sessions, those that wait for `accept` included: to look at them, or to close one. */
  sessions(): NnrpServerSession[] {
    return [...this.table.values()].map((core) => core.session);
  }

  /**
   * The next open session. Refused and lost ones are events, never rejections.
   * @throws (as a rejection) ClosedError when the server is closed, TransportError when its listener has failed, UsageError
   * when serve() takes the sessions
   */
  accept(): Promise<NnrpServerSession> {
    return answering(() => {
      const refusal = this.acceptRefusal();
      if (refusal !== undefined) throw refusal;
      return this.accepted.next().then((core) => core.session);
    });
  }

  /** Sessions until the server is closed. Once the loop is left, the next session goes to whoever accepts then. */
  [Symbol.asyncIterator](): AsyncIterableIterator<NnrpServerSession, void, void> {
    const { accepted } = this;
    return new SessionIterator({
      accepted,
      refusal: () => this.acceptRefusal(),
      putBack: (cores) => this.putBack(cores.filter(({ isOver }) => !isOver)),
    });
  }

  /**
   * Runs handlers for every session, those that wait for `accept` included.
   *
   * @returns resolves when the server is closed
   * @throws (as a rejection) UsageError on a bad option or handler, or when it is called twice, TransportError when the listener fails
   */
  serve(handlers: ServeHandlers, options: ServeOptions = {}): Promise<void> {
    return answering(() => {
      checkHandlers(handlers);
      if (this.loop !== undefined) throw new UsageError('serve: it has been called before');
      const loop = new ServeLoop(handlers, serveOptions(options), {
        exposesErrors: this.config.exposeHandlerErrors,
        bounds: this.bounds,
        connections: this.connections,
        handlerFailed: (failure) => this.handlerFailed(failure),
        handlerStuck: (stuck) => this.tell('handlerStuck', stuck),
        crashed: (error) => this.internalError(error),
      });
      this.loop = loop;
      for (const core of this.accepted.drain()) loop.attend(core);
      // Who has asked before, and waits, would wait for as long as the server lives.
      this.accepted.end(new UsageError('accept: serve() takes the sessions of this server'));
      return this.whenOver;
    });
  }

  /**
   * Uses another certificate from now on, without an end to anything: sessions, connections and handshakes that are there
   * go on by the old one.
   *
   * @param options - for bindTls TlsServerOptions, of which only certificate and key must be said; for QUIC a
   * QuicServerEndpointConfig; for another listener what its `renew` takes
   * @throws UsageError when the options cannot work, or the transport has no certificates; nothing has changed then
   */
  renew(options: object): void {
    const { listener } = this;
    if (typeof options !== 'object' || options === null) {
      throw new UsageError(`renew: expected an object with certificate and key, got ${shownValue(options)}`);
    }
    if (listener.renew !== undefined) listener.renew(options as never);
    else throw new UsageError(`renew: this server listens on ${listener.kind} without TLS, so it has no certificate`);
  }

  /**
   * Closes gracefully: accepts nothing new, tells clients (SESSION_CLOSE server_shutdown), gives operations in flight
   * `drainTimeoutMs` to be answered, then closes every session and connection.
   *
   * @returns what was cut, over all sessions
   */
  close(): Promise<CloseReport> {
    this.closing ??= answering(() => this.shutDown());
    return this.closing;
  }

  /** What leaving an `await using` block does: `close()`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return unheard(this.close().then(() => {}));
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { localAddress, sessionCount, connectionCount } = this;
    const state = this.draining ? 'closing' : this.loop === undefined ? 'accepting' : 'serving';
    return { localAddress, transport: this.listener.kind, state, connectionCount, sessionCount };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpServer', this.toJSON(), depth, options, inspect);
  }

  /** @internal For timers and loops of the server: they have thrown, which costs nothing but what they were about. */
  crashed(error: unknown): void {
    this.internalError(error);
  }

  /** This server as its connections see it. */
  private owner(): ServerConnectionOwner {
    const { config, table } = this;
    return {
      config,
      bounds: this.bounds,
      admission: this.admission,
      memory: this.memory,
      terms: openTerms(config),
      table,
      deadlines: new DeadlineQueue(this),
      isDraining: () => this.draining,
      sessionOpened: (core) => {
        if (this.loop === undefined) this.accepted.push(core);
        else this.loop.attend(core);
      },
      handlerFailed: (failure) => this.handlerFailed(failure),
      sessionEnded: (core) => this.accepted.remove(core),
      policyContext: this.policyContext,
      sessionRefused: (refusal) => this.tell('sessionRefused', refusal),
      protocolViolation: (violation) => this.tell('protocolViolation', violation),
      peerReported: (report) => this.tell('peerError', report),
      internalError: (error, remoteAddress) => this.internalError(error, remoteAddress),
      connectionClosing: (connection) => {
        if (this.connections.delete(connection)) this.closingConnections.add(connection);
      },
      connectionGone: (connection) => {
        this.closingConnections.delete(connection);
        this.admission.left(connection);
      },
      connectionEnded: (loss) => {
        if (!isNnrpError(loss.error, CLOSED)) this.tell('connectionLost', loss);
      },
    };
  }

  private declareBounds(): void {
    const { bounds, config, connections, closingConnections, table } = this;
    bounds.add('connections', 'server', config.maxConnections, () => this.connectionCount);
    bounds.add('closingConnections', 'server', config.maxConnections, () => closingConnections.size);
    bounds.add('slowConnections', 'server', Number.POSITIVE_INFINITY, () => slow(connections));
    bounds.add('sessions', 'server', config.maxSessions, () => table.size);
    bounds.add('connectionSessions', 'connection', config.maxSessionsPerConnection, () =>
      highest(connections, ({ sessionCount }) => sessionCount),
    );
    bounds.add('outboxBytes', 'connection', config.maxOutboxBytes, () =>
      highest(connections, ({ outboxBytes }) => outboxBytes),
    );
    bounds.add('waitingResultBytes', 'connection', RoomLine.maxBytes(resultRoom(config)), () =>
      highest(connections, ({ room }) => room.byteLength),
    );
    bounds.add('toldFaults', 'connection', MAX_TOLD, () => highest(connections, ({ faults }) => faults.count));
    bounds.add('packetBytes', 'connection', config.maxPacketBytes, () =>
      highest(connections, ({ unfinishedBytes }) => unfinishedBytes),
    );
    bounds.add('unansweredRequests', 'session', MAX_UNANSWERED, () =>
      highest(table.values(), ({ patches, migrations }) => Math.max(patches.size, migrations.size)),
    );
    declareMemory(bounds, config, this.memory, connections, () => table.values());
    bounds.add('heldResults', 'session', MAX_HELD, () => highest(table.values(), ({ gate }) => gate.heldCount));
    bounds.add('heldResultBytes', 'connection', config.maxOutboxBytes, () =>
      highest(connections, ({ gate }) => gate.heldByteLength),
    );
  }

  private acceptRefusal(): UsageError | undefined {
    return this.loop && new UsageError('accept: serve() takes the sessions of this server');
  }

  /** Sessions that were handed out, and nobody has looked at. */
  private putBack(cores: readonly SessionCore[]): void {
    if (this.loop === undefined) this.accepted.putBack(cores);
    else for (const core of cores) this.loop.attend(core);
  }

  private async acceptConnections(owner: ServerConnectionOwner): Promise<void> {
    const reason = await acceptAll(this.listener, this.acceptor(owner));
    if (this.draining) return;
    this.accepted.end(reason);
    if (isNnrpError(reason, CLOSED)) this.over.resolve();
    else {
      this.over.reject(forCaller(reason));
      this.tell('listenerFailed', reason);
    }
  }

  private acceptor(owner: ServerConnectionOwner): Acceptor {
    const server = this;
    return {
      get isClosing() {
        return server.draining;
      },
      connected: (transport) => this.connected(transport, owner),
      acceptFailed: (failure) => this.tell('acceptFailed', failure),
      crashed: (error) => this.internalError(error),
    };
  }

  /** What fails here costs this connection; the next one is accepted all the same. */
  private connected(transport: FramedTransport, owner: ServerConnectionOwner): boolean {
    const group = addressGroup(remoteAddressOf(transport));
    const reception = this.admission.receive(group);
    if (reception === 'shut out') {
      transport.abort();
      return false;
    }
    let connection: ServerConnection;
    try {
      connection = new ServerConnection(transport, owner, group, reception === 'turned away');
    } catch (error) {
      guard(this, () => transport.abort());
      throw error;
    }
    // Known before it starts: it may end at once.
    if (reception === 'taken') this.connections.add(connection);
    guard(connection, () => connection.start());
    return reception === 'taken';
  }

  private watch(nowMs: number): void {
    for (const connection of [...this.connections]) guard(connection, () => connection.watch(nowMs));
  }

  private tell<Name extends keyof NnrpServerEvents>(name: Name, event: NnrpServerEvents[Name][0]): void {
    tell<NnrpServerEvents, Name>(this, name, event, (error) => this.internalError(error));
  }

  private handlerFailed(failure: HandlerFailure): void {
    if (this.listenerCount('handlerFailure') > 0) this.tell('handlerFailure', failure);
    else this.unheardFailures.add(failure);
  }

  private internalError(error: unknown, remoteAddress?: string): void {
    const event = { error, ...(remoteAddress !== undefined && { remoteAddress }) };
    if (this.listenerCount('internalError') === 0) this.unheardErrors.add(event);
    else tell<NnrpServerEvents, 'internalError'>(this, 'internalError', event);
  }

  /** Each step by itself: what one of them fails with is an internal error, and keeps nobody from being told of the end. */
  private async shutDown(): Promise<CloseReport> {
    this.draining = true;
    await this.closeListener();
    const { drainTimeoutMs } = this.config;
    const goodbye = {
      reason: CloseReason.ServerShutdown,
      inFlightPolicy: drainTimeoutMs > 0 ? InFlightPolicy.Drain : InFlightPolicy.Abort,
      drainTimeoutMs,
    };
    const cores = [...this.table.values()];
    await Promise.allSettled(cores.map(async (core) => core.closing.shutDown(goodbye)));
    const closed = new ClosedError('the server was closed');
    this.admission.end();
    const connections = [...this.connections, ...this.closingConnections];
    await Promise.allSettled(connections.map((connection) => connection.closeGracefully(closed)));
    clearInterval(this.watchTimer);
    this.unheardFailures.end();
    this.unheardErrors.end();
    this.accepted.drain();
    this.accepted.end(closed);
    this.over.resolve();
    return joinedReport(cores.map((core) => core.closing.report));
  }

  private closeListener(): Promise<void> {
    const { listener } = this;
    const late = () => new TimeoutError(`the listener has not closed within ${STEP_MS} ms`, STEP_MS);
    return awaited(this, () => listener.close(), STEP_MS, late);
  }
}

/** Of the one that has most. */
function highest<Owner>(owners: Iterable<Owner>, count: (owner: Owner) => number): number {
  let most = 0;
  for (const owner of owners) most = Math.max(most, count(owner));
  return most;
}

function slow(connections: Iterable<ServerConnection>): number {
  let count = 0;
  for (const connection of connections) if (connection.isSlow) count++;
  return count;
}
