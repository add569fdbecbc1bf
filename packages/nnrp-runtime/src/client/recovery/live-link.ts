import { IdMap, type NnrpError, type Packet, TimeoutError, type UsageError, type WireFault } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { crash, type Guarded, guard, NO_OWNER } from '../../base/guard.js';
import { Line } from '../../base/queues/line.js';
import { Patience } from '../../base/time/patience.js';
import { framingError } from '../../connection/errors/framing-error.js';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { SentLog, type SentLogOwner } from '../../connection/recovery/sent-log.js';
import { remoteAddressOf } from '../../connection/transport-end.js';
import type { FramedTransport, PacketSink } from '../../transport/contract/contract.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import { NO_SERVER } from '../failures/other-protocols.js';
import { ownPacket } from './kept-packet.js';
import type { ResumableSession } from './resumable-session.js';

const PING = ownPacket(MessageType.Ping);
const PONG = ownPacket(MessageType.Pong);

/** A PONG may be so many times pingTimeoutMs late as long as anything else comes: it stands behind all that was sent before it. */
const MOST_OWED = 3;

/** A PING of the connection, from before there was a log; one that stands in the log; one of this layer's own, which does. */
type PingOf = 'connection' | 'logged connection' | 'fence';

/** A SESSION_OPEN without its answer: of the connection, or one that resumes a session. */
export interface AskedOpen {
  readonly packet: LoggedPacket;
  readonly resumes?: { readonly session: ResumableSession; readonly open: preview3.SessionOpen };
}

/** What a link needs of the transport that it is a part of. */
export interface LinkOwner extends Guarded {
  /** Takes the packets. */
  readonly sink: PacketSink;
  readonly settings: { readonly pingTimeoutMs: number };
  /** Milliseconds until `noServer` when nothing comes; left out where that is not looked at. */
  readonly silenceMs?: number;
  /** Whether the application does not let the connection be read. */
  readonly isPaused: boolean;
  /** SESSION_OPEN_ACK. */
  openAnswered(link: LiveLink, packet: Packet): void;
  /** SERVER_HELLO_ACK. @returns whether it was for this layer */
  helloAnswered(link: LiveLink): boolean;
  /** ERROR about the connection. @returns whether it was for this layer */
  errorArrived(link: LiveLink, packet: Packet): boolean;
  /** CLOSE. @returns whether it was for this layer */
  closeArrived(link: LiveLink): boolean;
  /** The transport has ended, or takes no notice any more. */
  linkLost(link: LiveLink, error: NnrpError | undefined): void;
  /** It has been asked and says nothing, or what it says is no NNRP. @returns whether another way is taken */
  noServer?(link: LiveLink, error: NnrpError): boolean;
  /** There is room to send more. */
  linkDrained(link: LiveLink): void;
}

/**
 * One real connection. It counts what is received for the sessions that can be resumed, logs what is sent for them, and
 * finds out by PINGs of its own what has arrived and whether the path is dead. Without such a session it does none of that.
 */
export class LiveLink implements PacketSink, SentLogOwner {
  /** Made with the first session that can be resumed. */
  private log: SentLog | undefined;
  /** In the order in which they have left: so they are answered. */
  readonly opens = new Line<AskedOpen>();
  private readonly sessions = new IdMap<ResumableSession>();
  private recent: ResumableSession | undefined;
  private recentId = 0;
  private readonly pings = new Line<PingOf>();
  private patience: Patience | undefined;
  /** Until the server has said anything to what it was asked. */
  private silence: Patience | undefined;
  /** When the PING left that has been without its PONG for longest; undefined when none is. */
  private owedSinceMs: number | undefined;
  /** Packets that have come. */
  private arrivals = 0;
  /** PINGs of the server that the connection has to answer. */
  unansweredPings = 0;
  /** The transport takes no more for now. */
  private isFull = false;
  private isOver = false;

  constructor(
    readonly transport: FramedTransport,
    private readonly owner: LinkOwner,
    /** Milliseconds in which the server has to say something at first. */
    private readonly firstMs = owner.settings.pingTimeoutMs,
  ) {}

  /** PINGs of the connection that have no PONG yet. */
  get pingsOfConnection(): number {
    return [...this.pings].filter((ping) => ping !== 'fence').length;
  }

  /** Whether the server has said anything. */
  get hasHeard(): boolean {
    return this.arrivals > 0;
  }

