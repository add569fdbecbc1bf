import {
  ClosedError,
  type FlowFields,
  forCaller,
  INSPECT,
  type Inspect,
  inspected,
  isNnrpError,
  type NnrpError,
  UsageError,
} from 'nnrp-core';
import { ApplicationEvents, tell } from '../base/application/application-events.js';
import { ASYNC_DISPOSE } from '../base/application/async-dispose.js';
import { observer } from '../base/diagnostics/observer.js';
import { guard, NO_OWNER } from '../base/guard.js';
import { deferred } from '../base/promises/deferred.js';
import { answering, ignoreRejection } from '../base/promises/settled.js';
import { SeldomWarning } from '../base/warn.js';
import type { CloseReport } from '../connection/close-report.js';
import { hasPreview4 } from '../connection/controls/loaded-preview4.js';
import type { RevisionName } from '../connection/revision/revision-name.js';
import { connectWithin } from '../transport/connecting/connect-attempt.js';
import type { FramedConnector, FramedTransport } from '../transport/contract/contract.js';
import { checkTransport } from '../transport/contract/is-transport.js';
import { type AddressSpace, shownNoAddress } from '../transport/url/addresses.js';
import {
  parseRegisteredUrl,
  type RegisteredUrl,
  registeredConnector,
  type SchemedAddress,
} from '../transport/url/registered-url.js';
import { ClientConnection } from './connection/client-connection.js';
import type { ProbeResult } from './connection/client-probes.js';
import type { ProbeOptions } from './connection/probe-options.js';
import { type ResumedSession, resumeByTicket } from './connection/resume-by-ticket.js';
import { connectorToAddresses } from './connector-to-addresses.js';
import {
  clientConfig,
  connectSignal,
  type NnrpClientConfig,
  type NnrpClientOptions,
  type SessionOptions,
} from './contract/client-config.js';
import {
  CLIENT_EVENTS,
  type ClientConnectionEvents,
  clientEventBytes,
  keptClientEvent,
  type NnrpClientEvent,
  type NnrpClientEvents,
} from './contract/client-events.js';
import type { PortableConnectOptions } from './contract/connect-options.js';
import type { MigrateOptions } from './contract/migrate-options.js';
import type { MigrationReport } from './contract/migration.js';
import type { ResumeSessionOptions } from './contract/resume-session-options.js';
import type { ServerHello } from './hello/hello-exchange.js';
import type { ClientHelloOptions } from './hello/hello-options.js';
import type { Measuring } from './measuring/measuring.js';
import { MovableTransport } from './moving/movable-transport.js';
import { moveSessions } from './moving/move-sessions.js';
import { preview4Within } from './preview4-within.js';
import type { NnrpClientSession } from './session/client-session.js';
import type { CloseOptions } from './session/close-options.js';
import { isOld, observed, settled } from './settled-revision.js';
import { type EventStream, EventStreams } from './streams/event-stream.js';

/** What a client is made of: the last is what connects it again. */
export type ClientParts = [FramedTransport, NnrpClientConfig, asksAnyServer: boolean, FramedConnector?];
type MakeClient<Client> = (...parts: ClientParts) => Client;

/** Addresses of a process that may have no sockets. */
const REGISTERED_ADDRESSES: AddressSpace<RegisteredUrl> = { read: parseRegisteredUrl, connector: registeredConnector };

/** One connection to a server, for any number of sessions. It needs nothing of Node.js. */
export class NnrpClient extends ApplicationEvents<NnrpClientEvents> {
  private readonly ended = deferred<NnrpError>();
  /** Resolves with the reason when the connection is over; never rejects. */
  readonly closed: Promise<NnrpError> = this.ended.promise;
  private readonly connection: ClientConnection;
  /** What lets sessions outlive a connection. */
  private readonly recovery: MovableTransport | undefined;
  private readonly reported = new EventStreams<NnrpClientEvent>(clientEventBytes, keptClientEvent);
  private readonly warning = new SeldomWarning();

  protected constructor(...[transport, config, asksAnyServer, connector]: ClientParts) {
    super(CLIENT_EVENTS);
    if (config === undefined) throw new UsageError('a client is made by NnrpClient.connect(address), not by new');
    const { hello, reconnect, announce } = config;
    const kept = { ...config, hello: hello !== false };
    const recovers = reconnect === 'reopen' || (reconnect === 'resume' && announce);
    const recovery = recovers && connector !== undefined ? new MovableTransport(transport, connector, kept) : undefined;
    this.recovery = recovery;
    this.connection = new ClientConnection(recovery ?? transport, kept, this.reporter(), asksAnyServer, recovery);
    this.connection.start(hello);
  }

