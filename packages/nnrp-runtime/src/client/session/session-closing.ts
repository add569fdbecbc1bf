import { ClosedError, isNnrpError, type NnrpError, PeerError, type SessionLifecycle } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import {
  CloseReason,
  CloseStatus,
  InFlightPolicy,
  MessageType,
  PeerMessages,
  SessionErrorCode,
} from 'nnrp-core/preview3';
import { Patience } from '../../base/time/patience.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { type CloseReport, closeReport } from '../../connection/close-report.js';
import { SESSION_CLOSE, SESSION_CLOSE_ACK } from '../../connection/sending/codecs.js';
import type { Lane } from '../../connection/sending/outbox.js';
import { serverShutdown } from '../failures/frame-failure.js';
import { wireName } from '../failures/wire-names.js';
import { PendingAnswer } from '../requests/pending-answer.js';
import type { AnswerWaiter } from '../requests/pending-requests.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import type { ClientSubmits } from '../submits/client-submits.js';
import { CLOSE_DEFAULTS, type CloseOptions, checkClose } from './close-options.js';

/** Milliseconds after the drain timeout of a server in which it may still say what it gives up. */
const DRAIN_GRACE_MS = 1000;

/** How one session is closed, by either side or by both at once. */
export class SessionClosing implements AnswerWaiter {
  /** The newest answer of the server to our close. */
  lastAck: preview3.SessionCloseAck | undefined;
  private handshake: PendingAnswer<CloseReport> | undefined;
  /** The server's wish to close, while work in progress is waited for. */
  private asked: preview3.SessionClose | undefined;
  /** Ends what is in progress when its time is over: the server's, or this side's own if that is less. */
  private drain: Patience | undefined;
  /** When that is, in milliseconds of `performance.now()`. */
  private drainEndMs = 0;
  /** Sends SESSION_CLOSE, which waits for the last answer. */
  private unsent: (() => void) | undefined;

  /** @param end - ends the session */
  constructor(
    private readonly connection: ClientSessionConnection,
    private readonly lifecycle: SessionLifecycle,
    private readonly submits: ClientSubmits,
    private readonly lane: Lane,
    private readonly end: (reason: NnrpError) => void,
  ) {}

  /** How the close that was asked for ends; undefined when none was. */
  get result(): Promise<CloseReport> | undefined {
    return this.handshake?.promise;
  }

  /** Why nothing can be sent once the session is over: one that the application has closed is closed, however that came about. */
  refusal(reason: NnrpError): NnrpError {
    if (this.result === undefined || isNnrpError(reason, 'NNRP_ERR_CLOSED')) return reason;
    return new ClosedError(`session ${this.lifecycle.sessionId} was closed`, { cause: reason });
  }

  /** Whether the session ends, or is closed, as soon as nothing is in flight any more. */
  get endsWithLastAnswer(): boolean {
    return this.asked !== undefined || this.unsent !== undefined;
  }

  /**
   * Asks the server to close; once asked, waits for the same answer, and gives what is in progress no more time than the
   * least that was said.
   *
   * @throws as {@link checkClose}
   */
  request(options: CloseOptions): Promise<CloseReport> {
    checkClose(options);
    const drainMs = this.drainMs(options);
    // A server that is about to close needs no request; what counts is the lesser time of both sides.
    if (this.asked !== undefined) return this.agree(this.asked, drainMs);
    if (this.handshake !== undefined) {
      this.hurry(this.handshake, drainMs);
      return this.handshake.promise;
    }
    const { sessionId } = this.lifecycle;
    const { reason = CLOSE_DEFAULTS.reason, inFlightPolicy = CLOSE_DEFAULTS.inFlightPolicy } = options;
    const drains = drainMs > 0 && !this.submits.nothingInFlight && this.isForgetful;
    if (drains) this.unsent = () => this.send(reason, inFlightPolicy, 0);
    else this.send(reason, inFlightPolicy, options.drainTimeoutMs ?? drainMs);
    this.lifecycle.closeRequested();
    this.submits.stopTaking(new ClosedError(`session ${sessionId} is being closed`), drainMs);
    if (drains) this.drainFor(drainMs, () => this.sendUnsent());
    else this.drainEndMs = performance.now() + drainMs;
    // The answer lies behind results that are not wanted any more: nothing would be read until they are.
    if (inFlightPolicy === InFlightPolicy.Abort && this.connection.unread.isReadingPaused)
      this.submits.cutAll(new ClosedError(`session ${sessionId} is being closed`));
    return this.confirmedWithin(this.connection.config.closeTimeoutMs + drainMs);
  }

