import { type NnrpError, TransportError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { PeerMessages } from 'nnrp-core/preview3';
import { background } from '../../base/guard.js';
import { type Deferred, deferred } from '../../base/promises/deferred.js';
import { ignoreRejection, SETTLED } from '../../base/promises/settled.js';
import { type ErrorOptions, errorMessage } from '../../connection/errors/error-message.js';
import { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { SentCount } from '../../connection/recovery/sent-count.js';
import { ERROR_MESSAGE } from '../../connection/sending/codecs.js';
import { type MetadataCodec, OutboundMessage } from '../../connection/sending/outbound-message.js';
import { CONTROL_LANE, type Lane } from '../../connection/sending/outbox.js';
import type { OutboundPacket } from '../../transport/contract/contract.js';
import type { ServerSessionConnection } from '../operation/server-session-connection.js';
import type { ServerSession } from '../session/server-session.js';
import type { AwayPlace } from './away-place.js';
import {
  ChangingConnection,
  type ConnectionServer,
  type LeavingSession,
  type OutlivedConnection,
} from './changing-connection.js';
import { type ClientPlace, isPlaceWithin } from './client-place.js';
import { KeptPackets } from './kept-packets.js';
import type { ResumeTokens } from './resume-tokens.js';
import { whenArrived } from './when-arrived.js';

/** What a port needs of its server. */
export interface PortServer extends ConnectionServer {
  /** Where a session lives that has no connection. */
  awayPlace(port: SessionPort): AwayPlace;
  suspended(port: SessionPort, error: NnrpError): void;
  /** So many bytes more are kept for it, or less when negative. */
  kept(port: SessionPort, bytes: number): void;
  /** Whether so much is kept for it, or in all, that results should wait. */
  isFull(port: SessionPort): boolean;
  /** Bytes that may be kept for all sessions that were resumed on one connection. */
  readonly maxResumedBytes: number;
  /** The id of a session that is about to end is given to no other until it is forgotten; it is free when it cannot be resumed. */
  reserveId(port: SessionPort): void;
  /** Its session is over. */
  ended(port: SessionPort): void;
  /** Its session is over, and its client has lost the connection before it had all of it: it may come for the rest. */
  keepRest(port: SessionPort): void;
  /** There is nothing to come for any more. */
  forget(port: SessionPort): void;
  internalError(error: unknown, remoteAddress: string): void;
}

/**
 * The connection of a session that can be resumed, as the session sees it: one after the other, and none in between. What
 * the session sends meanwhile is kept here, and sent over the next one before anything new.
 */
export class SessionPort extends ChangingConnection implements ServerSessionConnection, LeavingSession {
  session: ServerSession | undefined;
  /** What has been sent for the session, as the client counts it. */
  readonly count: SentCount;
  private readonly kept = new KeptPackets();
  /** What of that the connection was told of, which is to send it. */
  private toldBytes = 0;
  /** How many of the kept ones were sent before; the client may have them. */
  private sentBefore = 0;
  private outbound: OutboundMessage | undefined;
  /** Those that wait until all is sent. */
  private drain: Deferred<void> | undefined;
  /** The last promise of the connection for room, and what was made of it. */
  private drainedThere: Promise<void> = SETTLED;
  private drained: Promise<void> = SETTLED;

  constructor(
    first: OutlivedConnection,
    sessionId: number,
    readonly tokens: ResumeTokens,
    private readonly server: PortServer,
  ) {
    super(first, sessionId, server, first);
    this.count = new SentCount(sessionId);
    first.sentLog?.begin(this.count, 'open_ack');
  }

  /** Whether it has no connection at the moment. */
  get isAway(): boolean {
    return this.connection === undefined;
  }

  /** The connection that it has. */
  get current(): OutlivedConnection | undefined {
    return this.connection;
  }

  get outboxBytes(): number {
    return this.kept.byteLength + (this.connection?.outboxBytes ?? 0);
  }

  get isHandedOver(): boolean {
    return this.kept.size === 0;
  }

  get keptBytes(): number {
    return this.kept.byteLength;
  }

  crashed(error: unknown): void {
    const { connection, session, server } = this;
    if (connection !== undefined) {
      connection.crashed(error);
      return;
    }
    server.internalError(error, this.remoteAddress);
    session?.end(new TransportError(`session ${this.sessionId}: an internal error ended it`, { cause: error }));
  }

  send<T>(
    messageType: number,
    sessionId: number,
    frameId: number,
    codec: MetadataCodec<T>,
    value: T,
    body?: Uint8Array,
    lane: Lane = CONTROL_LANE,
    traceLow = 0,
    traceHigh = 0,
    partial = false,
  ): boolean {
    this.connection?.fenceIfDue();
    const { connection } = this;
    if (connection !== undefined && this.kept.size === 0) {
      return connection.send(messageType, sessionId, frameId, codec, value, body, lane, traceLow, traceHigh, partial);
    }
    connection?.checkSize(messageType, sessionId, frameId, (body?.length ?? 0) + codec.bytes);
    this.outbound ??= new OutboundMessage();
    return this.keep(this.outbound.set(messageType, sessionId, frameId, codec, value, body, traceLow, traceHigh));
  }

  sendPlain(
    messageType: number,
    sessionId: number,
    frameId: number,
    lane: Lane = CONTROL_LANE,
    traceLow = 0,
    traceHigh = 0,
  ): boolean {
    const { connection } = this;
    if (connection !== undefined && this.kept.size === 0) {
      return connection.sendPlain(messageType, sessionId, frameId, lane, traceLow, traceHigh);
    }
    this.outbound ??= new OutboundMessage();
    return this.keep(this.outbound.setPlain(messageType, sessionId, frameId, traceLow, traceHigh));
  }

  sendError(errorCode: number, errorScope: preview3.ErrorScope, text: string, options: ErrorOptions = {}): void {
    // As its connection has it: a reference client of preview4 would fail on it.
    if (this.dialect.isPreview4 && !this.knowsPeerMessages && options.fatal !== true) return;
    const understandsDetails = this.understands(PeerMessages.ErrorDetails);
    const { sessionId = this.sessionId, frameId = 0, lane = CONTROL_LANE } = options;
    const { metadata, body } = errorMessage(errorCode, errorScope, text, options, understandsDetails);
    this.send(preview3.MessageType.Error, sessionId, frameId, ERROR_MESSAGE, metadata, body, lane);
  }

  whenDrained(lane: Lane = CONTROL_LANE): Promise<void> {
    const { connection } = this;
    if (connection === undefined && !this.server.isFull(this)) return SETTLED;
    if (connection === undefined || this.kept.size > 0) {
      this.drain ??= deferred<void>();
      return ignoreRejection(this.drain.promise);
    }
    const drained = connection.whenDrained(lane);
    if (drained === SETTLED) return drained;
    // Very many may wait for the same room: those share one promise there, and have to here.
    if (drained !== this.drainedThere) {
      this.drainedThere = drained;
      this.drained = ignoreRejection(
        drained.catch((error: unknown) => this.whenDrainedElsewhere(connection, lane, error)),
      );
    }
    return this.drained;
  }

  sessionEnded(sessionId: number): void {
    const { connection } = this;
    this.drain?.reject(this.session?.endReason ?? this.awayError());
    // Without a log nothing is confirmed; what still waits for room is brought all the same.
    const hasRest = connection?.sentLog !== undefined || !this.isHandedOver;
    if (hasRest) this.server.reserveId(this);
    this.server.ended(this);
    connection?.sessionEnded(sessionId);
    if (connection === undefined) this.keepRest();
    else if (!hasRest || (connection.isClosed && !connection.isLost)) this.server.forget(this);
    else connection.leaves(this);
  }

  /** Its client has said something on the connection that it has now: the token before is good no more. */
  heard(): void {
    this.session?.wasHeard();
  }

  /** The client has all of a session that is over. */
  arrived(): void {
    this.server.forget(this);
  }

  /** The connection is over, and the session was so before. */
  leftBehind(hasLeft: boolean): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.detach();
    this.sentBefore = 0;
    // A client that has said that it goes does not come for the rest. One whose connection this side has ended may: perhaps
    // nothing of that has reached it.
    if (hasLeft) {
      this.server.forget(this);
      return;
    }
    this.takeUnconfirmed(connection);
    this.keepRest();
  }

  private keepRest(): void {
    if (this.kept.size === 0 || this.isDraining) {
      this.server.forget(this);
      return;
    }
    // Or the session would hold the connection that is over.
    this.session?.moveTo(this.place.gate, this.place.memory);
    this.server.keepRest(this);
  }

  outlivedBy(session: ServerSession, error: NnrpError): boolean {
    const { connection } = this;
    if (connection === undefined) return false;
    if (session.isOver) {
      // Only its rest was on the connection.
      this.leftBehind(connection.peerHasLeft);
      return true;
    }
    return connection.isLost && this.leave(connection, session, error);
  }

  /**
   * Another client goes on with the session: it leaves its connection, which lives on. Where its client would not be told, the
   * connection has to go.
   *
   * @returns false when the session is over, or what comes behind the packets that the other client had is not kept any more: then
   * everything stays as it is
   */
  handOver(place: ClientPlace): boolean {
    const { connection, session, sessionId, count } = this;
    // The client that it was closed with may come for the rest of it.
    if (session === undefined || session.isOver) return false;
    if (connection === undefined) return true;
    connection.flush();
    const kept = connection.sentLog?.unconfirmed(count).length ?? 0;
    if (!isPlaceWithin(place, count.packets - kept, count.packets)) return false;
    if (!connection.knowsPeerMessages) return true;
    const error = new TransportError(`session ${sessionId} goes on with another client, which had a ticket`);
    if (this.connection === connection && this.leave(connection, session, error)) connection.handedOver(sessionId);
    return true;
  }

  private leave(connection: OutlivedConnection, session: ServerSession, error: NnrpError): boolean {
    if (this.isDraining || !session.lifecycle.suspend()) return false;
    if (this.beginsAnew) session.abandonOperations(error);
    this.takeUnconfirmed(connection);
    this.detach();
    session.moveTo(this.place.gate, this.place.memory);
    this.server.suspended(this, error);
    return true;
  }

  private takeUnconfirmed({ sentLog }: OutlivedConnection): void {
    const unconfirmed = sentLog?.unconfirmed(this.count) ?? [];
    sentLog?.forget(this.count);
    this.kept.addBefore(unconfirmed);
    this.sentBefore = unconfirmed.length;
  }

  /** Whether the session can go on where the client says it is. */
  canGoOnFrom(place: ClientPlace): boolean {
    const { packets } = this.count;
    return isPlaceWithin(place, packets - this.sentBefore, packets);
  }

  /** Whether the client can have received so many packets, as far as can be said while its connection lives. */
  mayHaveReceived(place: ClientPlace): boolean {
    return isPlaceWithin(place, 0, this.count.packets);
  }

  /**
   * The session goes on over this connection, whose acknowledgement is about to be sent.
   *
   * @returns behind which packet it goes on
   */
  resumeOn(connection: OutlivedConnection, { received }: ClientPlace): number {
    // A client that does not say what it has gets nothing twice.
    const first = this.count.packets - this.sentBefore;
    const has = Math.max(received ?? this.count.packets, first);
    for (let packet = first; packet < has; packet++) this.kept.take();
    this.count.packets = has;
    this.sentBefore = 0;
    connection.sentLog?.begin(this.count, 'open_ack');
    this.session?.lifecycle.resume();
    this.attachTo(connection);
    return has;
  }

  /** The acknowledgement is sent: what is kept follows. */
  goOn(): void {
    const { connection, session } = this;
    const proved = () => {
      if (this.connection === connection) this.tokens.proved();
    };
    if (session !== undefined) session.heard = proved;
    if (connection !== undefined) whenArrived(connection, proved);
    if (session?.isOver === false) session.moveTo(this.gate, this.memory);
    else connection?.leaves(this);
    this.away?.end();
    this.away = undefined;
    this.sendOn();
  }

  /** Its session is over: nothing is kept any more. */
  clear(): void {
    this.kept.clear();
    this.tellKept();
    this.away?.end();
    this.away = undefined;
  }

  protected override makePlace(): AwayPlace {
    return this.server.awayPlace(this);
  }

  protected override detach(): void {
    this.connection?.keptForResumed(-this.toldBytes, 0);
    this.toldBytes = 0;
    super.detach();
  }

  private tellKept(): void {
    const bytes = this.kept.byteLength - this.toldBytes;
    if (this.connection === undefined || bytes === 0) return;
    this.toldBytes += bytes;
    this.connection.keptForResumed(bytes, this.server.maxResumedBytes);
  }

  /** A reference client of preview4 resumes a session without anything that was in it: nothing is kept for it. */
  get beginsAnew(): boolean {
    return this.dialect.isPreview4 && !this.understands(PeerMessages.Recovery);
  }

  private keep(message: OutboundPacket): boolean {
    if (this.connection === undefined && this.beginsAnew) {
      this.outbound?.clear();
      return true;
    }
    const packet = LoggedPacket.of(message);
    this.kept.add(packet);
    this.outbound?.clear();
    this.server.kept(this, packet.retainedBytes);
    this.tellKept();
    return !this.server.isFull(this) && this.connection === undefined;
  }

  private sendOn(): void {
    const { connection, session, kept } = this;
    const lane = session?.lane ?? CONTROL_LANE;
    let hasRoom = true;
    while (hasRoom && kept.size > 0 && connection !== undefined && this.connection === connection) {
      hasRoom = connection.sendKept(kept.take(), lane);
    }
    this.tellKept();
    if (connection === undefined || this.connection !== connection) return;
    if (kept.size > 0) {
      const drained = connection.whenDrained(lane);
      background(
        connection,
        drained.then(
          () => this.sendOn(),
          () => {},
        ),
      );
      return;
    }
    if (session?.isOver === true) connection.leaves(this);
    const { drain } = this;
    this.drain = undefined;
    if (drain === undefined) return;
    if (hasRoom) drain.resolve();
    else
      connection.whenDrained(lane).then(drain.resolve, () => this.whenDrained(lane).then(drain.resolve, drain.reject));
  }

  private whenDrainedElsewhere(connection: OutlivedConnection, lane: Lane, error: unknown): Promise<void> {
    if (this.connection === connection || this.session?.isOver !== false) return Promise.reject(error);
    return this.whenDrained(lane);
  }
}
