import { ClosedError, type NnrpError, type TimeoutError, TransportError } from 'nnrp-core';
import { ErrorCode, ErrorScope, type PeerMessages } from 'nnrp-core/preview3';
import { guard } from '../../../base/guard.js';
import { ignoreRejection } from '../../../base/promises/settled.js';
import { Connection } from '../../../connection/connection.js';
import { SentLog, type SentLogOwner, WINDOW_BYTES } from '../../../connection/recovery/sent-log.js';
import type { Lane } from '../../../connection/sending/outbox.js';
import type { SessionEndpoint } from '../../../connection/session-endpoint.js';
import type { FramedTransport } from '../../../transport/contract/contract.js';
import type { NamedPacket } from '../../../transport/contract/named-packet.js';
import type { ServerBounds } from '../../contract/server-bounds.js';
import type { NnrpServerConfig } from '../../contract/server-config.js';
import { NO_CLIENT } from '../../failures/other-protocols.js';

/** Says when senders have to wait from now on until more is confirmed. */
class CountedLog extends SentLog {
  constructor(
    owner: SentLogOwner,
    transport: FramedTransport,
    owed: number,
    private readonly filled: () => void,
  ) {
    super(owner, transport, owed);
  }

  protected override look(): void {
    const wasFull = this.isFull;
    super.look();
    if (!wasFull && this.isFull) this.filled();
  }
}

/** A connection that may be lost without its sessions: it knows what it has sent for them, and how it has ended. */
export abstract class OutlivableConnection<Session extends SessionEndpoint> extends Connection<Session> {
  /** Any peer may connect. */
  readonly isOneOfMany = true;
  /** It ended without a word: by the network, not by what either side has said. */
  isLost = false;
  /** What the client says it understands, bits of PeerMessages. */
  families = 0;
  /** Kept for sessions that were resumed on it: that goes out before anything new of these. */
  resumedBytes = 0;

  understands(family: PeerMessages): boolean {
    return (this.families & family) !== 0;
  }

  /** What was sent for sessions that can be resumed; undefined without such a session. */
  get sentLog(): SentLog | undefined {
    return this.outbox.log;
  }

  get outboxBytes(): number {
    return this.outbox.byteLength;
  }

  protected override get protocolAdvice() {
    return NO_CLIENT;
  }

  abstract get bounds(): Pick<ServerBounds, 'hit'>;
  abstract get config(): Pick<NnrpServerConfig, 'pingTimeoutMs' | 'keepAliveMs'>;
  /** The client has ended its direction. */
  abstract get isHalfClosed(): boolean;

  get isPongAwaited(): boolean {
    return this.pings.isAwaited;
  }

  override ping(timeoutMs: number): Promise<number> {
    return this.isHalfClosed ? ignoreRejection(Promise.reject(this.noPong())) : super.ping(timeoutMs);
  }

  pingUnwatched(): void {
    this.pings.unwatched();
  }

  override fence(): void {
    if (this.isClosed || this.isHalfClosed) return;
    const { pingTimeoutMs, keepAliveMs } = this.config;
    this.pings.fence(pingTimeoutMs + keepAliveMs);
  }

  /**
   * So much more is kept for a session that was resumed here, or less when negative. A client that takes nothing must go when it
   * is too much.
   */
  keptForResumed(bytes: number, mostBytes: number): void {
    this.resumedBytes += bytes;
    if (bytes <= 0 || this.resumedBytes <= mostBytes || this.isClosed) return;
    this.bounds.hit('resumedBytes');
    const text = `${this.remoteAddress} reads too slowly: ${this.resumedBytes} bytes are kept for sessions that it resumed`;
    this.endNow(new TransportError(text));
  }

  /** The client has ended its direction, and all it has sent is read. */
  protected noPongComes(): void {
    this.pings.end(this.noPong());
  }

  private noPong(): TransportError {
    return new TransportError(`${this.remoteAddress} has ended its direction: no PONG comes`);
  }

  private logFilled(): void {
    const isOwn = (this.sentLog?.byteLength ?? 0) >= WINDOW_BYTES;
    this.bounds.hit(isOwn ? 'unconfirmedBytes' : 'serverUnconfirmedBytes');
  }

  keepLog(): void {
    this.outbox.beginLog(() => new CountedLog(this, this.transport, this.pings.waiting, () => this.logFilled()));
  }

  fenceIfDue(): void {
    this.outbox.fenceIfDue();
  }

  sendKept(packet: NamedPacket, lane: Lane): boolean {
    return this.outbox.send(packet, lane, false);
  }

  /** A session that has no other connection ends with this one. */
  outlivedBy(): boolean {
    return false;
  }

  /** One of its sessions has gone on over another connection. Where that was agreed, it is an end in good order. */
  takenOver(isAgreed: boolean): void {
    const text = `${this.remoteAddress}: its session was resumed over another connection`;
    this.lose(isAgreed ? new ClosedError(text) : new TransportError(text));
  }

  flush(): void {
    guard(this, () => this.outbox.flushAll());
  }

  handedOver(sessionId: number): void {
    this.detach(sessionId);
    const text = `session ${sessionId} goes on with another client, which had a ticket for it`;
    guard(this, () => this.sendError(ErrorCode.InvalidState, ErrorScope.Session, text, { fatal: true, sessionId }));
    // What its client has sent meanwhile breaks no rule.
    this.closeSent(sessionId);
    this.sessionLeft();
  }

  abstract closeSent(sessionId: number): void;

  /** It has one session less. */
  protected abstract sessionLeft(): void;

  /** Ends it at once, without its sessions that can be resumed. */
  protected lose(error: NnrpError): void {
    this.isLost = true;
    this.endNow(error);
  }

  override pingTimedOut(error: TimeoutError): boolean {
    this.isLost = true;
    return super.pingTimedOut(error);
  }

  protected override transportEnded(error: NnrpError | undefined): void {
    if (!this.isClosed) this.isLost = true;
    super.transportEnded(error);
  }
}
