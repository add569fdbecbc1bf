import {
  ClosedError,
  describeFault,
  type FlowFields,
  FlowSender,
  forCaller,
  type MessageInfo,
  type NnrpError,
  type Packet,
  type PeerError,
  ProtocolError,
  type TimeoutError,
  TransportError,
  UsageError,
  type WireFault,
} from 'nnrp-core';
import { ErrorCode, MessageType, PeerMessages, ScopeKind } from 'nnrp-core/preview3';
import { observer } from '../../base/diagnostics/observer.js';
import { checkFlow } from '../../base/flow-fields.js';
import { guard } from '../../base/guard.js';
import { ignoreRejection, rejection, SETTLED } from '../../base/promises/settled.js';
import { DeadlineQueue } from '../../base/time/deadline-queue.js';
import { isResult } from '../../connection/body/result-kind.js';
import { type CloseReport, joinedReport } from '../../connection/close-report.js';
import { dialectFor } from '../../connection/controls/loaded-preview4.js';
import { ReadingHold } from '../../connection/reading-hold.js';
import { readFlowUpdate } from '../../connection/revision/flow-update.js';
import { FLOW_UPDATE } from '../../connection/sending/codecs.js';
import type { FramedTransport } from '../../transport/contract/contract.js';
import type { NnrpClientConfig, SessionOptions } from '../contract/client-config.js';
import type { ClientConnectionEvents } from '../contract/client-events.js';
import { HelloExchange, type ServerHello } from '../hello/hello-exchange.js';
import type { ClientHelloOptions } from '../hello/hello-options.js';
import type { SessionlessTransport } from '../recovery/sessionless-transport.js';
import { callTimeoutMs } from '../requests/call-options.js';
import { ReadGate } from '../results/read-gate.js';
import type { NnrpClientSession } from '../session/client-session.js';
import type { CloseOptions } from '../session/close-options.js';
import { checkClose } from '../session/close-options.js';
import type { OpenedSession } from '../session/served-session.js';
import { ConnectionFlow } from '../submits/connection-flow.js';
import { AnnouncedConnection } from './announced-connection.js';
import { ClientProbes, type ProbeResult } from './client-probes.js';
import { shutDown } from './client-shutdown.js';
import { connectionError } from './connection-errors.js';
import { ConnectionRecovery } from './connection-recovery.js';
import { KeepAlive, type KeepAliveTarget } from './keep-alive.js';
import type { ProbeOptions } from './probe-options.js';
import { type OpeningConnection, type OpenRequest, SessionOpening } from './session-opening.js';
import { UnreadResults } from './unread-results.js';
import { WaitingAnswers } from './waiting-answers.js';

/** Room kept for control messages, which are never held back. */
const CONTROL_ROOM_BYTES = 1024 * 1024;

const PROGRESS_BYTES = 4096;

/** The client's side of one connection: greets, measures and routes; sessions do the rest. */
export class ClientConnection extends AnnouncedConnection implements OpeningConnection, KeepAliveTarget {
  readonly role = 'client';
  readonly flow = new ConnectionFlow(this);
  readonly deadlines = new DeadlineQueue(this);
  readonly unread: ReadGate;
  readonly reading: ReadingHold;
  readonly openSessions = new Set<NnrpClientSession>();
  readonly opens = new SessionOpening(this);
  /** There when sessions are to outlive the connection. */
  private readonly goingOn: ConnectionRecovery | undefined;
  private readonly greeting: HelloExchange;
  private readonly probes: ClientProbes;
  private readonly flowSender = new FlowSender(ScopeKind.Connection);
  private readonly keepAlive: KeepAlive | undefined;
  private readonly answers: WaitingAnswers;
  /** Bytes of requests that wait for their turn. */
  private requestBytes = 0;
  private endError: NnrpError | undefined;
  private answer: Promise<unknown> | undefined;
  isShuttingDown = false;
  /** Sessions that the end of the connection has ended, or is about to. */
  private readonly lastSessions: NnrpClientSession[] = [];

  constructor(
    transport: FramedTransport,
    readonly config: NnrpClientConfig,
    readonly events: ClientConnectionEvents,
    /** Whether the keep-alive asks servers that have not announced themselves, too. */
    private readonly asksAnyServer: boolean,
    readonly recovery?: SessionlessTransport,
  ) {
    const { maxOutboxBytes: heldBackBytes } = config;
    const limits = {
      maxOutboxBytes: heldBackBytes + CONTROL_ROOM_BYTES,
      heldBackBytes,
      slowReader: 'disconnect',
    } as const;
    super(transport, limits, dialectFor(config.revision, config.lenientResults));
    this.reading = new ReadingHold(transport);
    this.answers = new WaitingAnswers(this.reading, CONTROL_ROOM_BYTES / 2);
    this.unread = new ReadGate(this.reading, config.maxBufferedResultBytes, new UnreadResults(this));
    this.greeting = new HelloExchange(this, this.unread);
    this.probes = new ClientProbes(this, this.unread);
    if (recovery !== undefined) {
      const { openSessions, opens, pings, probes } = this;
      this.goingOn = new ConnectionRecovery(this, recovery, { openSessions, opens, pings, probes, events });
      recovery.owner = this.goingOn;
    }
    if (config.keepAliveMs > 0) this.keepAlive = new KeepAlive(this, config.keepAliveMs);
  }