  /** Before something is sent for a session: a fence leaves in one write with it. The link may be lost inside of it. */
  fenceIfDue(): void {
    if (this.log?.isFenceDue === true) this.log.fence();
  }

  /** Calls back when all that has been sent so far has arrived; never when the link is lost first. */
  whenArrived(then: () => void): void {
    if (this.log === undefined) then();
    else this.log.whenArrived(then);
  }

  /** @returns false when the sender should wait. @throws what `writeHead` throws; nothing is sent then */
  send(packet: NamedPacket): boolean {
    const { log, transport } = this;
    if (log === undefined) return transport.send(packet);
    if (!transport.send(log.keepsItself ? log.keep(packet) : packet)) this.isFull = true;
    if (!log.isFull) return !this.isFull;
    this.fenceIfDue();
    return false;
  }

  /** The same for a PING of the connection. */
  sendPing(packet: NamedPacket = PING): boolean {
    this.pings.push(this.log === undefined ? 'connection' : 'logged connection');
    return this.send(packet);
  }

  ask(asked: AskedOpen): boolean {
    this.opens.push(asked);
    return this.question(asked.packet);
  }

  /** The same for what a server answers: what takes connections and never says anything may be none. */
  question(packet: LoggedPacket): boolean {
    const { silenceMs } = this.owner;
    if (silenceMs !== undefined && !this.hasHeard && !this.isOver)
      this.silence ??= new Patience(this, silenceMs, () => {
        const { transport } = this;
        if (this.hasHeard || (transport.unfinishedBytes ?? 0) > 0) return;
        const text = `${remoteAddressOf(transport)}: nothing was said within ${silenceMs} ms`;
        this.owner.noServer?.(this, new TimeoutError(text, silenceMs));
      }).unref();
    return this.send(packet);
  }

  /** The session is on this connection from now on. */
  adopt(session: ResumableSession): void {
    this.log ??= new SentLog(this, this.transport);
    this.log.begin(session.sent, 'now');
    session.attachTo(this.log);
    this.sessions.set(session.sessionId, session);
    this.forgetRecent();
  }

  /** The session is over. */
  forget(session: ResumableSession): void {
    const { sessionId } = session;
    if (this.sessions.get(sessionId) !== session) return;
    this.sessions.delete(sessionId);
    this.forgetRecent();
    this.log?.forget(session.sent);
  }

  /** The connection is lost: its sessions keep what may not have arrived. */
  suspend(nowMs: number): void {
    if (this.log !== undefined) for (const session of this.sessions.values()) session.suspend(this.log, nowMs);
    this.end();
  }

  /** Nothing is logged, asked or waited for any more. */
  end(): void {
    this.isOver = true;
    this.patience?.end();
    this.patience = undefined;
    this.silence?.end();
    this.log?.close();
  }

  crashed(error: unknown): void {
    this.owner.crashed(error);
  }

  fence(): void {
    if (this.isOver) return;
    this.pings.push('fence');
    this.owedSinceMs ??= performance.now();
    this.log ??= new SentLog(this, this.transport);
    this.send(PING);
    this.watch();
  }

  confirmedRoom(): void {
    if (!this.isFull) this.owner.linkDrained(this);
  }

  packet(packet: Packet): void {
    // A transport of the application's own may bring something after it was aborted.
    if (this.isOver) return;
    try {
      this.arrivals++;
      if (packet.messageType !== MessageType.ResultPush) {
        this.sort(packet);
        return;
      }
      // As `deliver`: most of what comes is of the session before.
      const { recent } = this;
      if (recent !== undefined && packet.sessionId === this.recentId) recent.received++;
      else if (this.log !== undefined) this.count(packet.sessionId);
      this.owner.sink.packet(packet);
    } catch (error) {
      crash(this.owner, error);
    }
  }

  oversized(head: Packet, fault: WireFault): boolean {
    if (this.isOver) return true;
    // What is not skipped is the end.
    const isSkipped = this.owner.sink.oversized?.(head, fault) ?? false;
    if (isSkipped) {
      this.arrivals++;
      this.count(head.sessionId);
    }
    return isSkipped;
  }

  broken(fault: WireFault, foreign?: Uint8Array): void {
    if (this.isOver) return;
    if (!this.hasHeard && this.owner.noServer?.(this, framingError(fault, foreign, NO_SERVER)) === true) return;
    this.owner.sink.broken(fault, foreign);
  }

