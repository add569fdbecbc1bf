import { IdMap, type NnrpError, type Packet, ProtocolError, TimeoutError, TransportError } from 'nnrp-core';
import { ErrorCode, MessageType } from 'nnrp-core/preview3';
import { background, guard, later, nextTurn } from '../../base/guard.js';
import { keptError } from '../../base/kept-error.js';
import { SETTLED } from '../../base/promises/settled.js';
import { Patience } from '../../base/time/patience.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { remoteAddressOf } from '../../connection/transport-end.js';
import { unusable } from '../../transport/connecting/connect-attempt.js';
import type { FramedConnector, FramedTransport, PacketSink, TransportKind } from '../../transport/contract/contract.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import { ConnectionWords } from './connection-words.js';
import { type LinkOwner, LiveLink } from './live-link.js';
import { openedSession } from './open-request.js';
import { Reconnecting, type ReconnectingOwner } from './reconnecting.js';
import { NO_OWNER, NO_SINK, type RecoveryOwner, type RecoverySettings } from './recovery-owner.js';
import type { ResumableSession } from './resumable-session.js';
import { putOffMs, ResumeAnswers, type ResumingParts } from './resume-answers.js';
import { sendOrKeep } from './send-or-keep.js';
import { givenUp, neverResumed } from './session-lost.js';
import { type Gap, gapSince, loseLate, NEVER } from './session-windows.js';

/**
 * What a client's connection takes for its transport: real ones come and go below it. While there is none, what is sent is
 * kept; on a new one each session is resumed, and each side sends what the other has not got. It ends with the first real
 * transport that carries no session, unless a subclass says otherwise.
 */
export class ResumingTransport implements FramedTransport, LinkOwner, ReconnectingOwner, ResumingParts {
  sink: PacketSink = NO_SINK;
  /** Set by the connection above. */
  owner: RecoveryOwner = NO_OWNER;
  isPaused = false;
  link: LiveLink | undefined;
  /** Those that can be resumed. */
  readonly sessions = new IdMap<ResumableSession>();
  protected readonly reconnecting: Reconnecting;
  remoteAddress: string;
  kind: TransportKind;
  readonly words = new ConnectionWords();
  protected readonly answers = new ResumeAnswers(this);
  protected gap: Gap | undefined;
  /** Sessions that are not on a connection. */
  private lagging = 0;
  /** Whether everything goes straight to the link. */
  isWhole = true;
  /** The server's answers to resumes are waited for so long. */
  private patience: Patience | undefined;
  private windowTimer: ReturnType<typeof later> | undefined;
  private retryAfterMs = 0;
  protected isOver = false;

  constructor(
    first: FramedTransport,
    connector: FramedConnector,
    readonly settings: RecoverySettings,
  ) {
    this.kind = first.kind;
    this.remoteAddress = remoteAddressOf(first);
    this.link = new LiveLink(first, this);
    this.reconnecting = new Reconnecting(this, connector, settings);
  }

  get unfinishedBytes(): number {
    return this.link?.transport.unfinishedBytes ?? 0;
  }

  /** While sessions are not resumed something waits, whatever it is. */
  get unsentBytes(): number {
    return Math.max(this.gap === undefined ? 0 : 1, this.link?.transport.unsentBytes ?? 0);
  }

  get maxCloseMs(): number {
    return this.link?.transport.maxCloseMs ?? 0;
  }

  start(sink: PacketSink): void {
    this.sink = sink;
    this.link?.transport.start(this.link);
  }

  send(packet: NamedPacket): boolean {
    this.link?.fenceIfDue();
    const { link } = this;
    if (this.isWhole && link !== undefined && packet.messageType === MessageType.FrameSubmit) return link.send(packet);
    return sendOrKeep(this, packet);
  }

  pause(): void {
    this.isPaused = true;
    // Until sessions go on the answers have to be read.
    if (this.gap === undefined) this.link?.transport.pause();
  }

  resume(): void {
    this.isPaused = false;
    if (this.gap === undefined) this.link?.transport.resume();
  }

  close(): Promise<void> {
    const { link, isOver } = this;
    this.stop();
    if (link === undefined) {
      if (!isOver) nextTurn(this, () => this.sink.closed());
      return SETTLED;
    }
    // Sessions do not go on; what the connection says at its end goes out all the same.
    this.words.flush(link);
    link.end();
    return link.transport.close();
  }

  abort(error?: NnrpError): void {
    const { link, isOver } = this;
    this.stop();
    link?.end();
    if (link !== undefined) link.transport.abort(error);
    else if (!isOver) nextTurn(this, () => this.sink.closed(error));
  }

  crashed(error: unknown): void {
    this.owner.crashed(error);
  }

  /** The link that sessions go on over; undefined while they do not. */
  get openLink(): LiveLink | undefined {
    return this.gap === undefined ? this.link : undefined;
  }

  /** Whether sessions do not go on at the moment. */
  get isAway(): boolean {
    return this.gap !== undefined && !this.isOver;
  }

