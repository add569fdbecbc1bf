import { forCaller, type NnrpError, type ProtocolError } from 'nnrp-core';
import { type Guarded, nextTurn } from '../../base/guard.js';
import type { Pings } from '../../connection/pings.js';
import type { ReadingHold } from '../../connection/reading-hold.js';
import type { ClientConnectionEvents } from '../contract/client-events.js';
import type { ReopenReport, ResumeReport } from '../contract/resume-report.js';
import type { RecoveryOwner, SessionMove } from '../recovery/recovery-owner.js';
import type { ResumableSession } from '../recovery/resumable-session.js';
import type { ResumingTransport } from '../recovery/resuming-transport.js';
import { lostAtOnce } from '../recovery/session-lost.js';
import type { NnrpClientSession } from '../session/client-session.js';
import type { OpenedSession } from '../session/served-session.js';
import type { ConnectionFlow } from '../submits/connection-flow.js';
import type { ClientProbes } from './client-probes.js';
import type { OpenRequest, SessionOpening } from './session-opening.js';
import { type Loss, type ReopeningConnection, SessionReopening } from './session-reopening.js';

/** What recovery changes in a connection. */
export interface RecoveringConnection extends Guarded {
  readonly flow: ConnectionFlow;
  /** Of the server. */
  remoteAddress: string;
  readonly reading: ReadingHold;
  /** Whether something waits for an answer besides the sessions. */
  readonly isAwaited: boolean;
  readonly isShuttingDown: boolean;
  readonly config: { readonly reconnect: 'resume' | 'reopen' | 'never'; readonly reconnectBackoffMs: number };
  /** What it is to the server is gone, whatever becomes of the session. */
  dropSession(sessionId: number): void;
  fail(error: ProtocolError): void;
}

/** Of the connection. */
export interface ConnectionParts {
  readonly openSessions: ReadonlySet<NnrpClientSession>;
  readonly opens: SessionOpening;
  readonly pings: Pings;
  readonly probes: ClientProbes;
  readonly events: ClientConnectionEvents;
}

/** What a connection does when the transport below it comes and goes. */
export class ConnectionRecovery implements RecoveryOwner, ReopeningConnection {
  readonly sessions: ReadonlySet<NnrpClientSession>;
  move: SessionMove | undefined;
  private readonly reopening = new SessionReopening(this);
  /** Whether no session was opened since a connection without one was lost. */
  private isConnectedAnew = false;

  constructor(
    private readonly connection: RecoveringConnection,
    private readonly transport: ResumingTransport,
    private readonly parts: ConnectionParts,
  ) {
    this.sessions = parts.openSessions;
  }

  get config() {
    return this.connection.config;
  }

  get isAway(): boolean {
    return this.transport.isAway;
  }

  /** Whether no session goes on, so that it may be another server than before that opens them again. */
  get isElsewhere(): boolean {
    return this.isConnectedAnew || (this.isReopening && [...this.sessions].every(({ isLost }) => isLost));
  }

  /** Keeps what a session was asked for by. */
  remember(session: NnrpClientSession, request: OpenRequest): void {
    this.isConnectedAnew = false;
    this.reopening.remember(session, request);
  }

  openAgain(session: NnrpClientSession, request: OpenRequest): Promise<unknown> {
    return this.parts.opens.openAgain(session, request);
  }

  /** The server has opened a session that was lost. */
  opened(session: NnrpClientSession, opened: OpenedSession): void {
    this.reopening.opened(session, opened);
  }

  reopened(report: ReopenReport): void {
    this.parts.events.reopened(report);
  }

  gaveUp(error: NnrpError): void {
    this.transport.gaveUp(error);
  }

  /** A session that was lost is over. */
  forget(session: NnrpClientSession): void {
    this.reopening.forget(session);
    // The caller may be about to close the connection, which then comes to its end by itself.
    nextTurn(this, () => {
      if (!this.connection.isShuttingDown) this.transport.gaveUp();
    });
  }

  get isAwaited(): boolean {
    // One that is being closed comes to its end by itself.
    return this.connection.isAwaited || this.connection.isShuttingDown;
  }

  get isOpening(): boolean {
    return this.parts.opens.isWanted;
  }

