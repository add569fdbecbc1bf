import { resumedAck, type SessionOpenTerms } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType, PeerMessages } from 'nnrp-core/preview3';
import { observer } from '../../base/diagnostics/observer.js';
import { guard } from '../../base/guard.js';
import { SESSION_OPEN_ACK } from '../../connection/sending/codecs.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { grantedAnswer, type ResumeAnswer } from '../opening/open-answer.js';
import type { ResumeAttempt } from '../opening/session-opening.js';
import type { LeavingSession, OutlivedConnection } from '../recovery/changing-connection.js';
import type { ResumableSessions } from '../recovery/resumable-sessions.js';
import type { SessionPort } from '../recovery/session-port.js';
import { whenArrived } from '../recovery/when-arrived.js';
import type { ServerSession } from '../session/server-session.js';
import { SessionHandle } from '../session/session-handle.js';
import type { SessionTable } from './session-table.js';

/** What sessions that are granted need of their connection. */
export interface GrantingConnection extends OutlivedConnection {
  /** Its acknowledgement is about to leave: it takes packets from now on. */
  begins(session: ServerSession): void;
  /** Its acknowledgement has left. */
  hasBegun(session: ServerSession): void;
  /** What is sent for sessions that can be resumed is kept until it has arrived. */
  keepLog(): void;
  serverSessionOf(sessionId: number): ServerSession | undefined;
}

/** The same of the server. */
export interface GrantingServer {
  readonly config: NnrpServerConfig;
  readonly terms: SessionOpenTerms;
  readonly table: SessionTable<ServerSession>;
  readonly resumables: ResumableSessions;
  sessionOpened(session: ServerSession): void;
}

const NO_SESSIONS: ReadonlySet<LeavingSession> = new Set();

/** The sessions that are opened or resumed on one connection, from the decision on, and those whose rest it still brings. */
export class GrantedSessions {
  /** Sessions that are over, whose clients may not have all of them: those that the next fence confirms, and those behind. */
  private arriving: Set<LeavingSession> | undefined;
  private leaving: Set<LeavingSession> | undefined;
  private isWaiting = false;

  constructor(
    private readonly connection: GrantingConnection,
    private readonly server: GrantingServer,
  ) {}

  granted(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): void {
    const { connection, server } = this;
    const { sessionId } = ack;
    if (ack.resumeTokenBytes > 0) this.keepLog();
    const resumable = ack.resumeTokenBytes > 0 ? server.resumables.open(connection, sessionId) : undefined;
    const { session } = new SessionHandle(resumable?.port ?? connection, open, ack, server.config);
    if (resumable !== undefined) resumable.port.session = session;
    server.table.set(sessionId, session);
    connection.bounds.tally.sessions++;
    observer?.session('server', session.handle, connection.remoteAddress);
    this.begin(session, ack, resumable && { token: resumable.token, received: undefined });
    if (!session.isOver) server.sessionOpened(session);
    connection.hasBegun(session);
  }

  /** @returns false when the session cannot go on from where the client is */
  resumed(open: preview3.SessionOpen, port: SessionPort, attempt: ResumeAttempt): boolean {
    const { connection, server } = this;
    const { session } = port;
    // It is here: nothing was lost.
    if (port.current === connection) return false;
    const isOthers = attempt.had !== undefined;
    if (isOthers && !port.handOver(attempt)) return false;
    // The client has given the old connection up: whatever that still brings is not listened to.
    const isAgreed = session?.useLeave() === true;
    port.current?.takenOver(isAgreed);
    // More may have been suspended by that than may be.
    if (!server.resumables.knows(port)) return false;
    if (session === undefined || !port.isAway || !port.canGoOnFrom(attempt)) return false;
    this.keepLog();
    const from = port.resumeOn(connection, attempt);
    // To a reference client of preview4 the old one is void; it would lose nothing but an id with a lost acknowledgement.
    const token = port.tokens.issue(port.beginsAnew ? undefined : attempt.token);
    const answer = { token, received: session.receivedPackets, from: isOthers ? from : undefined };
    this.begin(session, resumedAck(open, server.terms, session.ack), answer);
    server.resumables.resumed(port);
    port.goOn();
    connection.hasBegun(session);
    return true;
  }

  /** The session is over, but its client may not have all of it yet. */
  leaves(left: LeavingSession): void {
    if (this.arriving?.has(left)) return;
    this.leaving ??= new Set();
    this.leaving.add(left);
    // This client confirms nothing. Once the last packet is handed over to the transport, no more can be known.
    if (this.connection.sentLog === undefined && left.isHandedOver) {
      this.hasLeft(left);
      return;
    }
    const { maxSessionsPerConnection } = this.server.config;
    const { arriving = NO_SESSIONS, leaving } = this;
    if (arriving.size + leaving.size > maxSessionsPerConnection) {
      const [oldest] = arriving.size > 0 ? arriving : leaving;
      if (oldest !== undefined) this.hasLeft(oldest);
    }
    if ((this.arriving?.size ?? 0) === 0) this.waitForArrival();
  }

  /** A packet has come for a session that is over: its client has the acknowledgement of this connection. */
  heard(sessionId: number): void {
    this.server.resumables.heard(sessionId, this.connection);
  }

  /** The connection is over. */
  end(): void {
    const { arriving = NO_SESSIONS, leaving = NO_SESSIONS } = this;
    for (const left of [...arriving, ...leaving])
      guard(this.connection, () => left.leftBehind(this.connection.peerHasLeft));
    this.arriving = undefined;
    this.leaving = undefined;
  }

  /** One after the other for many at once, or each would ask for a fence of its own. */
  private waitForArrival(): void {
    if (this.isWaiting) return;
    const all = [...(this.leaving ?? NO_SESSIONS)];
    const handedOver = all.filter((left) => left.isHandedOver);
    if (handedOver.length === 0) return;
    this.isWaiting = true;
    this.arriving = new Set(handedOver);
    this.leaving = new Set(all.filter((left) => !left.isHandedOver));
    whenArrived(this.connection, () => {
      this.isWaiting = false;
      for (const left of [...(this.arriving ?? NO_SESSIONS)]) this.hasLeft(left);
      this.waitForArrival();
    });
  }

  private hasLeft(left: LeavingSession): void {
    const { connection } = this;
    if (!this.arriving?.delete(left) && !this.leaving?.delete(left)) return;
    left.arrived();
    const { sessionId, session } = left;
    if (session !== undefined && connection.serverSessionOf(sessionId) === session) connection.sessionEnded(sessionId);
  }

  private begin(session: ServerSession, ack: preview3.SessionOpenAck, resume: ResumeAnswer | undefined): void {
    const { connection, server } = this;
    connection.begins(session);
    const { body, metadata } = grantedAnswer(ack, connection.families, server.config.maxPacketBytes, resume);
    connection.send(MessageType.SessionOpenAck, ack.sessionId, 0, SESSION_OPEN_ACK, metadata, body, session.lane);
  }

  /** A client that does not answer fences would let the log grow for ever. */
  private keepLog(): void {
    if (this.connection.understands(PeerMessages.Recovery)) this.connection.keepLog();
  }
}