  /** What operations fail with when their session is given up now; undefined when it is on a connection. */
  lossOf(sessionId: number, error: NnrpError): NnrpError | undefined {
    const session = this.isAway ? this.sessions.get(sessionId) : undefined;
    return session === undefined || session.isAttached ? undefined : givenUp(session, error);
  }

  /** The path is dead as far as the connection can tell. @returns false when that is the end of it */
  pathLost(error: NnrpError): boolean {
    if (this.isOver || !this.comesBack(error)) return false;
    this.link?.lost(error);
    return true;
  }

  /** The session is over, and not resumed any more. @returns whether it is on no connection that could be told */
  forget(sessionId: number): boolean {
    const session = this.sessions.get(sessionId);
    if (session === undefined) return this.isAway;
    this.sessions.delete(sessionId);
    this.link?.forget(session);
    if (session.isAttached) {
      // What has closed it has come through.
      this.reconnecting.succeeded(true);
      return false;
    }
    this.caughtUp();
    // The caller may be about to close the connection.
    if (this.sessions.size === 0) nextTurn(this, () => this.lookAtWindows());
    return true;
  }

  // What links say.

  openAnswered(link: LiveLink, packet: Packet): void {
    const asked = link.opens.size === 0 ? undefined : link.opens.take();
    if (asked?.resumes !== undefined) this.answers.answered(link, asked.resumes, packet);
    else {
      if (asked !== undefined) this.opened(link, asked.packet, packet);
      this.sink.packet(packet);
    }
    this.goOn();
  }

  helloAnswered(link: LiveLink): boolean {
    return this.words.helloAnswered(link);
  }

  /** A server that cannot take the connection back now may say when it can. */
  errorArrived(link: LiveLink, packet: Packet): boolean {
    const retryAfterMs = this.isBack ? 0 : putOffMs(packet);
    if (retryAfterMs === 0) return false;
    this.retryAfterMs = retryAfterMs;
    link.lost(new TransportError(`${this.remoteAddress} asks to retry in ${retryAfterMs} ms`, { retryAfterMs }));
    return true;
  }

  /** A server that ends the connection before sessions go on may take them later, or another one in its place. */
  closeArrived(link: LiveLink): boolean {
    if (this.isBack) return false;
    link.lost(new TransportError(`${this.remoteAddress} closed the connection`));
    return true;
  }

  linkDrained(link: LiveLink): void {
    if (link === this.link && this.gap === undefined && !this.isOver) this.sink.drained();
  }

  linkLost(link: LiveLink, error: NnrpError | undefined): void {
    if (link !== this.link) return;
    if (this.isOver || !this.comesBack(error)) {
      this.stop();
      this.link = undefined;
      link.end();
      this.sink.closed(error);
      return;
    }
    const nowMs = performance.now();
    const why = keptError(error ?? new TransportError(`${this.remoteAddress} closed the connection`));
    this.link = undefined;
    this.answers.forget();
    this.patience?.end();
    this.reconnecting.lost(link.hasHeard, why);
    link.suspend(nowMs);
    this.words.takeBack(link);
    this.lagging = this.sessions.size;
    this.isWhole = false;
    const isFirst = this.gap === undefined;
    this.gap = gapSince(nowMs, why, this.sessions.values(), this.gap, !this.carriesSessions);
    if (isFirst) guard(this, () => this.owner.suspended(why));
    guard(this, () => this.owner.endOthers(why, (sessionId) => this.sessions.has(sessionId)));
    this.connectAgain();
  }

  /** The transport may be another one than before, where there are several addresses. */
  connected(transport: FramedTransport): void {
    const link = new LiveLink(transport, this, this.reconnecting.answerMs);
    this.link = link;
    try {
      this.kind = transport.kind;
      this.remoteAddress = remoteAddressOf(transport);
      transport.limitPackets?.(this.settings.maxPacketBytes);
      transport.start(link);
      // It may be over already.
      if (this.link === link) this.askOn(link);
    } catch (error) {
      link.lost(unusable(this.remoteAddress, error));
    }
    if (this.link === link) this.goOn();
  }

  private askOn(link: LiveLink): void {
    this.words.greet(link);
    this.answers.askAll(link, this.sessions.values());
    this.words.askOn(link);
  }

  awaitAnswers(link: LiveLink): void {
    const { openTimeoutMs } = this.settings;
    this.patience?.end();
    if (this.gap === undefined) return;
    this.patience = new Patience(this, openTimeoutMs, () => {
      link.lost(new TimeoutError(`no answer to SESSION_OPEN within ${openTimeoutMs} ms`, openTimeoutMs));
    });
  }

  connectFailed(error: NnrpError): void {
    if (this.gap !== undefined) this.gap.error = keptError(error);
    this.connectAgain();
  }

  // What comes of asking for a session again.

  /** @param packets - sent to resume the session */
  sessionResumed(session: ResumableSession, packets: number): void {
    this.reconnecting.succeeded(session.hasMoved);
    if (this.gap !== undefined) this.gap.replayed += packets;
    this.caughtUp();
    guard(this, () => this.owner.tokenChanged(session.sessionId));
  }

