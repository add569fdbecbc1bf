import { IdSet, type NnrpError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { SentCount } from '../../connection/recovery/sent-count.js';
import type { SentLog } from '../../connection/recovery/sent-log.js';

/** Bytes that may be kept for a session while the others of its connection go on. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** A SESSION_OPEN, as it was sent. */
export interface OpenRequest {
  readonly open: preview3.SessionOpen;
  readonly auth: Uint8Array;
  readonly extensions: readonly preview3.ControlExtension[];
}

/** What the server has granted a session for its recovery. */
export interface ResumeGrant {
  readonly token: Uint8Array;
  /** Milliseconds after a loss in which the session can be resumed. */
  readonly windowMs: number;
  /** Profile, schema and its version; left out where nothing is compared with them. */
  readonly terms?: string;
}

/** What another client had received before, while the server sends some of it once more. */
export interface PacketsSentAgain {
  /** How many packets of the session that client had received. */
  readonly upTo: number;
  /** Which of those still to come brings the next result of a frame that was not read, at the earliest; 0 when none does. */
  unreadFrom(frameId: number): number;
  /** Whether the last answer to the frame is among those that were not read. */
  isOver(frameId: number): boolean;
}

/** A session that outlives its connection: how it was opened, and how far each direction has got. */
export class ResumableSession {
  /** Packets of the session that were received since it was opened. */
  received = 0;
  readonly sent: SentCount;
  /** Whether there is a connection that it is on. */
  isAttached = true;
  /** When its connection was lost, in milliseconds of `performance.now()`. */
  lostAtMs = 0;
  /** Before that the server wants not to be asked for it. */
  notBeforeMs = 0;
  /** Why the server has put it off, since its connection was lost. */
  refusal: NnrpError | undefined;
  /** Sent on a connection that was lost, and perhaps not received; in order. */
  private unconfirmed: LoggedPacket[] = [];
  /** Not sent yet; in order, behind those. */
  private unsent: LoggedPacket[] = [];
  private unsentBytes = 0;
  /** Frames that the transport has left out: they stand in the log, and do not count. */
  private leftOut: IdSet | undefined;
  /** Packets of either direction that had come through when it was resumed last. */
  private cameThrough = 0;
  /** Of what was sent on the connection that it is on. */
  private log: SentLog | undefined;
  /** There until all of it has come. */
  had: PacketsSentAgain | undefined;
  /** Whether anything has come through between the last two resumes. */
  hasMoved = false;

  constructor(
    readonly sessionId: number,
    readonly request: OpenRequest,
    private grant: ResumeGrant,
  ) {
    this.sent = new SentCount(sessionId);
  }

  get token(): Uint8Array {
    return this.grant.token;
  }

  /** With others it would be another session. */
  get terms(): string | undefined {
    return this.grant.terms;
  }

  get windowMs(): number {
    return this.grant.windowMs;
  }

  /** Until when it can be resumed while it is not attached. */
  get endsAtMs(): number {
    return this.lostAtMs + this.grant.windowMs;
  }

  /** Whether no more may be kept for it. */
  get isFull(): boolean {
    return this.unsentBytes >= MAX_KEPT_BYTES;
  }

  /**
   * Another client had the session before.
   * @param received - packets that the client has had @param position - packets that the server has received
   */
  goOnFrom(received: number, position: number): void {
    this.received = received;
    this.sent.packets = position;
    this.cameThrough = received + position;
  }

  /** It is on a connection. @param log - of what is sent there */
  attachTo(log: SentLog): void {
    this.log = log;
  }

  /** Which packet of the session each submit is that was sent, or waits for a connection, and may not have arrived; by frame. */
  submitsUnderWay(): ReadonlyMap<number, number> {
    const { log, unsent } = this;
    const sent = log === undefined ? this.unconfirmed : this.unconfirmedIn(log);
    const first = this.sent.packets - sent.length + 1;
    const numbers = new Map<number, number>();
    for (const [at, { messageType, frameId }] of [...sent, ...unsent].entries())
      if (messageType === MessageType.FrameSubmit) numbers.set(frameId, first + at);
    return numbers;
  }

  /** A submit was left out because its body had changed: the server gets the next packet in its place. */
  leaveOut(frameId: number): void {
    this.sent.packets--;
    this.leftOut ??= new IdSet();
    this.leftOut.add(frameId);
  }

  /** Keeps a packet until the session is resumed. */
  keep(packet: LoggedPacket): void {
    this.unsent.push(packet);
    this.unsentBytes += packet.retainedBytes;
  }

  /** Its connection is lost. @param log - of what was sent there */
  suspend(log: SentLog, nowMs: number): void {
    if (!this.isAttached) return;
    this.isAttached = false;
    this.lostAtMs = nowMs;
    this.unconfirmed = this.unconfirmedIn(log);
    this.log = undefined;
    this.leftOut = undefined;
  }

  /**
   * It goes on, on another connection.
   *
   * @param position - packets of the session that the server has received
   * @returns what has to be sent now, in order; undefined when the server cannot have received so many, or so few
   */
  resume(grant: ResumeGrant, position: number): LoggedPacket[] | undefined {
    const { packets } = this.sent;
    const first = packets - this.unconfirmed.length;
    if (position < first || position > packets) return undefined;
    const rest = [...this.unconfirmed.slice(position - first), ...this.unsent];
    this.grant = grant;
    this.hasMoved = this.received + position > this.cameThrough;
    this.cameThrough = this.received + position;
    this.sent.packets = position;
    this.isAttached = true;
    this.refusal = undefined;
    this.unconfirmed = [];
    this.unsent = [];
    this.unsentBytes = 0;
    return rest;
  }

  private unconfirmedIn(log: SentLog): LoggedPacket[] {
    return log.unconfirmed(this.sent).filter((packet) => !this.isLeftOut(packet));
  }

  private isLeftOut(packet: LoggedPacket): boolean {
    return packet.messageType === MessageType.FrameSubmit && this.leftOut?.has(packet.frameId) === true;
  }
}
