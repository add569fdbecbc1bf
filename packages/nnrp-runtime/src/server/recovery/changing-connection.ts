import type { NnrpError } from 'nnrp-core';
import { type ProtocolError, TransportError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { ignoreRejection, SETTLED } from '../../base/promises/settled.js';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import type { SentLog } from '../../connection/recovery/sent-log.js';
import type { Dialect } from '../../connection/revision/dialect.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import type { PeerIdentity } from '../../transport/contract/peer-identity.js';
import type { ConnectionMemory } from '../bounds/server-memory.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { HandlerFailure, PeerErrorReport } from '../contract/server-events.js';
import type { ConnectionGate } from '../operation/connection-gate.js';
import type { RoomLine } from '../operation/room-line.js';
import type { ServerSessionConnection } from '../operation/server-session-connection.js';
import type { AwayPlace } from './away-place.js';

/** A connection that sessions may outlive. */
export interface OutlivedConnection extends ServerSessionConnection {
  /** Keeps what was sent, where the client tells what it has received. */
  readonly sentLog: SentLog | undefined;
  /** It ended without a word: by the network, not by what either side has said. */
  readonly isLost: boolean;
  readonly isClosed: boolean;
  /** The client has said that it goes. */
  readonly peerHasLeft: boolean;
  /** Bits of PeerMessages that the client understands. */
  readonly families: number;
  /**
   * One of its sessions goes on over another connection: it is over, and its other sessions wait to be resumed.
   * @param isAgreed - the client had asked for that
   */
  takenOver(isAgreed: boolean): void;
  /** Hands all that waits to the transport, room or not: what is kept for a session is then the whole of it. */
  flush(): void;
  /** A session has left it for the connection of another client, which had a ticket: the client of this one is told. */
  handedOver(sessionId: number): void;
  /** The session is over, but its client may not have all of it yet. Said again once the last of it is handed over. */
  leaves(session: LeavingSession): void;
  /** So much more is kept for a session that was resumed on it, or less when negative. It may end inside of it. */
  keptForResumed(bytes: number, mostBytes: number): void;
  /** Before something is sent for a session. The connection may end inside of it. */
  fenceIfDue(): void;
  /** Sends what was written for another connection. @returns false when full: wait for `whenDrained` */
  sendKept(packet: NamedPacket, lane: Lane): boolean;
  /** @throws UsageError when the packet is larger than the client takes, unless it must be sent all the same */
  checkSize(messageType: number, sessionId: number, frameId: number, bytes: number): void;
}

/** A session that is over, and what is left to be said of it. */
export interface LeavingSession {
  readonly sessionId: number;
  /** What takes its packets. */
  readonly session: object | undefined;
  /** Whether the connection has all of it: an answer to a fence says nothing of what is still to be handed over. */
  readonly isHandedOver: boolean;
  /** The client has all of it. */
  arrived(): void;
  /** The connection is over before that was known. @param hasLeft - the client has said that it goes */
  leftBehind(hasLeft: boolean): void;
}

/** What stays the same for a session while its connections change. */
export interface ConnectionServer {
  readonly bounds: ServerBounds;
  readonly deadlines: DeadlineQueue;
  readonly isDraining: boolean;
  report(remoteAddress: string, sessionId: number, error: ProtocolError): void;
  handlerFailed(failure: HandlerFailure): void;
}

/** What a session asks of its connection and need not be sent: passed on to the one there is, or answered in its stead. */
export abstract class ChangingConnection {
  /** Of all its connections. */
  readonly dialect: Dialect;
  /** Stands for the client where places are shared out: what the first connection has for that. */
  readonly origin: object;
  protected away: AwayPlace | undefined;
  /** When its last connection was lost, as `performance.now` has it. */
  awaySinceMs = 0;
  /** How often the session has asked to stop reading, without taking it back. */
  protected holds = 0;
  /** Of the last connection, like the next two. */
  private address: string;
  private kind: string;
  private identity: PeerIdentity | undefined;
  private families: number;
  private announced: boolean;

  protected constructor(
    protected connection: OutlivedConnection | undefined,
    readonly sessionId: number,
    private readonly unchanging: ConnectionServer,
    first: OutlivedConnection,
  ) {
    this.dialect = first.dialect;
    this.origin = first.origin;
    this.address = first.remoteAddress;
    this.kind = first.transportKind;
    this.identity = first.peerIdentity;
    this.families = first.families;
    this.announced = first.knowsPeerMessages;
  }

  get transportKind(): string {
    return this.connection?.transportKind ?? this.kind;
  }

  get peerIdentity(): PeerIdentity | undefined {
    return this.connection === undefined ? this.identity : this.connection.peerIdentity;
  }

  get remoteAddress(): string {
    return this.connection?.remoteAddress ?? this.address;
  }

  get sessionCount(): number {
    return this.connection?.sessionCount ?? 1;
  }

  get isDraining(): boolean {
    return this.unchanging.isDraining;
  }

  get knowsPeerMessages(): boolean {
    return this.connection?.knowsPeerMessages ?? this.announced;
  }

  get deadlines(): DeadlineQueue {
    return this.unchanging.deadlines;
  }

  get bounds(): ServerBounds {
    return this.unchanging.bounds;
  }

  get memory(): ConnectionMemory {
    return (this.connection ?? this.place).memory;
  }

  get gate(): ConnectionGate {
    return (this.connection ?? this.place).gate;
  }

  get room(): RoomLine {
    return (this.connection ?? this.place).room;
  }

  get roundTripMs(): number | undefined {
    return this.connection?.roundTripMs;
  }

  understands(family: preview3.PeerMessages): boolean {
    return this.connection?.understands(family) ?? (this.families & family) !== 0;
  }

  /** It is taken by the port that made it. */
  attach(): void {}

  hold(): void {
    this.holds++;
    this.connection?.hold();
  }

  release(): void {
    this.holds--;
    this.connection?.release();
  }

  report(sessionId: number, error: ProtocolError): void {
    if (this.connection === undefined) this.unchanging.report(this.address, sessionId, error);
    else this.connection.report(sessionId, error);
  }

  peerReported(report: PeerErrorReport): void {
    this.connection?.peerReported(report);
  }

  handlerFailed(failure: HandlerFailure): void {
    this.unchanging.handlerFailed(failure);
  }

  closeSent(sessionId: number): void {
    this.connection?.closeSent(sessionId);
  }

  closeConfirmed(sessionId: number): void {
    this.connection?.closeConfirmed(sessionId);
  }

  answered(): void {
    this.connection?.answered();
  }

  close(reason: NnrpError): Promise<void> {
    return this.connection?.close(reason) ?? SETTLED;
  }

  ping(timeoutMs: number): Promise<number> {
    return this.connection?.ping(timeoutMs) ?? ignoreRejection(Promise.reject(this.awayError()));
  }

  /** There is no connection from now on. */
  protected detach(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.address = connection.remoteAddress;
    this.kind = connection.transportKind;
    this.identity = connection.peerIdentity;
    this.families = connection.families;
    this.announced = connection.knowsPeerMessages;
    this.connection = undefined;
    this.awaySinceMs = performance.now();
  }

  /** There is a connection again. */
  protected attachTo(connection: OutlivedConnection): void {
    this.connection = connection;
    for (let hold = 0; hold < this.holds; hold++) connection.hold();
  }

  protected awayError(): TransportError {
    return new TransportError(`session ${this.sessionId} is suspended: its connection is lost`);
  }

  protected get place(): AwayPlace {
    this.away ??= this.makePlace();
    return this.away;
  }

  protected abstract makePlace(): AwayPlace;
}