  drained(): void {
    this.isFull = false;
    if (this.log?.isFull !== true) guard(this.owner, () => this.owner.linkDrained(this));
  }

  unsent(head: Packet, error: UsageError): void {
    if (this.isOver) return;
    this.sessions.get(head.sessionId)?.leaveOut(head.frameId);
    this.owner.sink.unsent?.(head, error);
  }

  closed(error?: NnrpError): void {
    guard(this.owner, () => this.owner.linkLost(this, error));
  }

  private deliver(packet: Packet): void {
    if (this.log !== undefined) this.count(packet.sessionId);
    this.owner.sink.packet(packet);
  }

  private count(sessionId: number): void {
    const session = sessionId === this.recentId ? this.recent : this.sessionOf(sessionId);
    if (session !== undefined) session.received++;
  }

  private forgetRecent(): void {
    this.recent = undefined;
    this.recentId = 0;
  }

  private sessionOf(sessionId: number): ResumableSession | undefined {
    this.recentId = sessionId;
    this.recent = this.sessions.get(sessionId);
    return this.recent;
  }

  private sort(packet: Packet): void {
    const { owner } = this;
    this.silence?.end();
    switch (packet.messageType) {
      case MessageType.Pong:
        if (!this.pongCame()) owner.sink.packet(packet);
        break;
      case MessageType.Ping:
        this.pingCame(packet);
        break;
      case MessageType.SessionOpenAck:
        owner.openAnswered(this, packet);
        break;
      case MessageType.ServerHelloAck:
        if (!owner.helloAnswered(this)) owner.sink.packet(packet);
        break;
      case MessageType.Error:
        if (packet.sessionId !== 0 || !owner.errorArrived(this, packet)) this.deliver(packet);
        break;
      case MessageType.Close:
        if (!owner.closeArrived(this)) owner.sink.packet(packet);
        break;
      default:
        this.deliver(packet);
    }
  }

  /** @returns whether it answers a PING of this layer's own */
  private pongCame(): boolean {
    if (this.pings.size === 0) return false;
    const ping = this.pings.take();
    this.owedSinceMs = this.pings.size === 0 ? undefined : performance.now();
    if (ping !== 'connection') this.log?.confirmed();
    return ping === 'fence';
  }

  /**
   * While the log alone is full, a PONG must not wait for room: the server may have no room either, and would wait for this
   * PONG, as this side does for the server's.
   */
  private pingCame(packet: Packet): void {
    if (this.log !== undefined && !this.isFull && !this.log.isOverfull) {
      this.send(PONG);
      return;
    }
    this.unansweredPings++;
    this.owner.sink.packet(packet);
  }

  /** Watches whether anything comes while a fence has no PONG: a path on which nothing does is dead. */
  private watch(): void {
    if (this.patience !== undefined || this.isOver) return;
    const { owner, transport, arrivals } = this;
    const { isPaused, settings } = owner;
    const { pingTimeoutMs } = settings;
    const before = transport.unfinishedBytes ?? 0;
    const waitMs = this.hasHeard ? pingTimeoutMs : this.firstMs;
    this.patience = new Patience(owner, waitMs, () => {
      this.patience = undefined;
      if (this.pings.size === 0 || this.isOver) return;
      const hasCome = this.arrivals !== arrivals || (transport.unfinishedBytes ?? 0) !== before;
      // It may not have left yet; a server that takes nothing at all is given up by the transport.
      const isExcused = isPaused || owner.isPaused || (transport.unsentBytes ?? 0) > 0;
      // Answers that come although no PONG does: the server does not hear this side.
      const isOwed = performance.now() - (this.owedSinceMs ?? Number.POSITIVE_INFINITY) > pingTimeoutMs * MOST_OWED;
      if ((hasCome && !isOwed) || isExcused) this.watch();
      else this.lost(new TimeoutError(`${remoteAddressOf(transport)}: no PONG within ${waitMs} ms`, waitMs));
    }).unref();
  }

  /** The path is dead, whatever the transport says. */
  lost(error: NnrpError): void {
    this.owner.linkLost(this, error);
    // One of the application's own may throw: it is of no use any more, and nothing depends on it.
    guard(NO_OWNER, () => this.transport.abort(error));
  }
}