  /** Begins to read, and greets the server when asked to. What the greeting says is not kept: it may hold a token. */
  start(hello: NnrpClientConfig['hello']): void {
    const { isPreview4 } = this.dialect;
    observer?.opened(this);
    if (isPreview4) this.speak(this.dialect);
    this.transport.start(this);
    // In preview4 a connection begins with it.
    if (hello !== false || isPreview4) this.greet(typeof hello === 'object' ? hello : {}, true);
  }

  get isOverfull(): boolean {
    return this.outbox.byteLength >= this.config.maxOutboxBytes;
  }

  /** A long packet that arrives is a sign of life, and a PONG could not come before it. */
  get received(): number {
    return this.packetCount + Math.floor(this.unfinishedBytes / PROGRESS_BYTES);
  }

  get isReading(): boolean {
    return !this.reading.isPaused;
  }

  get serverHello(): ServerHello | undefined {
    return this.greeting.serverHello;
  }

  /** How the greeting ends, where it was begun with the connection. */
  get greeted(): Promise<unknown> {
    return this.answer ?? SETTLED;
  }

  openSession(options: SessionOptions): Promise<NnrpClientSession> {
    return this.opens.open(options);
  }

  hello(options: ClientHelloOptions): Promise<ServerHello> {
    if (this.opens.started) return rejection(new UsageError('CLIENT_HELLO: it goes before the first session'), options);
    return this.greet(options, false);
  }

  probe(options: ProbeOptions): Promise<ProbeResult> {
    return this.asking(() => this.probes.send(options, this.config));
  }

  override ping(timeoutMs?: number): Promise<number> {
    return this.asking(() => {
      this.mayEnd('PING');
      const waitMs = callTimeoutMs(timeoutMs, this.config.pingTimeoutMs);
      const { roundTrip, giveUp } = this.pings.start(waitMs);
      const waiter = { tooMuchBefore: giveUp };
      this.unread.answerAwaited(waiter);
      return ignoreRejection(roundTrip.finally(() => this.unread.answerCame(waiter)));
    });
  }

  /** For the keep-alive: whether the server is still there. */
  ask(): void {
    if ((this.asksAnyServer && !this.dialect.isPreview4) || this.understands(PeerMessages.ErrorClosePing))
      this.askWithin(this.config.pingTimeoutMs);
  }

  /** @throws what ended the connection, WireError when a value does not fit */
  sendFlowUpdate(fields: FlowFields): void {
    if (this.endError !== undefined) throw forCaller(this.endError);
    this.mayEnd('FLOW_UPDATE of the connection');
    this.send(MessageType.FlowUpdate, 0, 0, FLOW_UPDATE, this.flowSender.next(checkFlow(fields, 'connection')));
  }

  /** Closes every session in good order, then the connection; a server that does not answer is left behind. */
  shutDown(options: CloseOptions): Promise<CloseReport> {
    checkClose(options);
    const reason = new ClosedError('the client was closed');
    this.isShuttingDown = true;
    this.opens.failAll(reason);
    return shutDown(this, [...this.openSessions], options, reason, () => this.endNow(reason)).then(() =>
      joinedReport(this.lastSessions.map((session) => session.closeReport)),
    );
  }

  giveUp(error: NnrpError): void {
    this.end(error);
  }

  lossOf(sessionId: number, error: NnrpError): NnrpError | undefined {
    return this.recovery?.lossOf(sessionId, error);
  }

  announced(families: number): void {
    if (this.goingOn?.isElsewhere === true) this.families = 0;
    this.families |= families;
  }

  hasSession(sessionId: number): boolean {
    return this.sessions.has(sessionId);
  }

  sessionOpened(session: NnrpClientSession, request: OpenRequest): void {
    this.openSessions.add(session);
    this.wasOpened(session.sessionId);
    observer?.session('client', session, this.remoteAddress);
    this.goingOn?.remember(session, request);
  }

  sessionReopened(session: NnrpClientSession, opened: OpenedSession): void {
    this.goingOn?.opened(session, opened);
  }

  dropSession(sessionId: number): void {
    this.detach(sessionId);
    this.outbox.dropSession(sessionId);
  }

  sessionEnded(session: NnrpClientSession): void {
    const { sessionId, isLost } = session;
    observer?.session('client', session, this.remoteAddress);
    this.openSessions.delete(session);
    // The id of one that is lost may be that of another one by now.
    if (!isLost) {
      this.detach(sessionId);
      if (this.recovery?.forget(sessionId) === true) this.outbox.dropSession(sessionId);
    } else this.goingOn?.forget(session);
    if (this.isShuttingDown || this.isClosed) this.lastSessions.push(session);
  }

  openAnswered(packet: Packet, info: MessageInfo, fault?: WireFault): void {
    this.opens.answered(packet, info, fault);
  }

