import { resumedAck, type SessionOpenTerms } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType, PeerMessages } from 'nnrp-core/preview3';
import { guard } from '../../base/guard.js';
import { SESSION_OPEN_ACK } from '../../connection/sending/codecs.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { grantedAnswer, type ResumeAnswer } from '../opening/open-answer.js';
import type { LeavingSession, OutlivedConnection } from '../recovery/changing-connection.js';
import type { ResumableSessions } from '../recovery/resumable-sessions.js';
import type { SessionPort } from '../recovery/session-port.js';
import { ServerSession } from '../session/server-session.js';
import type { SessionCore } from '../session/session-core.js';
import type { SessionTable } from './session-table.js';

/** What sessions that are granted need of their connection. */
export interface GrantingConnection extends OutlivedConnection {
  /** Its acknowledgement is about to leave: it takes packets from now on. */
  begins(core: SessionCore): void;
  /** Its acknowledgement has left. */
  hasBegun(core: SessionCore): void;
  /** What is sent for sessions that can be resumed is kept until it has arrived. */
  keepLog(): void;
  coreOf(sessionId: number): SessionCore | undefined;
}

/** The same of the server. */
export interface GrantingServer {
  readonly config: NnrpServerConfig;
  readonly terms: SessionOpenTerms;
  readonly table: SessionTable<SessionCore>;
  readonly resumables: ResumableSessions;
  sessionOpened(core: SessionCore): void;
}

/** The sessions that are opened or resumed on one connection, from the decision on, and those whose rest it still brings. */
export class GrantedSessions {
  /** Sessions that are over, whose clients may not have all of them. */
  private readonly leaving = new Set<LeavingSession>();

  constructor(
    private readonly connection: GrantingConnection,
    private readonly server: GrantingServer,
  ) {}

  granted(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): void {
    const { connection, server } = this;
    const { sessionId } = ack;
    if (ack.resumeTokenBytes > 0) this.keepLog();
    const resumable = ack.resumeTokenBytes > 0 ? server.resumables.open(connection, sessionId) : undefined;
    const { core } = new ServerSession(resumable?.port ?? connection, open, ack, server.config);
    if (resumable !== undefined) resumable.port.core = core;
    server.table.set(sessionId, core);
    this.begin(core, ack, resumable && { token: resumable.token, received: undefined });
    if (!core.isOver) server.sessionOpened(core);
    connection.hasBegun(core);
  }

  /**
   * @param token - that the client has shown
   * @param received - packets of the session that the client has; undefined when it does not say
   * @returns false when the session cannot go on from there
   */
  resumed(open: preview3.SessionOpen, port: SessionPort, token: Uint8Array, received: number | undefined): boolean {
    const { connection, server } = this;
    const { core } = port;
    // The client has given the old connection up: whatever that still brings is not listened to.
    port.current?.takenOver();
    if (core === undefined || !port.isAway || !port.canGoOnFrom(received)) return false;
    this.keepLog();
    port.resumeOn(connection, received);
    const answer = { token: port.tokens.issue(token), received: core.receivedPackets };
    this.begin(core, resumedAck(open, server.terms, core.ack), answer);
    server.resumables.resumed(port);
    port.goOn();
    connection.hasBegun(core);
    return true;
  }

  /** The session is over, but its client may not have all of it yet. */
  leaves(session: LeavingSession): void {
    const { connection } = this;
    this.leaving.add(session);
    connection.sentLog?.whenArrived(() => {
      if (!this.leaving.delete(session)) return;
      session.arrived();
      const { sessionId, core } = session;
      if (core !== undefined && connection.coreOf(sessionId) === core) connection.sessionEnded(sessionId);
    });
  }

  /** The connection is over. */
  end(): void {
    for (const session of this.leaving) guard(this.connection, () => session.leftBehind(this.connection.isLost));
    this.leaving.clear();
  }

  private begin(core: SessionCore, ack: preview3.SessionOpenAck, resume: ResumeAnswer | undefined): void {
    const { connection, server } = this;
    connection.begins(core);
    const { body, metadata } = grantedAnswer(ack, connection.families, server.config.maxPacketBytes, resume);
    connection.send(MessageType.SessionOpenAck, ack.sessionId, 0, SESSION_OPEN_ACK, metadata, body, core.lane);
  }

  /** A client that does not answer fences would let the log grow for ever. */
  private keepLog(): void {
    if (this.connection.understands(PeerMessages.Recovery)) this.connection.keepLog();
  }
}