  /**
   * Connects to an address of a transport that has been imported, such as `wss://HOST/PATH`. Several addresses race: each
   * begins 250 ms after the one before, or at once when one has failed, and the first that is connected to is taken. See
   * `transportPolicy` and `measureTransports`.
   *
   * @throws (as a rejection) TransportError or TimeoutError when no connection comes about; of several addresses it names each
   * with its reason; UsageError on a bad option, or an address that is none; the reason of `signal` when that aborts first
   */
  static connect(addresses: string | readonly string[], config?: PortableConnectOptions): Promise<NnrpClient>;
  /**
   * Connects by a connector, of the application's own for example. The client keeps it, to connect again.
   *
   * @throws what the connector rejects with; UsageError on a bad option, and on what is no connector or no transport; the
   * reason of `signal`
   */
  static connect(connector: FramedConnector, config?: NnrpClientOptions): Promise<NnrpClient>;
  static connect(
    where: string | readonly string[] | FramedConnector,
    config: PortableConnectOptions = {},
  ): Promise<NnrpClient> {
    return NnrpClient.reach((...parts) => new NnrpClient(...parts), REGISTERED_ADDRESSES, where, config);
  }

  /** Uses any transport, which the client owns from now on; it cannot connect again. @throws UsageError on a bad option, or what is no transport; a transport is aborted */
  static fromTransport(transport: FramedTransport, config: NnrpClientOptions = {}): NnrpClient {
    return NnrpClient.wrap((...parts) => new NnrpClient(...parts), transport, config);
  }

  /** What `connect` does, for a class of clients and the addresses that it knows. */
  protected static reach<Client extends NnrpClient, Address extends SchemedAddress>(
    make: MakeClient<Client>,
    space: AddressSpace<Address>,
    where: string | readonly string[] | FramedConnector,
    config: PortableConnectOptions,
  ): Promise<Client> {
    return answering(() => {
      if (typeof where === 'string' || isList(where)) {
        const [connector, complete, rest, measuring] = connectorToAddresses(space, where, config);
        return NnrpClient.by(make, connector, complete, rest, measuring);
      }
      const complete = clientConfig(config);
      if (typeof where?.connect !== 'function')
        throw new UsageError(`connect: expected an address or a FramedConnector, got ${shownNoAddress(where)}`);
      return NnrpClient.by(make, where, complete, config);
    }, config);
  }

  protected static by<Client extends NnrpClient>(
    make: MakeClient<Client>,
    connector: FramedConnector,
    complete: NnrpClientConfig,
    config: NnrpClientOptions,
    measuring?: Measuring,
  ): Promise<Client> {
    const asks = asksAnyServer(config);
    const signal = connectSignal(config);
    const over = (transport: FramedTransport, again = connector) => {
      transport.limitPackets?.(complete.maxPacketBytes);
      if (!isAuto) return make(transport, complete, asks, again);
      const revision = isOld(transport.remoteAddress) ? 'preview3' : 'auto';
      return observed(make(transport, { ...complete, revision }, asks, again));
    };
    const isAuto = complete.revision === 'auto';
    const connect = () =>
      measuring !== undefined
        ? measuring.connect(over, signal)
        : connectWithin(NO_OWNER, connector, complete.connectTimeoutMs, signal).then((transport) => over(transport));
    const begin = () => (isAuto ? settled(connect, signal) : connect());
    return complete.revision === 'preview3' || hasPreview4()
      ? begin()
      : preview4Within(complete.connectTimeoutMs, signal).then(begin);
  }

  protected static wrap<Client extends NnrpClient>(
    make: MakeClient<Client>,
    transport: FramedTransport,
    config: NnrpClientOptions,
  ): Client {
    checkTransport('fromTransport', transport);
    try {
      const complete = clientConfig(config);
      if (complete.revision === 'auto')
        throw new UsageError(
          "fromTransport: revision 'auto' may have to connect once more; say 'preview3' or 'preview4'",
        );
      if (complete.revision === 'preview4' && !hasPreview4())
        throw new UsageError('fromTransport: preview4 is not loaded; await loadPreview4() before it');
      transport.limitPackets?.(complete.maxPacketBytes);
      return make(transport, complete, asksAnyServer(config));
    } catch (error) {
      // The transport belongs to no other client, and its abort may throw as well.
      guard(NO_OWNER, () => transport.abort(isNnrpError(error) ? error : undefined));
      throw error;
    }
  }