  get isLeaving(): boolean {
    return this.connection.isShuttingDown;
  }

  get isReopening(): boolean {
    return this.reopening.isPending;
  }

  get hasReopenable(): boolean {
    return [...this.sessions].some((session) => this.isOpenedAgain(session));
  }

  /** Whether another one takes its place at once, when its connection is lost. */
  private isOpenedAgain(session: NnrpClientSession): boolean {
    const { connection, reopening } = this;
    return (connection.config.reconnect === 'reopen' || session.grant !== undefined) && reopening.takes(session);
  }

  get hasSessions(): boolean {
    return this.sessions.size > 0;
  }

  wentOn(): void {
    this.isAt();
    this.reopening.goOn();
  }

  /** It may be another server than before, or another way to it. */
  private isAt(): void {
    this.connection.remoteAddress = this.transport.remoteAddress;
  }

  suspended(error: NnrpError): void {
    const { connection, sessions } = this;
    const { reading, flow } = connection;
    // A wait for a PONG in which the connection was lost says nothing about the server.
    reading.stops++;
    // What waits for its turn must not begin where it is lost.
    for (const session of sessions) if (this.isOpenedAgain(session)) session.holdSubmits();
    flow.restart();
    this.parts.probes.lost(error);
    if (this.move !== undefined) return;
    for (const session of sessions) if (!session.isLost) session.suspended(error);
    this.parts.events.suspended(forCaller(error));
  }

  endOthers(error: NnrpError, isResumable: (sessionId: number) => boolean): void {
    for (const session of [...this.sessions]) {
      const { sessionId, isLost, grant } = session;
      // One that is to be opened again has no session of the server whose id it could be.
      if (isLost || isResumable(sessionId)) continue;
      if (!this.isOpenedAgain(session)) {
        this.end(sessionId, session, forCaller(error));
        continue;
      }
      const loss = { sinceMs: performance.now(), ...(grant && { windowMs: grant.windowMs }) };
      this.lose(session, lostAtOnce(sessionId, session.highestFrameId, error), loss);
    }
  }

  resumed(report: ResumeReport): void {
    const { move, parts } = this;
    this.isAt();
    this.isConnectedAnew = this.sessions.size === 0;
    parts.pings.sentAgain();
    for (const session of this.sessions) if (!session.isLost) session.resumed(report);
    if (move === undefined) {
      parts.events.resumed(report);
      return;
    }
    this.move = undefined;
    parts.events.migrated(move.moved(report));
  }

  tokenChanged(sessionId: number): void {
    this.sessionOf(sessionId)?.ticketChanged();
  }

  sessionLost({ sessionId, lostAtMs: sinceMs, windowMs }: ResumableSession, error: NnrpError): void {
    const session = this.sessionOf(sessionId);
    if (session !== undefined && this.reopening.takes(session)) {
      this.lose(session, error, { sinceMs, windowMs });
      return;
    }
    this.parts.events.lost(sessionId, forCaller(error));
    this.end(sessionId, session, error);
  }

  /** It is lost, and nothing takes its place. What it has said at its end would reach another one, which may get its id. */
  private end(sessionId: number, session: NnrpClientSession | undefined, error: NnrpError): void {
    this.connection.dropSession(sessionId);
    session?.disconnected(error);
  }

  /** Its operations fail, and it is opened again. */
  private lose(session: NnrpClientSession, error: NnrpError, loss: Loss): void {
    const { connection, reopening } = this;
    const { events } = this.parts;
    const { sessionId } = session;
    // First of all: what fails may be submitted again from inside of its failure.
    reopening.begin(session, error, loss);
    connection.dropSession(sessionId);
    session.lost(error);
    events.lost(sessionId, forCaller(error));
    // There may be a connection already, which another session is on.
    reopening.ask(session);
  }

  /** Where the server knows it by this id. */
  private sessionOf(sessionId: number): NnrpClientSession | undefined {
    for (const session of this.sessions) if (session.sessionId === sessionId && !session.isLost) return session;
    return undefined;
  }

  ruleBroken(error: ProtocolError): void {
    this.connection.fail(error);
  }

  crashed(error: unknown): void {
    this.connection.crashed(error);
  }
}