  /** Tells the server that the session is over because it broke a rule. */
  abort(): void {
    this.send(CloseReason.ProtocolError, InFlightPolicy.Abort, 0);
  }

  /**
   * SESSION_CLOSE_ACK; acknowledged and draining announce a later answer.
   *
   * @param accepted - called before the answer takes effect, which may be the end
   * @returns false when no such answer was due
   */
  answered(ack: preview3.SessionCloseAck, accepted: () => void): boolean {
    const { handshake, lifecycle } = this;
    if (handshake === undefined || this.unsent !== undefined) return false;
    if (lifecycle.closeAnswered(ack.closeStatus) !== undefined) return false;
    this.lastAck = ack;
    accepted();
    const { sessionId } = lifecycle;
    if (ack.closeStatus === CloseStatus.Closed) {
      this.end(new ClosedError(`session ${sessionId} was closed`));
    } else if (ack.closeStatus === CloseStatus.Rejected) {
      this.handshake = undefined;
      this.drain?.end();
      this.submits.admit();
      this.connection.unread.answerCame(this);
      const text = `session ${sessionId}: the server refuses to close it`;
      handshake.reject(new PeerError('NNRP_ERR_CLOSE_REJECTED', text, ack.sessionErrorCode));
    }
    return true;
  }

  /** SESSION_CLOSE from the server. */
  askedByServer(close: preview3.SessionClose): void {
    const { sessionId } = this.lifecycle;
    const by = `by the server, reason ${wireName(CloseReason, close.closeReason)}`;
    const { drainTimeoutMs } = close;
    const isShutdown = close.closeReason === CloseReason.ServerShutdown;
    this.submits.stopTaking(
      isShutdown ? serverShutdown(sessionId) : new ClosedError(`session ${sessionId} is being closed ${by}`),
    );
    const drains = close.inFlightPolicy === InFlightPolicy.Drain && drainTimeoutMs > 0;
    if (!drains || this.submits.nothingInFlight) {
      this.confirm(close);
      return;
    }
    // Asked again: the answer to the first request answers this one.
    if (this.asked !== undefined) return;
    // It needs no request any more.
    this.unsent = undefined;
    this.acknowledge(CloseStatus.Draining, close.lastOperationId);
    this.lifecycle.closeRequested();
    this.lifecycle.closeAnswered(CloseStatus.Draining);
    this.asked = close;
    const { maxServerDrainMs } = this.connection.config;
    const servedMs = Math.min(drainTimeoutMs + DRAIN_GRACE_MS, maxServerDrainMs);
    // When this side has asked as well, its own time counts, too.
    const ownMs = this.handshake === undefined ? servedMs : Math.max(1, Math.ceil(this.drainEndMs - performance.now()));
    this.drainFor(Math.min(servedMs, ownMs), () => this.confirm(close));
  }

  /** Nothing is in flight any more. */
  nothingInFlight(): void {
    if (this.asked !== undefined) this.confirm(this.asked);
    else this.sendUnsent();
  }

  tooMuchBefore(error: NnrpError): void {
    this.end(error);
  }

  /** The session is over. */
  settle(reason: NnrpError): void {
    this.drain?.end();
    this.asked = undefined;
    this.unsent = undefined;
    if (this.handshake === undefined) return;
    this.connection.unread.answerCame(this);
    const { handshake, lifecycle, submits } = this;
    if (isNnrpError(reason, 'NNRP_ERR_CLOSED'))
      handshake.resolve(closeReport(lifecycle.sessionId, submits.cutFrameIds));
    else handshake.reject(reason);
  }

  /** Both sides want to close: this one waits for work in progress as long as both are willing to. */
  private agree(asked: preview3.SessionClose, drainMs: number): Promise<CloseReport> {
    const leftMs = Math.max(0, Math.ceil(this.drainEndMs - performance.now()));
    const result = this.handshake?.promise ?? this.confirmedWithin(this.connection.config.closeTimeoutMs + leftMs);
    if (drainMs <= 0) this.confirm(asked);
    else if (drainMs < leftMs) this.drainFor(drainMs, () => this.confirm(asked));
    return result;
  }

