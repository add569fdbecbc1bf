import {
  ClosedError,
  checkHeaderIds,
  checkLengths,
  checkPacket,
  describeFault,
  forCaller,
  IdMap,
  isNnrpError,
  type MessageInfo,
  type NnrpError,
  type Packet,
  type ProtocolError,
  type TimeoutError,
  TransportError,
  type UsageError,
  type WireFault,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, ErrorScope, MessageType } from 'nnrp-core/preview3';
import { observer } from '../base/diagnostics/observer.js';
import { background, crash, type Guarded, guard } from '../base/guard.js';
import { warn } from '../base/warn.js';
import type { FramedTransport, PacketSink } from '../transport/contract/contract.js';
import { COPY_LIMIT } from '../transport/stream/lent-packet.js';
import { isResult } from './body/result-kind.js';
import { type ErrorOptions, errorMessage } from './errors/error-message.js';
import { framingError } from './errors/framing-error.js';
import { Pings, type PingsOwner } from './pings.js';
import type { SentLogOwner } from './recovery/sent-log.js';
import { type Dialect, PREVIEW3_DIALECT } from './revision/dialect.js';
import { ERROR_MESSAGE } from './sending/codecs.js';
import { type MetadataCodec, OutboundMessage } from './sending/outbound-message.js';
import { CONTROL_LANE, type Lane, Outbox, type OutboxLimits, type OutboxOwner } from './sending/outbox.js';
import { TEXT_BYTES } from './sending/waiting-packet.js';
import type { SessionConnection, SessionEndpoint } from './session-endpoint.js';
import { SpeakingConnection } from './speaking-connection.js';
import { endedBy, endTransport } from './transport-end.js';

/**
 * The one reader of a connection: checks each packet, then hands it to the session it names or to the role's own
 * handler. Common to both roles; what a role does with its packets stands in its subclass.
 */