  sessionLost(session: ResumableSession, error: NnrpError): void {
    if (this.sessions.get(session.sessionId) !== session) return;
    if (this.gap !== undefined) this.gap.error = error;
    this.sessions.delete(session.sessionId);
    this.caughtUp();
    guard(this, () => this.owner.sessionLost(session, error));
  }

  /** The server may be about to resume it: then it has as long as an answer may take. */
  graceMs(session: ResumableSession): number {
    return this.answers.isAsked(session) ? this.settings.openTimeoutMs : 0;
  }

  ruleBroken(text: string): void {
    this.owner.ruleBroken(new ProtocolError(`SESSION_OPEN_ACK: ${text}`, ErrorCode.InvalidState));
  }

  /** A session lags no longer: it goes on, or is over. */
  private caughtUp(): void {
    this.lagging--;
    this.isWhole = this.gap === undefined && this.lagging === 0;
  }

  private opened(link: LiveLink, request: LoggedPacket, packet: Packet): void {
    this.answers.idGiven(packet.sessionId);
    if (this.settings.reconnect !== 'resume' || this.sessions.has(packet.sessionId)) return;
    const session = openedSession(request, packet);
    if (session === undefined) return;
    this.sessions.set(session.sessionId, session);
    link.adopt(session);
  }

  protected connectAgain(): void {
    if (this.isOver) return;
    this.reconnecting.begin(this.retryAfterMs);
    this.retryAfterMs = 0;
    this.lookAtWindows();
  }

  /** Everything that was asked on the new link has its answer: what waits goes out. */
  protected goOn(): void {
    const { gap, link, sessions } = this;
    if (this.isOver || gap === undefined || link === undefined || this.answers.isPending) return;
    this.patience?.end();
    const resumed = sessions.size - this.lagging;
    // All of them are to retry later, or none is left.
    const { isReopening, isAwaited } = this.owner;
    if (resumed === 0 && !isReopening && !gap.isSessionless && (sessions.size > 0 || !isAwaited)) {
      this.lookAtWindows();
      return;
    }
    if (resumed === 0) this.reconnecting.succeeded(false);
    this.gap = undefined;
    this.isWhole = this.lagging === 0;
    this.words.askOn(link);
    this.words.sayOn(link);
    if (this.isPaused) link.transport.pause();
    this.lookAtWindows();
    const awayMs = performance.now() - gap.sinceMs;
    if (resumed > 0 || gap.isSessionless)
      guard(this, () => this.owner.resumed({ awayMs, sessions: resumed, replayed: gap.replayed }));
    guard(this, () => this.owner.wentOn());
    this.linkDrained(link);
  }

  /** Gives up what cannot be resumed any more. It looks at the clock: a timer may be late. */
  private lookAtWindows(): void {
    clearTimeout(this.windowTimer);
    if (this.isOver) return;
    const { gap } = this;
    const nowMs = performance.now();
    let nextMs = this.lagging === 0 ? NEVER : loseLate(nowMs, this.sessions.values(), this, gap?.error);
    if (this.isOver) return;
    if (gap?.isSessionless === false && gap === this.gap && this.sessions.size === 0 && !this.owner.isReopening) {
      if (!this.owner.isAwaited || gap.endsAtMs <= nowMs) {
        this.endedFor(gap.error);
        return;
      }
      nextMs = gap.endsAtMs;
    }
    if (nextMs === NEVER) return;
    this.windowTimer = later(this, Math.min(nextMs - nowMs + 1, MAX_TIMER_MS), () => this.lookAtWindows());
  }

  /** Whether sessions go on, or are over for good. */
  private get isBack(): boolean {
    return this.gap === undefined && (this.sessions.size > 0 || !this.owner.isReopening);
  }

  /** Whether the loss of a connection is not the end. */
  protected comesBack(_error: NnrpError | undefined): boolean {
    return this.carriesSessions || this.gap !== undefined;
  }

  private get carriesSessions(): boolean {
    return this.sessions.size > 0 || this.owner.isReopening || this.owner.hasReopenable;
  }

  /** A session is not opened again. @param error - why, where that ends a connection which carries nothing any more */
  gaveUp(error?: NnrpError): void {
    if (this.isOver) return;
    if (this.gap !== undefined) {
      if (error !== undefined) this.gap.error = error;
      this.lookAtWindows();
    } else if (error !== undefined && !this.owner.hasSessions && !this.owner.isAwaited) {
      this.endedFor(error);
    }
  }

  /** No session is left to be resumed. */
  protected endedFor(cause: NnrpError): void {
    const { link } = this;
    this.stop();
    this.link = undefined;
    link?.end();
    if (link !== undefined) guard(this, () => background(this, link.transport.close()));
    this.sink.closed(neverResumed(this.remoteAddress, cause));
  }

  protected stop(): void {
    this.isOver = true;
    this.reconnecting.stop();
    this.answers.forget();
    this.patience?.end();
    clearTimeout(this.windowTimer);
  }
}
