import {
  ClosedError,
  type FlowFields,
  FlowSender,
  type MessageInfo,
  type NnrpError,
  type Packet,
  ProtocolError,
  type SchemaRegistry,
  type SessionOpenTerms,
  TimeoutError,
  type WireFault,
} from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { CloseReason, ErrorCode, ErrorScope, MessageType, ScopeKind } from 'nnrp-core/preview3';
import type { ApplicationContext } from '../base/application-context.js';
import type { DeadlineQueue } from '../base/deadline-queue.js';
import { background, guard } from '../base/guard.js';
import { FLOW_UPDATE, SESSION_OPEN_ACK } from '../connection/codecs.js';
import { Connection } from '../connection/connection.js';
import type { FramedTransport } from '../transport/contract.js';
import type { PeerIdentity } from '../transport/peer-identity.js';
import type { Stranger } from '../transport/strangers.js';
import type { Admission } from './admission.js';
import { type ClockOwner, ConnectionClock } from './connection-clock.js';
import { ConnectionGate } from './connection-gate.js';
import { ConnectionIntake, type ConnectionIntakeOwner } from './connection-intake.js';
import { ConnectionPressure, type PressureOwner } from './connection-pressure.js';
import { HalfClose, type HalfCloseOwner } from './half-close.js';
import { grantedAnswer } from './open-answer.js';
import { OpenRefusals, type RefusingConnection } from './open-refusals.js';
import { outboxLimits, resultRoom } from './outbox-shares.js';
import { RoomLine } from './room-line.js';
import type { ServerBounds } from './server-bounds.js';
import type { NnrpServerConfig } from './server-config.js';
import type {
  ConnectionLost,
  HandlerFailure,
  PeerErrorReport,
  ProtocolViolation,
  SessionRefused,
} from './server-events.js';
import { ConnectionMemory, type ServerMemory } from './server-memory.js';
import { ServerSession } from './server-session.js';
import type { ServerSessionConnection } from './server-session-connection.js';
import type { SessionCore } from './session-core.js';
import { SessionIntake } from './session-intake.js';
import { type OpeningOwner, SessionOpening } from './session-opening.js';
import type { SessionTable } from './session-table.js';
import { ToldFaults } from './told-faults.js';
import { UnconfirmedCloses } from './unconfirmed-closes.js';

/** What a connection needs of its server. */
export interface ServerConnectionOwner {
  readonly config: NnrpServerConfig;
  readonly bounds: ServerBounds;
  readonly admission: Admission;
  /** What all connections share. */
  readonly memory: ServerMemory;
  readonly terms: SessionOpenTerms;
  readonly table: SessionTable<SessionCore>;
  readonly deadlines: DeadlineQueue;
  /** Where the application handed its policy over. */
  readonly policyContext: ApplicationContext;
  isDraining(): boolean;
  sessionOpened(core: SessionCore): void;
  sessionEnded(core: SessionCore): void;
  sessionRefused(refusal: SessionRefused): void;
  protocolViolation(violation: ProtocolViolation): void;
  peerReported(report: PeerErrorReport): void;
  internalError(error: unknown, remoteAddress: string): void;
  handlerFailed(failure: HandlerFailure): void;
  connectionEnded(loss: ConnectionLost): void;
  /** The connection is over, but its transport may not be: it has to send what is left, and the peer to end its side. */
  connectionClosing(connection: ServerConnection): void;
  /** Its transport is gone as well: nothing may be held for the connection any more. */
  connectionGone(connection: ServerConnection): void;
}

/**
 * One client connection: opens sessions, routes their packets, answers what concerns the connection itself. A
 * connection without a session lives for the handshake timeout only, so a silent peer costs one timer.
 */