export abstract class Connection<Session extends SessionEndpoint = SessionEndpoint>
  extends SpeakingConnection
  implements PacketSink, SessionConnection<Session>, OutboxOwner, PingsOwner, SentLogOwner
{
  protected readonly sessions = new IdMap<Session>();
  /** The session of the last packet: the next one is for it as a rule. */
  private recent: Session | undefined;
  private recentId = 0;
  protected readonly outbox: Outbox;
  protected readonly pings: Pings;
  private readonly outbound = new OutboundMessage();
  private ended: NnrpError | undefined;
  /** The peer has said CLOSE. */
  peerHasLeft = false;
  private crashing = false;
  private transportEnd: Promise<void> | undefined;

  protected constructor(transport: FramedTransport, limits: OutboxLimits, dialect: Dialect = PREVIEW3_DIALECT) {
    super(transport, dialect);
    this.outbox = new Outbox(transport, limits, this);
    this.pings = new Pings(this);
  }

  get isClosed(): boolean {
    return this.ended !== undefined;
  }

  get sessionCount(): number {
    return this.sessions.size;
  }

  /** Whether bytes wait that the peer has not taken: what is sent now comes behind them. */
  get isSending(): boolean {
    return this.outbox.waitsForTransport || (this.transport.unsentBytes ?? 0) > 0;
  }

  get unfinishedBytes(): number {
    return this.transport.unfinishedBytes ?? 0;
  }

  get roundTripMs(): number | undefined {
    return this.pings.lastRoundTripMs;
  }

  attach(sessionId: number, session: Session): void {
    this.forgetRecent();
    this.sessions.set(sessionId, session);
  }

  detach(sessionId: number): void {
    this.forgetRecent();
    this.sessions.delete(sessionId);
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
    routeId = 0,
  ): boolean {
    if (body !== undefined && body.length + codec.bytes > this.mostBytes) {
      this.checkSize(messageType, sessionId, frameId, body.length + codec.bytes);
    }
    // Only work and results are large enough to lend; all other bodies are copied, so that callers may reuse them.
    const isLent = messageType === MessageType.FrameSubmit || isResult(messageType);
    const bytes = isLent || body === undefined || body.length <= COPY_LIMIT ? body : new Uint8Array(body);
    const message = this.outbound.set(messageType, sessionId, frameId, codec, value, bytes, traceLow, traceHigh);
    const accepted = this.outbox.send(message.withRoute(routeId), lane, partial);
    // Small work and results may stay until the next one; a control message may be the last for long.
    if (!isLent || (bytes !== undefined && bytes.length > COPY_LIMIT)) message.clear();
    return accepted;
  }

  sendPlain(
    messageType: number,
    sessionId: number,
    frameId: number,
    lane: Lane = CONTROL_LANE,
    traceLow = 0,
    traceHigh = 0,
  ): boolean {
    return this.outbox.send(this.outbound.setPlain(messageType, sessionId, frameId, traceLow, traceHigh), lane, false);
  }

  sendPing(): void {
    this.outbox.sendAhead(this.outbound.setPlain(MessageType.Ping, 0, 0), false);
  }

  pingTimedOut(error: TimeoutError): boolean {
    this.endNow(error);
    return false;
  }

  fence(): void {}

  confirmedRoom(): void {
    this.outbox.confirmed();
  }

  whenDrained(lane: Lane = CONTROL_LANE): Promise<void> {
    return this.outbox.whenDrained(lane);
  }

  /**
   * Tells the peer what went wrong (docs/protocol.md 7.20). The text is cut to 256 bytes; a peer that understands details has the
   * rest of it from them.
   */
  sendError(errorCode: number, errorScope: preview3.ErrorScope, text: string, options: ErrorOptions = {}): void {
    const { sessionId = 0, frameId = 0, lane = CONTROL_LANE } = options;
    const understandsDetails = this.understands(preview3.PeerMessages.ErrorDetails);
    const { metadata, body } = errorMessage(errorCode, errorScope, text, options, understandsDetails);
    this.send(MessageType.Error, sessionId, frameId, ERROR_MESSAGE, metadata, body, lane);
  }

  /**
   * Measures the round trip with PING.
   * @returns milliseconds; rejects with TimeoutError, and the connection is over, when no PONG comes
   */
  ping(timeoutMs: number): Promise<number> {
    return this.ended === undefined ? this.pings.ping(timeoutMs) : Promise.reject(forCaller(this.ended));
  }

  /**
   * Something inside the runtime has thrown. What it has left undone is unknown, so the peer is told, as far as that still
   * can be, and the connection ends with everything on it.
   */
  crashed(error: unknown): void {
    // The end must not depend on whether it can be reported.
    guard(UNREPORTED, () => this.internalError(error));
    // What it says about it may fail in the same way again.
    if (this.ended !== undefined || this.crashing) return;
    this.crashing = true;
    guard(this, () => {
      const text = 'an internal error ends the connection';
      this.sendError(ErrorCode.InternalError, ErrorScope.Connection, text, { fatal: true });
      this.sendPlain(MessageType.Close, 0, 0);
    });
    this.end(new TransportError(`${this.remoteAddress}: an internal error ended the connection`, { cause: error }));
  }

  packet(packet: Packet): void {
    try {
      this.read(packet);
    } catch (error) {
      crash(this, error);
    }
  }

  private read(packet: Packet): void {
    const info = this.wire.messageInfo(packet.messageType);
    if (info === undefined) return;
    this.came(packet);
    const fault = checkPacket(packet, info, this.wire) ?? checkHeaderIds(packet, info);
    const { sessionId } = packet;
    const session = sessionId === this.recentId ? this.recent : this.sessionOf(sessionId);
    if (session !== undefined) {
      if (fault === undefined) session.receive(packet, info);
      else session.violated(packet, info, fault);
    } else if (fault !== undefined) {
      this.violated(packet, info, fault);
    } else if (!this.receivedByAnyRole(packet)) {
      this.receive(packet, info);
    }
  }

  private sessionOf(sessionId: number): Session | undefined {
    if (sessionId === 0) return undefined;
    const session = this.sessions.get(sessionId);
    if (session !== undefined) {
      this.recent = session;
      this.recentId = sessionId;
    }
    return session;
  }

  private forgetRecent(): void {
    this.recent = undefined;
    this.recentId = 0;
  }

  oversized(head: Packet, fault: WireFault): boolean {
    try {
      return this.failFrameAlone(head, fault);
    } catch (error) {
      crash(this, error);
      return false;
    }
  }

  /** A piece of work, or a result, that is too large costs its frame alone. */
  private failFrameAlone(head: Packet, fault: WireFault): boolean {
    const session = this.sessions.get(head.sessionId);
    const info = this.wire.messageInfo(head.messageType);
    if (session === undefined || info === undefined || head.frameId === 0 || !this.takesFrames(head)) return false;
    // Lengths that the message cannot have are no large frame but a broken header.
    if (checkLengths(info, head.metadataLength, head.bodyLength) !== undefined) return false;
    this.packetCount++;
    session.violated(head, info, fault);
    return true;
  }

  broken(fault: WireFault, foreign?: Uint8Array): void {
    guard(this, () => {
      // Later bytes may be of a payload, and are not shown.
      const error = framingError(fault, this.packetCount === 0 ? foreign : undefined, this.protocolAdvice);
      // The peer's own bytes are not sent back: what comes from here could be taken for ours.
      this.fail(error, describeFault(fault));
    });
  }

  drained(): void {
    guard(this, () => this.outbox.drained());
  }

  /** A body that was lent has changed: its frame alone is given up. */
  unsent(head: Packet, error: UsageError): void {
    guard(this, () => this.outbox.log?.leftOut(head.sessionId, head.frameId));
    this.leftOut(head, error);
  }

  leftOut(head: Packet, error: UsageError): void {
    guard(this, () => this.sessions.get(head.sessionId)?.unsent(head, error));
  }

  closed(error?: NnrpError): void {
    const isPlain = error === undefined || error === null || isNnrpError(error);
    guard(this, () => this.transportEnded(isPlain ? (error ?? undefined) : endedBy(error, this.remoteAddress)));
  }

  protected transportEnded(error: NnrpError | undefined): void {
    const text = `${this.remoteAddress} closed the connection`;
    // With nothing open an end is in good order, also without CLOSE: preview3 peers send none.
    this.end(error ?? (this.sessions.size === 0 ? new ClosedError(text) : new TransportError(text)));
  }

  /** The peer broke a rule that costs the connection: tells it, then closes. @param told - what the peer is told */
  fail(error: ProtocolError, told: string = error.rawMessage): void {
    if (this.ended !== undefined) return;
    this.sendError(error.wireCode, ErrorScope.Connection, told, { fatal: true });
    this.sendPlain(MessageType.Close, 0, 0);
    this.end(error);
  }

  /**
   * Ends the connection on our side: what is queued is still sent.
   * @returns resolves when its transport has ended, or is not waited for any longer; what fails is an internal error
   */
  close(reason: NnrpError): Promise<void> {
    this.end(reason);
    return this.endTransport();
  }

  protected endTransport(): Promise<void> {
    this.transportEnd ??= endTransport(this, this.transport, this.remoteAddress);
    return this.transportEnd;
  }

  /** Ends the connection at once; what is queued is lost. */
  protected endNow(error: NnrpError): void {
    if (this.ended !== undefined) return;
    try {
      this.transport.abort(error);
    } catch (thrown) {
      guard(UNREPORTED, () => this.internalError(thrown));
    }
    this.end(error);
  }

  /** Each step by itself: what one of them throws must not keep the others from giving back what they hold. */
  protected end(error: NnrpError): void {
    if (this.ended !== undefined) return;
    this.ended = error;
    observer?.ended(this, error);
    guard(this, () => this.outbox.flushAll());
    guard(this, () => background(this, this.endTransport()));
    for (const session of [...this.sessions.values()]) guard(this, () => session.disconnected(error));
    this.sessions.clear();
    this.forgetRecent();
    guard(this, () => this.outbox.end(error));
    guard(this, () => this.pings.end(error));
    guard(this, () => this.onEnded(error));
    guard(this, () => this.outbox.log?.close());
  }

  /** Whether a packet is what the peer sends frames by. */
  protected abstract takesFrames(head: Packet): boolean;
  abstract understands(family: preview3.PeerMessages): boolean;
  protected abstract receive(packet: Packet, info: MessageInfo): void;
  /** A packet that names no session of this connection and breaks a rule. */
  protected abstract violated(packet: Packet, info: MessageInfo, fault: WireFault): void;
  protected abstract onEnded(error: NnrpError): void;
  protected abstract internalError(error: unknown): void;
  /** Whether this side reads, and how often it has stopped. */
  abstract get reading(): { readonly stops: number; readonly isPaused: boolean };
  /** An answer to what the peer has sent waits, so many bytes of it: the peer asks faster than it reads. */
  answerWaits(_bytes: number): void {}
  transportIsFull(_isFull: boolean): void {}
  outboxHalfFull(): void {}
  outboxDrained(): void {}
  partialDropped(): void {}

  /** @param why - it is the end of the connection */
  outboxOverflowed(why = 'reads too slowly'): void {
    this.endNow(new TransportError(`${this.remoteAddress} ${why}: ${this.outbox.byteLength} bytes wait to be sent`));
  }

  private receivedByAnyRole(packet: Packet): boolean {
    switch (packet.messageType) {
      case MessageType.Ping:
        if (!this.outbox.sendAhead(this.outbound.setPlain(MessageType.Pong, 0, 0), true))
          this.answerWaits(TEXT_BYTES + preview3.COMMON_HEADER_BYTES);
        return true;
      case MessageType.Pong:
        // An answer to no request says nothing.
        this.pings.answered();
        this.outbox.log?.confirmed();
        return true;
      case MessageType.Close:
        this.peerHasLeft = true;
        background(this, this.close(new ClosedError(`${this.remoteAddress} closed the connection`)));
        return true;
      default:
        return false;
    }
  }
}

const UNREPORTED: Guarded = { crashed: (error) => warn('an internal error could not be reported', error) };
