import {
  ClosedError,
  type MessageInfo,
  type NnrpError,
  type Packet,
  type ProtocolError,
  TransportError,
  type WireFault,
} from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { tellChannels } from '../../base/diagnostics/channel-observer.js';
import { observer } from '../../base/diagnostics/observer.js';
import { background, guard } from '../../base/guard.js';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import type { FramedTransport } from '../../transport/contract/contract.js';
import type { PeerIdentity } from '../../transport/contract/peer-identity.js';
import type { Stranger } from '../../transport/listening/strangers.js';
import { outboxLimits, resultRoom } from '../bounds/outbox-shares.js';
import { ConnectionMemory } from '../bounds/server-memory.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type { HandlerFailure, PeerErrorReport } from '../contract/server-events.js';
import { ToldFaults } from '../failures/told-faults.js';
import { OpenRefusals, type RefusingConnection } from '../opening/open-refusals.js';
import { type OpeningOwner, type ResumeAttempt, SessionOpening } from '../opening/session-opening.js';
import { ConnectionGate } from '../operation/connection-gate.js';
import { RoomLine } from '../operation/room-line.js';
import type { LeavingSession } from '../recovery/changing-connection.js';
import type { SessionPort } from '../recovery/session-port.js';
import { routerOf } from '../session/preview4/router-of.js';
import type { ServerSession } from '../session/server-session.js';
import type { SessionRouter } from '../session/session-router.js';
import { ConnectionRouter, type ConnectionRouterOwner } from './connection-router.js';
import { ConnectionTimers } from './connection-timers.js';
import { GrantedSessions, type GrantingConnection } from './granted-sessions.js';
import { HalfClose, type HalfCloseOwner } from './half-close.js';
import { Overdue, type OverdueConnection } from './overdue.js';
import { ReadHolds, type ReadHoldsOwner } from './read-holds.js';
import { ChoosingConnection } from './revisions/choosing-connection.js';
import type { ServerConnectionOwner } from './server-connection-owner.js';
import { UnconfirmedCloses } from './unconfirmed-closes.js';

tellChannels();

/**
 * One client connection: opens sessions, routes their packets, answers what concerns the connection itself. A
 * connection without a session lives for the handshake timeout only, so a silent peer costs one timer.
 */