export class ServerConnection
  extends Connection<SessionIntake<SessionCore>>
  implements
    ServerSessionConnection,
    ConnectionIntakeOwner,
    OpeningOwner,
    RefusingConnection,
    ClockOwner,
    PressureOwner,
    HalfCloseOwner,
    Stranger
{
  /** Without a proof of the contrary a peer is taken for the reference client, which knows few messages. */
  isAnnounced = false;
  /** What the client says it understands, bits of PeerMessages. */
  private families = 0;
  private readonly opening: SessionOpening;
  private readonly clock: ConnectionClock;
  private readonly intake: ConnectionIntake;
  private readonly pressure: ConnectionPressure = new ConnectionPressure(this);
  readonly memory: ConnectionMemory;
  readonly gate = new ConnectionGate(this);
  readonly room: RoomLine;
  /** Of its faults, those that the application is told of. */
  readonly faults = new ToldFaults();
  private flowSender: FlowSender | undefined;
  private endedSessionIds: readonly number[] = [];
  private readonly closes = new UnconfirmedCloses();
  private readonly halfClose: HalfClose;
  private transportGone = false;

  constructor(
    transport: FramedTransport,
    private readonly owner: ServerConnectionOwner,
    readonly addressGroup: string | undefined,
    /** The server is full: the client is told so when it asks for a session, and that is all. */
    readonly isTurnedAway: boolean,
  ) {
    super(transport, outboxLimits(owner.config));
    this.room = new RoomLine(this.outbox, resultRoom(owner.config), () => this.bounds.hit('waitingResultBytes'));
    this.memory = new ConnectionMemory(owner.memory, owner.config, this);
    this.opening = new SessionOpening(owner.config, owner.terms, this, new OpenRefusals(this, owner));
    this.intake = new ConnectionIntake(this, this.opening, this.closes);
    this.clock = new ConnectionClock(transport, owner.config, this);
    this.halfClose = new HalfClose(transport, this);
  }

  /** Begins to read. The connection may end inside this call. */
  start(): void {
    const { admission } = this.owner;
    this.clock.startHandshake(this.isTurnedAway ? admission.turnAway(this) : admission.unopened(this));
    this.transport.start(this);
  }

  get isDraining(): boolean {
    return this.owner.isDraining();
  }

  get config(): NnrpServerConfig {
    return this.owner.config;
  }

  get transportKind(): string {
    return this.transport.kind;
  }

  get isShutOut(): boolean {
    return this.owner.admission.isShutOut(this.addressGroup);
  }

  get bounds(): ServerBounds {
    return this.owner.bounds;
  }

  get deadlines(): DeadlineQueue {
    return this.owner.deadlines;
  }

  get schemas(): SchemaRegistry {
    return this.owner.config.schemaRegistry;
  }

  get policyContext(): ApplicationContext {
    return this.owner.policyContext;
  }

  get helloAuth(): Uint8Array {
    return this.intake.helloAuth;
  }

  get peerIdentity(): PeerIdentity | undefined {
    return this.transport.peerIdentity;
  }

  get ids(): SessionTable<SessionCore> {
    return this.owner.table;
  }

  announced(families: number): void {
    this.isAnnounced = true;
    this.families |= families;
  }

  understands(family: preview3.PeerMessages): boolean {
    return (this.families & family) !== 0;
  }

  hold(): void {
    this.pressure.hold();
  }

  release(): void {
    this.pressure.release();
  }

  pauseReading(): void {
    this.transport.pause();
  }

  resumeReading(): void {
    this.transport.resume();
  }

  report(sessionId: number, error: ProtocolError): void {
    if (this.mayTellFault()) this.owner.protocolViolation({ remoteAddress: this.remoteAddress, sessionId, error });
  }

  private mayTellFault(): boolean {
    if (this.faults.mayTell()) return true;
    this.bounds.hit('toldFaults');
    return false;
  }

  peerReported(report: PeerErrorReport): void {
    if (this.mayTellFault()) this.owner.peerReported(report);
  }

  handlerFailed(failure: HandlerFailure): void {
    this.owner.handlerFailed(failure);
  }

  /** A message that this server does not serve: said to the peer, and nothing else happens. */
  unsupported(packet: Packet, info: MessageInfo): void {
    const scope = packet.sessionId === 0 ? ErrorScope.Connection : ErrorScope.Session;
    const { sessionId, frameId } = packet;
    this.sendError(ErrorCode.UnsupportedCapability, scope, `${info.name} is not served`, { sessionId, frameId });
  }

  closeSent(sessionId: number): void {
    this.closes.add(sessionId);
  }

  closeConfirmed(sessionId: number): void {
    this.closes.addClosedByClient(sessionId);
  }

  sessionEnded(sessionId: number): void {
    const core = this.sessions.get(sessionId)?.core;
    this.detach(sessionId);
    if (core !== undefined) this.forget(core);
    if (this.sessionCount > 0 || this.isClosed) return;
    if (this.isDraining) this.clock.startHandshake();
    else this.clock.startHandshake(this.owner.admission.unopened(this));
  }

  private forget(core: SessionCore): void {
    this.owner.table.release(core.sessionId, core);
    this.owner.sessionEnded(core);
  }

  /** The client sends nothing more; what it has asked for is still answered. */
  peerEnded(): void {
    guard(this, () => {
      for (const { core } of [...this.sessions.values()]) core.gate.open();
      this.halfClose.begin();
    });
  }

  answered(): void {
    this.halfClose.answered();
  }

  /** Ends the connection in good order: who knows CLOSE is told. */
  async closeGracefully(reason: NnrpError): Promise<void> {
    if (!this.isClosed && this.isAnnounced) guard(this, () => this.sendPlain(MessageType.Close, 0, 0));
    await this.close(reason);
  }

  /** Looks after what has not come, or has not gone, in time; called now and then. */
  watch(nowMs: number): void {
    if (this.isClosed) return;
    for (const { core } of this.sessions.values()) core.expireObjects();
    this.clock.look(nowMs);
  }

  get isHeld(): boolean {
    return this.pressure.isHeld;
  }

  protected override get reading(): ConnectionPressure {
    return this.pressure;
  }

  isBusy(): boolean {
    for (const { core } of this.sessions.values()) if (core.operations.isBusy()) return true;
    return false;
  }

  isAskingPolicy(): boolean {
    return this.opening.isBusy;
  }

  handshakeOver(limitMs: number): void {
    if (this.isTurnedAway) {
      this.makeRoom();
      return;
    }
    const text = `${this.remoteAddress}: no session within ${limitMs} ms`;
    // Who has asked for nothing has been told nothing that could be on its way.
    if (this.packetCount === 0) this.cut();
    background(this, this.closeGracefully(new TimeoutError(text, limitMs)));
  }

  packetTooSlow(): void {
    this.fail(new ProtocolError('a packet took too long to arrive', ErrorCode.LimitExceeded));
  }

  idle(): void {
    const { idleTimeoutMs } = this.owner.config;
    const reason = new TimeoutError(`${this.remoteAddress}: silent for ${idleTimeoutMs} ms`, idleTimeoutMs);
    this.endedSessionIds = [...this.sessions.keys()];
    for (const { core } of [...this.sessions.values()]) {
      if (this.isAnnounced) core.closing.sendClose({ reason: CloseReason.IdleTimeout });
      core.end(reason);
    }
    background(this, this.closeGracefully(reason));
  }

  quiet(): void {
    // Who has ended its direction cannot answer; and while bytes wait to leave, the PING would wait behind them.
    if (this.halfClose.isBegun || !this.isAnnounced || this.pings.waiting > 0 || this.isSending) return;
    // A PONG could not come before the packet that arrives, which has a time limit of its own.
    if (this.unfinishedBytes > 0 && this.owner.config.packetTimeoutMs > 0) return;
    this.ping(this.owner.config.pingTimeoutMs).catch(() => {});
  }

  granted(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): void {
    this.closes.forget(ack.sessionId);
    this.owner.admission.opened(this);
    // The reference client opens one session on a connection, and no more.
    if (this.sessionCount > 0) this.isAnnounced = true;
    const { core } = new ServerSession(this, open, ack, this.owner.config);
    this.attach(ack.sessionId, new SessionIntake(core));
    this.owner.table.set(ack.sessionId, core);
    this.clock.endHandshake();
    const { body, metadata } = grantedAnswer(ack, this.families, this.owner.config.maxPacketBytes);
    this.send(MessageType.SessionOpenAck, ack.sessionId, 0, SESSION_OPEN_ACK, metadata, body, core.lane);
    if (!core.isOver) this.owner.sessionOpened(core);
    if (this.halfClose.isBegun) core.gate.open();
    this.answered();
  }

  /** Whether it has said anything that makes sense, or has begun to. */
  hasSpoken(): boolean {
    return this.packetCount > 0 || this.unfinishedBytes > 0;
  }

  makeRoom(): void {
    // One that is being closed already has said what it had to say.
    if (this.isClosed) this.cut();
    else guard(this, () => this.endNow(new ClosedError(`${this.remoteAddress}: others need its place`)));
  }

  leave(why: string): void {
    background(this, this.closeGracefully(new ClosedError(`${this.remoteAddress}: ${why}`)));
  }

  malformed(packet: Packet, text: string, errorCode: number): void {
    this.intake.violatedBy(packet, text, errorCode);
  }

  resumed(packet: Packet): void {
    this.packet(packet);
  }

  protected override receive(packet: Packet, info: MessageInfo): void {
    this.intake.receive(packet, info);
  }

  protected override violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    this.intake.violated(packet, info, fault);
  }

  protected override takesFrames(head: Packet): boolean {
    return head.messageType === MessageType.FrameSubmit;
  }

  override fail(error: ProtocolError): void {
    // Framing that is broken is reported like any other broken rule.
    if (!this.isClosed) this.report(0, error);
    super.fail(error);
  }

  giveUp(error: ProtocolError): void {
    super.fail(error);
  }

  protected override onEnded(error: NnrpError): void {
    guard(this, () => this.owner.admission.gone(this));
    guard(this, () => this.clock.end());
    guard(this, () => this.opening.end());
    guard(this, () => this.halfClose.end());
    guard(this, () => this.memory.end());
    guard(this, () => this.gate.end());
    const { remoteAddress, endedSessionIds: sessionIds } = this;
    this.owner.connectionClosing(this);
    this.owner.connectionEnded({ remoteAddress, error, sessionIds });
  }

  protected override internalError(error: unknown): void {
    this.owner.internalError(error, this.remoteAddress);
  }

  protected override end(error: NnrpError): void {
    if (this.isClosed) return;
    const cores = [...this.sessions.values()].map(({ core }) => core);
    if (this.endedSessionIds.length === 0) this.endedSessionIds = cores.map(({ sessionId }) => sessionId);
    super.end(error);
    // Once more, for whatever has failed on the way: ids and places must not be lost with a connection.
    for (const core of cores) {
      guard(this, () => core.end(error));
      this.forget(core);
    }
    this.owner.connectionClosing(this);
    const gone = () => this.owner.connectionGone(this);
    if (this.transportGone) gone();
    else guard(this, () => background(this, this.endTransport().then(gone)));
  }

  override closed(error?: NnrpError): void {
    this.transportGone = true;
    guard(this, () => {
      if (this.transport.hasStalled === true) this.bounds.hit('slowConnections');
    });
    super.closed(error);
  }

  /** Ends the transport at once; what is queued is lost. */
  cut(): void {
    guard(this, () => this.transport.abort());
  }

  /** Whether bytes wait that the client has not taken. */
  get isSlow(): boolean {
    return this.isSending;
  }

  override outboxFilled(): void {
    this.pressure.outboxFilled();
  }

  override partialDropped(): void {
    this.owner.bounds.hit('outboxBytes');
  }

  override outboxOverflowed(): void {
    this.owner.bounds.hit('outboxBytes');
    super.outboxOverflowed();
  }

  override outboxHalfFull(): void {
    this.pressure.outboxHalfFull();
  }

  override outboxDrained(): void {
    this.pressure.outboxDrained();
    this.room.drained();
    this.answered();
  }

  owesAnswers(): boolean {
    return this.isBusy() || this.opening.isBusy || this.outbox.byteLength > 0;
  }

  sendPing(): void {
    this.sendPlain(MessageType.Ping, 0, 0);
  }

  closeAnswered(): void {
    background(this, this.endTransport());
  }

  /** Sends FLOW_UPDATE for the whole connection. */
  sendFlow(fields: FlowFields): void {
    this.flowSender ??= new FlowSender(ScopeKind.Connection);
    this.send(MessageType.FlowUpdate, 0, 0, FLOW_UPDATE, this.flowSender.next(fields));
  }
}