  /** The close is under way; what is in progress gets less time than it was given first. */
  private hurry(handshake: PendingAnswer<CloseReport>, drainMs: number): void {
    if (performance.now() + drainMs >= this.drainEndMs) return;
    const { sessionId } = this.lifecycle;
    const isUnsent = this.unsent !== undefined;
    const cut = () => {
      if (isUnsent) this.sendUnsent();
      else this.submits.cutAll(new ClosedError(`session ${sessionId} is being closed`));
    };
    handshake.waitOnly(this.connection.config.closeTimeoutMs + drainMs);
    if (drainMs > 0) this.drainFor(drainMs, cut);
    else cut();
  }

  /** Other servers of preview4 close at once, and what is in flight gets no answer: it is waited for before they are asked. */
  private get isForgetful(): boolean {
    const { dialect } = this.connection;
    return dialect.isPreview4 && !this.connection.understands(PeerMessages.ErrorClosePing);
  }

  private sendUnsent(): void {
    const send = this.unsent;
    if (send === undefined) return;
    this.unsent = undefined;
    this.drain?.end();
    send();
  }

  private drainFor(drainMs: number, timedOut: () => void): void {
    this.drain?.end();
    this.drainEndMs = performance.now() + drainMs;
    this.drain = new Patience(this.connection, Math.min(drainMs, MAX_TIMER_MS), timedOut);
  }

  private confirmedWithin(timeoutMs: number): Promise<CloseReport> {
    const { connection } = this;
    const { sessionId } = this.lifecycle;
    const what = `session ${sessionId}: the close was not confirmed`;
    const handshake = new PendingAnswer<CloseReport>(connection, what, timeoutMs, (error) => {
      const loss = connection.lossOf(sessionId, error);
      // The close fails with what has not come in time, operations with what is known of them.
      if (loss !== undefined) handshake.reject(error);
      this.end(loss ?? error);
    });
    this.handshake = handshake;
    const { promise } = handshake;
    connection.unread.answerAwaited(this);
    return promise;
  }

  /** Milliseconds that work in progress gets. */
  private drainMs({ inFlightPolicy = CLOSE_DEFAULTS.inFlightPolicy, drainTimeoutMs }: CloseOptions): number {
    if (inFlightPolicy !== InFlightPolicy.Drain) return 0;
    return drainTimeoutMs ?? (this.submits.nothingInFlight ? 0 : CLOSE_DEFAULTS.drainTimeoutMs);
  }

  private confirm(close: preview3.SessionClose): void {
    this.acknowledge(CloseStatus.Closed, close.lastOperationId);
    const by = `by the server, reason ${wireName(CloseReason, close.closeReason)}`;
    this.end(new ClosedError(`session ${this.lifecycle.sessionId} was closed ${by}`));
  }

  private acknowledge(closeStatus: preview3.CloseStatus, lastOperationId: bigint): void {
    const ack: preview3.SessionCloseAck = { closeStatus, lastOperationId, sessionErrorCode: SessionErrorCode.None };
    const { sessionId } = this.lifecycle;
    this.connection.send(MessageType.SessionCloseAck, sessionId, 0, SESSION_CLOSE_ACK, ack, undefined, this.lane);
  }

  private send(
    closeReason: preview3.CloseReason,
    inFlightPolicy: preview3.InFlightPolicy,
    drainTimeoutMs: number,
  ): void {
    const { sessionId } = this.lifecycle;
    const metadata = sessionClose(closeReason, inFlightPolicy, drainTimeoutMs, this.submits.lastOperationId, sessionId);
    this.connection.send(MessageType.SessionClose, sessionId, 0, SESSION_CLOSE, metadata, undefined, this.lane);
  }
}

function sessionClose(
  closeReason: preview3.CloseReason,
  inFlightPolicy: preview3.InFlightPolicy,
  drainTimeoutMs: number,
  lastOperationId: bigint,
  sessionId: number,
): preview3.SessionClose {
  return {
    closeReason,
    inFlightPolicy,
    drainTimeoutMs,
    lastOperationId,
    sessionErrorCode: SessionErrorCode.None,
    sessionCloseTag: sessionId,
  };
}