export class ServerConnection
  extends ChoosingConnection<SessionRouter<ServerSession>>
  implements
    ConnectionRouterOwner,
    OpeningOwner,
    RefusingConnection,
    GrantingConnection,
    OverdueConnection,
    ReadHoldsOwner,
    HalfCloseOwner,
    Stranger
{
  readonly origin: object = {};
  readonly role = 'server';
  private readonly opening: SessionOpening;
  private readonly timers: ConnectionTimers;
  private readonly router: ConnectionRouter;
  private readonly holds: ReadHolds;
  readonly memory: ConnectionMemory;
  readonly gate = new ConnectionGate(this);
  readonly room: RoomLine;
  readonly faults: ToldFaults;
  private endedSessionIds: readonly number[] | undefined;
  private readonly closes = new UnconfirmedCloses();
  private readonly halfClose: HalfClose;
  private readonly grants: GrantedSessions;
  private transportGone = false;

  constructor(
    transport: FramedTransport,
    private readonly owner: ServerConnectionOwner<ServerConnection>,
    readonly addressGroup: string | undefined,
    /** The server is full: the client is told so when it asks for a session, and that is all. */
    readonly isTurnedAway: boolean,
  ) {
    super(transport, outboxLimits(owner.config), owner.config.revision);
    this.room = new RoomLine(this.outbox, resultRoom(owner.config), owner.bounds);
    this.faults = new ToldFaults(owner.bounds);
    this.memory = new ConnectionMemory(owner.memory, owner.config, this);
    this.grants = new GrantedSessions(this, owner);
    this.opening = new SessionOpening(owner, this, new OpenRefusals(this, owner), this.closes);
    this.router = new ConnectionRouter(this, this.opening, this.closes);
    this.halfClose = new HalfClose(transport, this);
    this.holds = new ReadHolds(transport, this);
    this.timers = new ConnectionTimers(transport, owner.config, this.holds, new Overdue(this));
  }

  /** The connection may end inside this call. */
  start(): void {
    const { admission } = this.owner;
    observer?.opened(this);
    this.bounds.tally.connections++;
    this.timers.startHandshake(this.isTurnedAway ? admission.turnAway(this) : admission.unopened(this));
    this.transport.start(this);
  }

  get isDraining(): boolean {
    return this.owner.isDraining();
  }

  get config(): NnrpServerConfig {
    return this.owner.config;
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

  get helloAuth(): Uint8Array {
    return this.router.helloAuth;
  }

  get peerIdentity(): PeerIdentity | undefined {
    return this.transport.peerIdentity;
  }

  hold(): void {
    this.holds.hold();
  }

  release(): void {
    this.holds.release();
  }

  report(sessionId: number, error: ProtocolError): void {
    if (this.faults.mayTell()) this.owner.protocolViolation({ remoteAddress: this.remoteAddress, sessionId, error });
  }

  peerReported(report: PeerErrorReport): void {
    if (this.faults.mayTell()) this.owner.peerReported(report);
  }

  handlerFailed(failure: HandlerFailure): void {
    this.owner.handlerFailed(failure);
  }

  closeSent(sessionId: number): void {
    this.closes.add(sessionId);
  }

  closeConfirmed(sessionId: number): void {
    this.closes.addClosedByClient(sessionId);
  }

  sessionEnded(sessionId: number): void {
    const session = this.sessions.get(sessionId)?.session;
    this.detach(sessionId);
    if (this.dialect.isPreview4) this.closes.addEnded(sessionId);
    if (session !== undefined) this.forget(session);
    this.sessionLeft();
  }

  protected override sessionLeft(): void {
    if (this.sessionCount > 0 || this.isClosed) return;
    if (this.isDraining) this.timers.startHandshake();
    else this.timers.startHandshake(this.owner.admission.unopened(this));
  }

  private forget(session: ServerSession): void {
    this.owner.table.release(session.sessionId, session);
    this.owner.sessionEnded(session);
  }

  /** The client sends nothing more; what it has asked for is still answered. One whose sessions outlive it comes back for it. */
  peerEnded(): void {
    guard(this, () => {
      if (this.outbox.log !== undefined && this.sessionCount > 0) {
        this.lose(new TransportError(`${this.remoteAddress} closed the connection`));
        return;
      }
      for (const session of this.openSessions()) session.gate.open();
      this.noPongComes();
      this.halfClose.begin();
    });
  }

  answered(): void {
    this.halfClose.answered();
  }

  /** Ends the connection in good order: a client that knows CLOSE is told. */
  async closeGracefully(reason: NnrpError): Promise<void> {
    if (!this.isClosed && this.knowsPeerMessages) guard(this, () => this.sendPlain(MessageType.Close, 0, 0));
    await this.close(reason);
  }

  watch(nowMs: number): void {
    if (this.isClosed) return;
    for (const { session } of this.sessions.values()) session.expireObjects();
    this.timers.look(nowMs);
  }

  override get reading(): ReadHolds {
    return this.holds;
  }

  isBusy(): boolean {
    for (const { session } of this.sessions.values()) if (session.operations.isBusy()) return true;
    return false;
  }

  isAskingPolicy(): boolean {
    return this.opening.isBusy;
  }

  get isHalfClosed(): boolean {
    return this.halfClose.isBegun;
  }

  openSessions(): ServerSession[] {
    return [...this.sessions.values()].map(({ session }) => session);
  }

  idle(sessions: readonly ServerSession[]): void {
    this.endedSessionIds = sessions.map(({ sessionId }) => sessionId);
  }

  granted(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): void {
    this.grants.granted(open, ack);
  }

  resumed(open: preview3.SessionOpen, port: SessionPort, attempt: ResumeAttempt): void {
    if (!this.grants.resumed(open, port, attempt)) this.opening.rejectResume(open);
  }

  begins(session: ServerSession): void {
    this.closes.begun(session.sessionId);
    this.owner.admission.opened(this);
    // The reference client opens one session on a connection, and no more.
    if (this.sessionCount > 0 && !this.dialect.isPreview4) this.knowsPeerMessages = true;
    this.attach(session.sessionId, routerOf(session));
    this.timers.endHandshake();
  }

  hasBegun(session: ServerSession): void {
    if (this.halfClose.isBegun) session.gate.open();
    this.answered();
  }

  heardOfEnded(sessionId: number): void {
    this.grants.heard(sessionId);
  }

  leaves(session: LeavingSession): void {
    this.grants.leaves(session);
  }

  serverSessionOf(sessionId: number): ServerSession | undefined {
    return this.sessions.get(sessionId)?.session;
  }

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
    if (this.dialect.isPreview4) this.opening.malformed(packet, text);
    else this.router.violatedBy(packet, text, errorCode);
  }

  redeliver(packet: Packet): void {
    this.packet(packet);
  }

  protected override receive(packet: Packet, info: MessageInfo): void {
    this.router.receive(packet, info);
  }

  protected override violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    this.router.violated(packet, info, fault);
  }

  protected override takesFrames(head: Packet): boolean {
    return head.messageType === MessageType.FrameSubmit;
  }

  override fail(error: ProtocolError, told?: string): void {
    // Framing that is broken is reported like any other broken rule.
    if (!this.isClosed) this.report(0, error);
    super.fail(error, told);
  }

  giveUp(error: ProtocolError): void {
    super.fail(error);
  }

  protected override onEnded(error: NnrpError): void {
    guard(this, () => this.owner.admission.gone(this));
    guard(this, () => this.timers.end());
    guard(this, () => this.opening.end());
    guard(this, () => this.halfClose.end());
    guard(this, () => this.memory.end());
    guard(this, () => this.gate.end());
    guard(this, () => this.room.end());
    guard(this, () => this.grants.end());
    const { remoteAddress, endedSessionIds: sessionIds = [] } = this;
    this.owner.connectionClosing(this);
    this.owner.connectionEnded({ remoteAddress, error, sessionIds });
  }

  protected override internalError(error: unknown): void {
    this.owner.internalError(error, this.remoteAddress);
  }

  protected override end(error: NnrpError): void {
    if (this.isClosed) return;
    const sessions = this.openSessions();
    this.endedSessionIds ??= sessions.map(({ sessionId }) => sessionId);
    super.end(error);
    // Once more, for whatever has failed on the way: ids and places must not be lost with a connection.
    for (const session of sessions) {
      if (session.lifecycle.isSuspended) continue;
      guard(this, () => session.end(error));
      this.forget(session);
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

  cut(): void {
    guard(this, () => this.transport.abort());
  }

  override transportIsFull(isFull: boolean): void {
    this.holds.transportIsFull(isFull);
  }

  override partialDropped(): void {
    this.owner.bounds.hit('outboxBytes');
  }

  override outboxOverflowed(): void {
    this.owner.bounds.hit('outboxBytes');
    super.outboxOverflowed(this.outbox.waitsForTransport ? undefined : 'answers no PING');
  }

  override outboxHalfFull(): void {
    this.holds.outboxHalfFull();
  }

  override outboxDrained(): void {
    this.holds.outboxDrained();
    this.room.drained();
    this.answered();
  }

  owesAnswers(): boolean {
    return this.isBusy() || this.opening.isBusy || this.outbox.byteLength > 0;
  }

  closeAnswered(): void {
    background(this, this.endTransport());
  }
}