  /** The server, such as 127.0.0.1:4433. */
  get remoteAddress(): string {
    return this.connection.remoteAddress;
  }

  /** The revision of the wire that the server speaks. */
  get revision(): RevisionName {
    return this.connection.revision;
  }

  /** @internal For connecting: settles with the answer to the hello that it has begun with. */
  get greeted(): Promise<unknown> {
    return this.connection.greeted;
  }

  /** @internal For connecting: whether not one byte has come. */
  get isUnheard(): boolean {
    return this.connection.isUnheard;
  }

  /** The last round trip of a PING in milliseconds; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.connection.roundTripMs;
  }

  /** The server's answer to the hello; undefined before it, or without one. */
  get serverHello(): ServerHello | undefined {
    return this.connection.serverHello;
  }

  /**
   * Opens a session; several may live on one connection.
   *
   * @throws (as a rejection) PeerError with the server's session_error_code when it refuses, TimeoutError when it does
   * not answer, TransportError or ClosedError when the connection is over, WireError when options contradict each other; the
   * reason of `signal` when that aborts first
   */
  openSession(options: SessionOptions = {}): Promise<NnrpClientSession> {
    return this.connection.openSession(options);
  }

  /**
   * Goes on with a session that another client has had, of another process for example, by a ticket that it has made
   * (`NnrpClientSession.ticket`, or `recoveryTicket` where the server is none of this library). This client is connected to the same server, by any transport. When the other one is still
   * there, its session ends with PeerError. A ticket is good once, see docs/recovery.md.
   *
   * @returns the session and its operations, when the server has resumed it
   * @throws (as a rejection) UsageError when it is no ticket, or this client cannot resume sessions, or has the session itself;
   * PeerError when the server refuses: the ticket is good no longer, the session is over, or not all of it was kept; the rest as
   * `openSession`
   */
  resumeSession(ticket: string | Uint8Array, options: ResumeSessionOptions = {}): Promise<ResumedSession> {
    return answering(() => resumeByTicket(this.connection, ticket, options), options);
  }

  /**
   * Greets the server by CLIENT_HELLO, once and before the first session; sessions wait for the answer. Preview3
   * servers without it end the connection.
   *
   * @throws (as a rejection) PeerError when the server refuses, ProtocolError when its choice exceeds the offer,
   * TimeoutError when it does not answer, TransportError or ClosedError when the connection ends,
   * UsageError when it comes too late
   */
  hello(options: ClientHelloOptions = {}): Promise<ServerHello> {
    return this.connection.hello(options);
  }

  /**
   * Measures the round trip with PING.
   *
   * @param timeoutMs - an integer of 1 to 2147483647; default `pingTimeoutMs`
   * @returns milliseconds; rejects with TimeoutError, and the connection is lost, when no PONG comes, and with
   * UsageError on a bad timeout. Where sessions are resumed on another connection, it is sent again there, once
   */
  ping(timeoutMs?: number): Promise<number> {
    return this.connection.ping(timeoutMs);
  }

  /**
   * Measures the transport with a packet of some size; at any time, and several at once.
   * @throws (as a rejection) TimeoutError when no answer comes, PeerError when the server does not serve probes,
   * TransportError or ClosedError when the connection ends, is lost, or is not there
   */
  probe(options: ProbeOptions = {}): Promise<ProbeResult> {
    return this.connection.probe(options);
  }

  /**
   * Tells the server how much the whole connection wants; see NnrpClientSession.sendFlowUpdate for a session.
   * @throws UsageError on a wrong field; TransportError or ClosedError when the connection is over
   */
  sendFlowUpdate(fields: FlowFields): void {
    this.connection.sendFlowUpdate(fields);
  }

