import { ClosedError, type NnrpError, type SessionLifecycle, UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import {
  CloseReason,
  CloseStatus,
  ErrorScope,
  InFlightPolicy,
  MessageType,
  SessionErrorCode,
} from 'nnrp-core/preview3';
import { later } from '../../base/guard.js';
import { checkOptions } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { type CloseReport, closeReport } from '../../connection/close-report.js';
import { SESSION_CLOSE, SESSION_CLOSE_ACK } from '../../connection/sending/codecs.js';
import type { ServerCloseOptions } from '../contract/close-options.js';
import { CLOSE_DEFAULTS, CLOSE_OPTIONS } from '../contract/close-options.js';
import type { NnrpClose } from '../contract/server-messages.js';
import { type FrameFailure, SERVER_SHUTDOWN, sessionClosed } from '../failures/frame-failure.js';
import type { ServerSessionConnection } from '../operation/server-session-connection.js';
import type { SessionOperations } from '../operation/session-operations.js';

/** What closing needs of its session. */
export interface ClosingOwner {
  readonly sessionId: number;
  readonly connection: ServerSessionConnection;
  readonly lifecycle: SessionLifecycle;
  readonly operations: SessionOperations;
  readonly isOver: boolean;
  /** No new submits are taken from now on. */
  stopSubmits(reason: NnrpError): void;
  end(reason: NnrpError): void;
}

/** How one session comes to its end, from either side, with or without a drain. */
export class SessionClosing {
  private request: NnrpClose | undefined;
  /** Why this side closes the session, for the client; undefined while it does not. */
  private why: FrameFailure | undefined;
  /** When the client has asked, in milliseconds of `performance.now()`: its drain runs from then on. */
  private requestedAtMs = 0;
  private answer: Promise<void> | undefined;
  private own: Promise<void> | undefined;
  private cutFrameIds: readonly number[] | undefined;
  private wakeDrain: (() => void)[] | undefined;

  constructor(private readonly owner: ClosingOwner) {}

  /** SESSION_CLOSE has come. @returns false when the answer to an earlier request answers this one */
  requestedByClient(close: NnrpClose): boolean {
    const { owner } = this;
    if (owner.lifecycle.closeRequested() !== undefined) {
      // Both sides want to close: the drain of this side ends with the answer to the client.
      if (this.own !== undefined) this.request ??= close;
      return false;
    }
    this.request = close;
    this.requestedAtMs = performance.now();
    const reason = new ClosedError(`session ${owner.sessionId} is being closed by the client`);
    owner.stopSubmits(reason);
    const { inFlightPolicy, drainTimeoutMs } = close.metadata;
    if (inFlightPolicy === InFlightPolicy.Abort || (drainTimeoutMs === 0 && this.takesNothingElse))
      this.dropAll(reason);
    return true;
  }

  /** Answers the client: at once when nothing is in flight or it gives no time, else when its drain is over. */
  acknowledge(): Promise<void> {
    const { owner, request } = this;
    if (request === undefined) {
      const state = `the session is ${owner.lifecycle.state}`;
      throw new UsageError(`session ${owner.sessionId}: ackClose needs a close request, ${state}`);
    }
    this.answer ??= this.drainAndAnswer(request.metadata);
    return this.answer;
  }

  /** The client's answer to a SESSION_CLOSE of this side. */
  answered(status: preview3.CloseStatus): void {
    const { owner } = this;
    // Looked at first: an answer to a close that this side has not asked for must not move the session.
    // Nor can a client refuse that the server ends the session.
    if (this.own === undefined || status === CloseStatus.Rejected) return;
    if (owner.lifecycle.closeAnswered(status) !== undefined) return;
    if (status === CloseStatus.Closed) owner.end(closedByServer(owner.sessionId));
  }

  /** Ends the session from this side. */
  close(options: ServerCloseOptions): Promise<void> {
    checkOptions('close options', options, CLOSE_OPTIONS);
    return this.closed(options);
  }

  /** Ends it at once, in whatever state it is. @param failure - what the client is told, also of each frame in flight */
  async endWith(failure: FrameFailure): Promise<void> {
    const { owner } = this;
    const { connection, sessionId, operations } = owner;
    if (owner.isOver) return;
    const reason = new ClosedError(`session ${sessionId} was ended by the server: ${failure.text}`);
    this.why = failure;
    this.dropAll(reason, failure);
    // What is dropped may have listeners that end it themselves.
    if (owner.isOver) return;
    const { wireCode, text, retryAfterMs, details } = failure;
    const { knowsPeerMessages } = connection;
    if (knowsPeerMessages) {
      const options = { sessionId, lane: operations.lane, retryAfterMs, details, fatal: true };
      connection.sendError(wireCode, ErrorScope.Session, text, options);
      connection.closeSent(sessionId);
    } else if (this.request !== undefined) {
      this.sendAck(CloseStatus.Closed, this.request.metadata.lastOperationId);
      connection.closeConfirmed(sessionId);
    } else if (connection.dialect.isPreview4) {
      this.sendClose({ sessionErrorCode: wireCode });
    }
    owner.end(reason);
    if (!knowsPeerMessages && connection.sessionCount === 0) await connection.close(reason);
  }

  /** What has been cut so far. */
  get report(): CloseReport {
    return closeReport(this.owner.sessionId, this.cutFrameIds ?? []);
  }

  /**
   * Ends the session because the server does. A client that has asked to close already is answered within the time the
   * server gives, whatever time it gave itself.
   */
  async shutDown(options: ServerCloseOptions): Promise<CloseReport> {
    if (this.owner.isOver) return this.report;
    if (this.request === undefined && this.own === undefined) {
      await this.close(options);
      return this.report;
    }
    // A close that is under way may have been given more time than the server has left.
    await this.allAnsweredWithin(options.drainTimeoutMs ?? 0);
    if (this.owner.isOver) return this.report;
    this.dropAll(closedByServer(this.owner.sessionId), SERVER_SHUTDOWN);
    await (this.own ?? this.acknowledge());
    return this.report;
  }

  /** The session has ended without a close: its operations are over without an answer. */
  ended(frameIds: readonly number[]): void {
    if (frameIds.length > 0) this.cutFrameIds = [...(this.cutFrameIds ?? []), ...frameIds];
  }

  /** What a client is told whose submit comes too late. */
  closingFailure(): FrameFailure {
    const { connection, sessionId } = this.owner;
    return (
      this.why ?? (connection.isDraining ? SERVER_SHUTDOWN : sessionClosed(`session ${sessionId} is being closed`))
    );
  }

  /** Nothing is in flight any more, or the session is over. */
  wake(): void {
    const { wakeDrain } = this;
    if (wakeDrain === undefined) return;
    this.wakeDrain = undefined;
    for (const wake of wakeDrain) wake();
  }

  /** Tells the client that the session is over. */
  sendClose(options: ServerCloseOptions): void {
    const { connection, sessionId, operations } = this.owner;
    const metadata: preview3.SessionClose = {
      closeReason: options.reason ?? CLOSE_DEFAULTS.reason,
      inFlightPolicy: options.inFlightPolicy ?? InFlightPolicy.Abort,
      drainTimeoutMs: options.drainTimeoutMs ?? 0,
      lastOperationId: operations.lastOperationId,
      sessionErrorCode: options.sessionErrorCode ?? CLOSE_DEFAULTS.sessionErrorCode,
      sessionCloseTag: sessionId,
    };
    connection.send(
      MessageType.SessionClose,
      sessionId,
      0,
      SESSION_CLOSE,
      metadata,
      undefined,
      this.owner.operations.lane,
    );
  }

  private closed(options: ServerCloseOptions): Promise<void> {
    if (this.owner.isOver) return this.own ?? Promise.resolve();
    if (this.own === undefined && this.request !== undefined) return this.acknowledge();
    this.why ??=
      options.reason === CloseReason.ServerShutdown
        ? SERVER_SHUTDOWN
        : sessionClosed(`session ${this.owner.sessionId} was closed by the server`);
    this.own ??= this.closeNow(options);
    return this.own;
  }

  private async closeNow(options: ServerCloseOptions): Promise<void> {
    const { owner } = this;
    const { connection, operations, sessionId } = owner;
    const reason = closedByServer(sessionId);
    const { inFlightPolicy = CLOSE_DEFAULTS.inFlightPolicy } = options;
    const nothingInFlight = operations.registry.size === 0;
    const timeless = nothingInFlight || inFlightPolicy !== InFlightPolicy.Drain;
    const { drainTimeoutMs = timeless ? 0 : CLOSE_DEFAULTS.drainTimeoutMs } = options;
    const drains = inFlightPolicy === InFlightPolicy.Drain && drainTimeoutMs > 0 && !nothingInFlight;
    if (!drains) this.dropAll(reason, this.why);
    // A reference client of preview4 fails the session on it, which is what it has to do; one of preview3 fails its connection.
    const tell = connection.knowsPeerMessages || (connection.dialect.isPreview4 && this.request === undefined);
    if (tell) this.sendClose({ ...options, inFlightPolicy, drainTimeoutMs });
    if (drains) {
      owner.lifecycle.closeRequested();
      owner.stopSubmits(reason);
      await this.allAnsweredWithin(drainTimeoutMs);
      if (owner.isOver) return;
      this.dropAll(reason, this.why);
    }
    if (this.request !== undefined) this.sendAck(CloseStatus.Closed, this.request.metadata.lastOperationId);
    if (tell) connection.closeSent(sessionId);
    else if (this.request !== undefined) connection.closeConfirmed(sessionId);
    owner.end(reason);
    // A peer that knows no SESSION_CLOSE from a server understands the end of its connection.
    if (!connection.knowsPeerMessages && connection.sessionCount === 0)
      await connection.close(new ClosedError('the last session was closed'));
  }

  private async drainAndAnswer({ drainTimeoutMs, lastOperationId }: preview3.SessionClose): Promise<void> {
    const { owner } = this;
    if (drainTimeoutMs > 0 && owner.operations.registry.size > 0) {
      // A preview3 reference client takes the first acknowledgement for the last.
      if (owner.connection.knowsPeerMessages) {
        this.sendAck(CloseStatus.Draining, lastOperationId);
        owner.lifecycle.closeAnswered(CloseStatus.Draining);
      }
      // A handler that has looked at the close first has used some of the time.
      await this.allAnsweredWithin(this.requestedAtMs + drainTimeoutMs - performance.now());
      if (owner.isOver) return;
    }
    const reason = new ClosedError(`session ${owner.sessionId} was closed by the client`);
    this.dropAll(reason);
    // Written before the state changes: a session that looks closed here is one that the peer has been told about.
    this.sendAck(CloseStatus.Closed, lastOperationId);
    owner.connection.closeConfirmed(owner.sessionId);
    owner.end(reason);
  }

  private dropAll(reason: NnrpError, failure?: FrameFailure): void {
    const { operations } = this.owner;
    this.ended(this.isUntold ? operations.end(reason, 'session_closed') : operations.dropAll(reason, failure));
  }

  /** The client has asked to close, and is not told of any frame any more. */
  get isUntold(): boolean {
    return this.request !== undefined && this.takesNothingElse;
  }

  /** Behind its SESSION_CLOSE a reference client of preview4 takes the answer to that alone: release 4.22 fails on a drop. */
  private get takesNothingElse(): boolean {
    const { connection } = this.owner;
    return connection.dialect.isPreview4 && !connection.knowsPeerMessages;
  }

  private sendAck(closeStatus: preview3.CloseStatus, lastOperationId: bigint): void {
    const metadata: preview3.SessionCloseAck = {
      closeStatus,
      lastOperationId,
      sessionErrorCode: SessionErrorCode.None,
    };
    const { connection, sessionId, operations } = this.owner;
    connection.send(MessageType.SessionCloseAck, sessionId, 0, SESSION_CLOSE_ACK, metadata, undefined, operations.lane);
  }

  private async allAnsweredWithin(timeoutMs: number): Promise<void> {
    if (timeoutMs <= 0 || this.owner.operations.registry.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wakeDrain ??= [];
      this.wakeDrain.push(resolve);
      timer = later(this.owner.connection, Math.min(timeoutMs, MAX_TIMER_MS), resolve);
    });
    clearTimeout(timer);
  }
}

function closedByServer(sessionId: number): ClosedError {
  return new ClosedError(`session ${sessionId} was closed by the server`);
}