  stray(packet: Packet, info: MessageInfo): void {
    this.events.stray(packet, info);
  }

  peerReported(error: PeerError, sessionId: number): void {
    this.events.peerError(error, sessionId);
  }

  violation(error: ProtocolError, sessionId: number): void {
    this.events.protocolViolation(error, sessionId);
  }

  get isFullOfRequests(): boolean {
    return this.outbox.byteLength + this.requestBytes >= this.config.maxOutboxBytes;
  }

  requestsRetain(bytes: number): void {
    this.requestBytes += bytes;
  }

  override answerWaits(bytes: number): void {
    this.answers.add(bytes);
  }

  override outboxDrained(): void {
    this.answers.sent();
    this.flow.serveAll();
  }

  get isAwaited(): boolean {
    return this.opens.isPending || this.greeting.isPending || this.probes.isPending || this.pings.isAwaited;
  }

  get isAway(): boolean {
    return this.recovery?.isAway ?? false;
  }

  override sendPing(): void {
    if (this.isAway) this.recovery?.words.pingWaits();
    else super.sendPing();
  }

  override pingTimedOut(error: TimeoutError): boolean {
    return this.recovery?.pathLost(error) === true || super.pingTimedOut(error);
  }

  protected override transportEnded(error: NnrpError | undefined): void {
    // An answer that is awaited will not come: that is no end in good order.
    const when = this.packetCount === 0 ? ' before it said anything' : '';
    const text = `${this.remoteAddress} closed the connection${when}`;
    super.transportEnded(error ?? (this.isAwaited ? new TransportError(text) : undefined));
  }

  /** Every way to break a connection is reported here, once. */
  override fail(error: ProtocolError, told?: string): void {
    if (!this.isClosed) this.violation(error, 0);
    super.fail(error, told);
  }

  protected override receive(packet: Packet, info: MessageInfo): void {
    switch (packet.messageType) {
      case MessageType.SessionOpenAck:
        this.openAnswered(packet, info);
        break;
      case MessageType.ServerHelloAck:
        this.helloAnswered(packet, info);
        break;
      case MessageType.TransportProbeAck:
        if (!this.probes.answered(packet)) this.stray(packet, info);
        break;
      case MessageType.FlowUpdate:
        // One of a session that is over has no effect any more.
        if (packet.sessionId !== 0) this.late(packet, info);
        else this.flowUpdated(packet);
        break;
      case MessageType.Error:
        connectionError(packet, this, this.greeting, this.probes);
        break;
      default:
        this.late(packet, info);
    }
  }

  protected override takesFrames(head: Packet): boolean {
    return isResult(head.messageType);
  }

  protected override violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    if (packet.messageType === MessageType.SessionOpenAck && this.opens.isPending) {
      this.openAnswered(packet, info, fault);
      return;
    }
    const error = new ProtocolError(`${info.name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
    // What comes for a session that is over does no harm, even when it is malformed.
    if (packet.sessionId === 0) this.fail(error);
    else this.violation(error, packet.sessionId);
  }

  /** The application hears of the end in any case, and last. */
  protected override end(error: NnrpError): void {
    if (this.isClosed) return;
    this.endError = error;
    super.end(error);
    // Those that a failure on the way has left behind.
    for (const session of [...this.openSessions]) guard(this, () => session.disconnected(error));
    this.events.closed(forCaller(error));
  }

  protected override onEnded(error: NnrpError): void {
    this.keepAlive?.stop();
    guard(this, () => this.opens.end(error));
    guard(this, () => this.greeting.end(error));
    guard(this, () => this.probes.end(error));
  }

  protected override internalError(error: unknown): void {
    this.events.internalError(error);
  }

  /**
   * What comes of it is seen by the connection. While bytes wait to leave, the PING would wait behind them. Its answer is no
   * reason to read more than may wait unread: until it can be read, it says nothing.
   */
  askWithin(timeoutMs: number): void {
    if (this.pings.waiting === 0 && !this.isSending) ignoreRejection(super.ping(timeoutMs));
  }

  private greet(options: ClientHelloOptions, isRequired: boolean): Promise<ServerHello> {
    const { config } = this;
    const answer = this.asking(() => this.greeting.send(options, config, config.requestTimeoutMs));
    this.opens.waitFor(answer, isRequired);
    this.answer ??= answer;
    return answer;
  }

  private helloAnswered(packet: Packet, info: MessageInfo): void {
    const outcome = this.greeting.answered(packet);
    if (outcome === 'stray') this.stray(packet, info);
    else if (outcome !== 'taken') this.fail(outcome);
    else {
      this.announced(this.greeting.families);
      this.peerTakes(this.greeting.mostPacketBytes);
    }
  }

  private flowUpdated(packet: Packet): void {
    const update = readFlowUpdate(packet);
    this.events.flowUpdate(update, this.flow.update(update));
  }

  private asking<T>(ask: () => Promise<T>): Promise<T> {
    if (this.endError !== undefined) return rejection(forCaller(this.endError));
    try {
      return ask();
    } catch (error) {
      return rejection(error);
    }
  }
}