  /**
   * Moves all sessions to another transport, of TCP, TLS or QUIC for example: they go on there with all that is in progress,
   * nothing is lost and nothing comes twice. From then on the client connects again by this connector. When anything fails
   * before that, everything stays where it was.
   *
   * @returns what was moved, when the sessions go on there
   * @throws (as a rejection) PeerError when the server refuses, TransportError when no connection comes about or the one
   * there is gets lost, TimeoutError when the server does not answer, ClosedError when the client is closed; UsageError when
   * a session cannot be resumed, or another move is under way; the reason of `signal`
   */
  migrate(connector: FramedConnector, options: MigrateOptions = {}): Promise<MigrationReport> {
    return answering(() => moveSessions(this.recovery, connector, options), options);
  }

  /**
   * Everything that the listeners are told, from now on. At most 1024 events, and 4 MiB of what they hold or the newest
   * one alone, wait unread: the oldest go first.
   */
  events(): EventStream<NnrpClientEvent> {
    return this.reported.open();
  }

  /**
   * Closes every session, with these options, then the connection. Work in progress gets 5 seconds, unless the options say
   * otherwise. A server that does not answer is left behind.
   *
   * @returns what was cut, over all sessions, also when the connection had ended before
   * @throws (as a rejection) UsageError on a bad option; everything stays open then, and nothing else rejects
   */
  close(options: CloseOptions = {}): Promise<CloseReport> {
    return answering(() => {
      const closing = this.connection.shutDown(options);
      // The old connection is read again: the server's answers come over it.
      this.recovery?.giveUpMove(new ClosedError('the client was closed'));
      return closing;
    });
  }

  /** What leaving an `await using` block does: `close()`, with the defaults. */
  [ASYNC_DISPOSE](): Promise<void> {
    return ignoreRejection(this.close().then(() => {}));
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { remoteAddress, roundTripMs } = this;
    const { sessionCount, isClosed, transportKind: transport } = this.connection;
    return { remoteAddress, transport, state: isClosed ? 'closed' : 'open', sessionCount, roundTripMs };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpClient', this.toJSON(), depth, options, inspect);
  }

  private reporter(): ClientConnectionEvents {
    return {
      stray: (packet, message) => this.report('stray', { packet, message }),
      peerError: (error, sessionId) => this.report('peerError', { error, sessionId }),
      protocolViolation: (error, sessionId) => this.report('protocolViolation', { error, sessionId }),
      flowUpdate: (update, outcome) => this.report('flowUpdate', { update, outcome }),
      readingPaused: (unreadBytes, most) => this.report('readingPaused', { unreadBytes, most }),
      internalError: this.internalError,
      suspended: (error) => this.report('suspended', { error }),
      resumed: (report) => this.report('resumed', report),
      migrated: (report) => this.report('migrated', report),
      lost: (sessionId, error) => this.report('lost', { sessionId, error }),
      reopened: (report) => this.report('reopened', report),
      closed: (error) => {
        tell<NnrpClientEvents, 'closed'>(this, 'closed', error, this.internalError);
        this.reported.push({ type: 'closed', error });
        this.reported.end();
        this.ended.resolve(forCaller(error));
      },
    };
  }

  private readonly internalError = (error: unknown, listener?: string): void => {
    const { remoteAddress } = this;
    const event = { remoteAddress, error, ...(listener && { listener }) };
    const what = listener ? `a listener of the event '${listener}' has failed` : 'an internal error';
    if (this.listenerCount('internalError') === 0) this.warning.say(`${what}: client of ${remoteAddress}`, error);
    else tell<NnrpClientEvents, 'internalError'>(this, 'internalError', event);
    if (this.reported.wanted) this.reported.push({ type: 'internalError', ...event });
  };

  private report<Name extends Exclude<keyof NnrpClientEvents, 'closed' | 'internalError'>>(
    name: Name,
    event: NnrpClientEvents[Name][0],
  ): void {
    observer?.clientEvent(name, this.remoteAddress, event);
    tell<NnrpClientEvents, Name>(this, name, event, this.internalError);
    if (this.reported.wanted) this.reported.push({ type: name, ...event } as NnrpClientEvent);
  }
}

/** Whether the keep-alive was asked for, so that also servers get a PING that have not said that they understand it. */
function asksAnyServer({ keepAliveMs }: NnrpClientOptions): boolean {
  return keepAliveMs !== undefined;
}

/** Unlike `Array.isArray`, it knows lists that are read-only. */
const isList: (value: unknown) => value is readonly string[] = Array.isArray;
