import {
  ClosedError,
  describeFault,
  type FlowFields,
  FlowScope,
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
import * as preview3 from 'nnrp-core/preview3';
import { CloseReason, ErrorCode, ErrorScope, MessageType, ScopeKind } from 'nnrp-core/preview3';
import type { ApplicationContext } from '../base/application-context.js';
import type { DeadlineQueue } from '../base/deadline-queue.js';
import { background, guard } from '../base/guard.js';
import { Hidden } from '../base/hidden.js';
import { FLOW_UPDATE, SERVER_HELLO_ACK, SESSION_OPEN_ACK, TRANSPORT_PROBE_ACK } from '../connection/codecs.js';
import { Connection } from '../connection/connection.js';
import { CONTROL_LANE, type OutboxLimits } from '../connection/outbox.js';
import type { FramedTransport } from '../transport/contract.js';
import type { PeerIdentity } from '../transport/peer-identity.js';
import type { Stranger } from '../transport/strangers.js';
import type { RefusalTerms } from './address-refusals.js';
import type { Admission } from './admission.js';
import { ConnectionClock } from './connection-clock.js';
import { ConnectionGate } from './connection-gate.js';
import { ConnectionPressure } from './connection-pressure.js';
import { submitRefused } from './frame-failure.js';
import { HalfClose, type HalfCloseOwner } from './half-close.js';
import { grantedAnswer, refusedAnswer } from './open-answer.js';
import { type OpenFailure, SHUTS_DOWN, tooManyConnections, tooManySessions } from './refused-open.js';
import { RoomLine } from './room-line.js';
import type { ServerBounds } from './server-bounds.js';
import type { NnrpServerConfig } from './server-config.js';
import type { ConnectionLost, HandlerFailure, PeerReport, ProtocolViolation, SessionRefused } from './server-events.js';
import { answerHello } from './server-hello.js';
import { ConnectionMemory, type ServerMemory } from './server-memory.js';
import { SessionCore } from './session-core.js';
import type { SessionIntake } from './session-intake.js';
import { SessionOpening } from './session-opening.js';
import type { ServerSessionConnection } from './session-ports.js';
import type { SessionTable } from './session-table.js';
import { ToldFaults } from './told-faults.js';
import { UnconfirmedCloses } from './unconfirmed-closes.js';

const NO_AUTH = new Uint8Array(0);
/** What a CLIENT_HELLO breaks that offers neither version_major 1 nor wire_format 0. */
const VERSION_RULES: readonly string[] = ['HELLO-2', 'HELLO-3'];

/** Refused opens after which a connection is given up: nobody who means well asks that often. */
const MAX_REFUSED = 1000;

/** Of the outbox, the part that a result which crosses it leaves to drops, errors and acknowledgements. */
const CONTROL_SHARE = 16;

/** Up to where results may fill an outbox. */
export function resultRoom({ maxOutboxBytes, slowReader }: NnrpServerConfig): number {
  // Where partial results are left out, they make the room.
  return slowReader === 'disconnect'
    ? maxOutboxBytes - Math.ceil(maxOutboxBytes / CONTROL_SHARE)
    : Number.POSITIVE_INFINITY;
}

function outboxLimits({ maxOutboxBytes, slowReader }: NnrpServerConfig): OutboxLimits {
  const heldBackBytes = maxOutboxBytes - Math.ceil(maxOutboxBytes / CONTROL_SHARE);
  return { maxOutboxBytes, heldBackBytes, slowReader };
}

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
  peerReported(report: PeerReport): void;
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
  extends Connection<SessionIntake>
  implements ServerSessionConnection, HalfCloseOwner, Stranger
{
  /** Without a proof of the contrary a peer is taken for the reference client, which knows few messages. */
  isAnnounced = false;
  /** What the client says it understands, bits of PeerMessages. */
  private families = 0;
  private readonly helloToken = new Hidden<Uint8Array>(NO_AUTH);
  private readonly opening: SessionOpening;
  private readonly clock: ConnectionClock;
  private greeted = false;
  private refusedCount = 0;
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
    private readonly isTurnedAway: boolean,
  ) {
    super(transport, outboxLimits(owner.config));
    this.room = new RoomLine(this.outbox, resultRoom(owner.config), () => this.bounds.hit('waitingResultBytes'));
    this.memory = new ConnectionMemory(owner.memory, owner.config, this);
    this.opening = new SessionOpening(owner.config, owner.terms, this);
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
    return this.helloToken.get();
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

  sessionEnded(core: SessionCore): void {
    this.detach(core.sessionId);
    this.forget(core);
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

  hindrance(): OpenFailure | undefined {
    if (this.isDraining) return SHUTS_DOWN;
    if (this.isTurnedAway) return tooManyConnections(this.owner.config.maxConnections);
    const { table, config, bounds } = this.owner;
    const { maxSessions, maxSessionsPerConnection: most } = config;
    if (table.size >= maxSessions) {
      bounds.hit('sessions');
      return tooManySessions('the server', 'maxSessions', maxSessions);
    }
    if (this.sessionCount < most) return undefined;
    bounds.hit('connectionSessions');
    return tooManySessions('the connection', 'maxSessionsPerConnection', most);
  }

  granted(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): void {
    this.closes.forget(ack.sessionId);
    this.owner.admission.opened(this);
    // The reference client opens one session on a connection, and no more.
    if (this.sessionCount > 0) this.isAnnounced = true;
    const core = new SessionCore(this, open, ack, this.owner.config);
    this.owner.table.set(ack.sessionId, core);
    this.clock.endHandshake();
    const { body, metadata } = grantedAnswer(ack, this.families, this.owner.config.maxPacketBytes);
    this.send(MessageType.SessionOpenAck, ack.sessionId, 0, SESSION_OPEN_ACK, metadata, body, core.lane);
    if (!core.isOver) this.owner.sessionOpened(core);
    if (this.halfClose.isBegun) core.gate.open();
    this.answered();
  }

  refused(refusal: SessionRefused, ack: preview3.SessionOpenAck, why: OpenFailure['why']): void {
    if (++this.refusedCount > MAX_REFUSED) {
      this.fail(new ProtocolError(`${MAX_REFUSED} sessions were refused on this connection`, ErrorCode.LimitExceeded));
      return;
    }
    // The reference client has never been told, and is not now.
    if (this.isTurnedAway && !this.isAnnounced) {
      this.makeRoom();
      return;
    }
    const { metadata, body } = refusedAnswer(ack, why, this.understands(preview3.PeerMessages.ErrorDetails));
    this.send(MessageType.SessionOpenAck, 0, 0, SESSION_OPEN_ACK, metadata, body);
    this.owner.sessionRefused(refusal);
    if (this.isTurnedAway) this.leave('the server has no room for it');
    this.answered();
  }

  guessed(): RefusalTerms {
    return this.owner.admission.refused(this.addressGroup);
  }

  guessedTooOften(): void {
    // Who has a session here is no stranger: it is slowed down, and that is all.
    if (this.sessionCount === 0) this.leave('too many sessions were refused to its address');
  }

  guessesOn(): void {
    const text = 'sessions are asked for while the refusal of others is still to be answered';
    this.fail(new ProtocolError(text, ErrorCode.LimitExceeded));
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

  private leave(why: string): void {
    background(this, this.closeGracefully(new ClosedError(`${this.remoteAddress}: ${why}`)));
  }

  malformed(packet: Packet, text: string, errorCode: number): void {
    this.violatedBy(packet, text, errorCode);
  }

  resumed(packet: Packet): void {
    this.packet(packet);
  }

  protected override receive(packet: Packet, info: MessageInfo): void {
    if (this.closes.crossed(packet)) return;
    // What comes while a policy is asked may belong to the session in question.
    if (this.opening.isBusy && packet.sessionId !== 0) {
      this.opening.wait(packet);
      return;
    }
    if (info.direction === 'server_to_client') {
      this.violatedBy(packet, `${info.name} from a client`);
      return;
    }
    switch (packet.messageType) {
      case MessageType.SessionOpen:
        if (this.sessionCount === 0 && this.owner.admission.isShutOut(this.addressGroup)) this.makeRoom();
        else this.opening.request(packet);
        break;
      case MessageType.ClientHello:
        this.hello(packet);
        break;
      case MessageType.TransportProbe:
        this.probed(packet, info);
        break;
      case MessageType.FlowUpdate:
        if (this.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else if (packet.sessionId === 0) this.flowUpdated(packet);
        else this.unknownSession(packet, info);
        break;
      case MessageType.Error:
        this.errorArrived(packet);
        break;
      case MessageType.FrameSubmit:
        if (this.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else this.dropFrame(packet);
        break;
      default:
        if (this.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else this.unknownSession(packet, info);
    }
  }

  protected override takesFrames(head: Packet): boolean {
    return head.messageType === MessageType.FrameSubmit;
  }

  protected override violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    if (this.closes.crossed(packet)) return;
    // A client of another version is told so, not that it has made a mistake.
    const foreign = fault.kind === 'invalid_combination' && VERSION_RULES.includes(fault.rule);
    const code = foreign ? ErrorCode.UnsupportedVersion : ErrorCode.MalformedBody;
    this.violatedBy(packet, `${info.name}: ${describeFault(fault)}`, code, fault);
  }

  override fail(error: ProtocolError): void {
    // Framing that is broken is reported like any other broken rule.
    if (!this.isClosed) this.report(0, error);
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

  /** Costs the connection when nobody else lives on it; otherwise the peer is told and its sessions go on. */
  private violatedBy(packet: Packet, text: string, code: number = ErrorCode.InvalidState, fault?: WireFault): void {
    const error = new ProtocolError(text, code, fault);
    this.report(packet.sessionId, error);
    if (this.sessionCount === 0) {
      super.fail(error);
    } else {
      const { sessionId, frameId } = packet;
      const scope = sessionId === 0 ? ErrorScope.Connection : ErrorScope.Session;
      this.sendError(code, scope, error.rawMessage, { sessionId, frameId });
    }
  }

  private unknownSession(packet: Packet, info: MessageInfo): void {
    const { sessionId, frameId } = packet;
    const text = `${info.name}: session ${sessionId} is not open on this connection`;
    this.report(sessionId, new ProtocolError(text, ErrorCode.InvalidState));
    this.sendError(ErrorCode.InvalidState, ErrorScope.Session, text, { sessionId, frameId });
  }

  /** Work for a session that is not, or no longer, open here. */
  private dropFrame({ sessionId, frameId, traceLow, traceHigh }: Packet): void {
    if (this.isAnnounced) {
      const text = `session ${sessionId} is not open on this connection`;
      const { wireCode, details } = submitRefused(ErrorCode.InvalidState, text);
      this.sendError(wireCode, ErrorScope.Frame, text, { sessionId, frameId, details });
    }
    this.sendPlain(MessageType.ResultDrop, sessionId, frameId, CONTROL_LANE, traceLow, traceHigh);
  }

  private hello(packet: Packet): void {
    this.announced(0);
    if (this.greeted || this.sessionCount > 0) {
      this.violatedBy(packet, this.greeted ? 'CLIENT_HELLO: it has come before' : 'CLIENT_HELLO after SESSION_OPEN');
      return;
    }
    const answer = answerHello(packet, this.owner.config, this.transport.kind);
    if ('errorCode' in answer) {
      this.violatedBy(packet, answer.text, answer.errorCode);
      return;
    }
    if (!this.memory.keepHello(answer.auth.length)) {
      this.violatedBy(packet, 'CLIENT_HELLO: there is no room for so much authentication now', ErrorCode.LimitExceeded);
      return;
    }
    this.greeted = true;
    this.announced(answer.families);
    this.peerTakes(answer.packetBytes);
    this.helloToken.set(answer.auth);
    this.send(MessageType.ServerHelloAck, 0, 0, SERVER_HELLO_ACK, answer.ack, answer.body);
  }

  private probed(packet: Packet, info: MessageInfo): void {
    const probe = preview3.decodeTransportProbe(packet.view, packet.metadataStart);
    if (packet.bodyLength !== probe.probePayloadBytes) {
      const text = `${info.name} announces ${probe.probePayloadBytes} body bytes, got ${packet.bodyLength}`;
      this.violatedBy(packet, text, ErrorCode.MalformedBody);
      return;
    }
    const serverRecvTsUs = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
    this.send(MessageType.TransportProbeAck, 0, 0, TRANSPORT_PROBE_ACK, { probeId: probe.probeId, serverRecvTsUs });
  }

  private flowUpdated(packet: Packet): void {
    const { gate } = this;
    gate.scope ??= new FlowScope();
    const update = preview3.decodeFlowUpdate(packet.view, packet.metadataStart);
    if (gate.scope.apply(update, performance.now()) === 'applied') gate.changed();
  }

  /** Answering an error with an error would never end. */
  private errorArrived(packet: Packet): void {
    const error = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
    const { remoteAddress } = this;
    if (this.mayTellFault()) this.owner.peerReported({ remoteAddress, sessionId: packet.sessionId, error });
    if (error.isFatal === 1 && error.errorScope === ErrorScope.Connection) {
      background(this, this.close(new ClosedError(`${remoteAddress} gave the connection up`)));
    }
  }
}
