import { ProtocolError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, MessageType } from 'nnrp-core/preview3';
import { SESSION_REFUSE } from '../../base/diagnostics/channels.js';
import { SESSION_OPEN_ACK } from '../../connection/sending/codecs.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type { SessionRefused } from '../contract/server-events.js';
import type { Admission } from './admission.js';
import { AT_ONCE_AND_ON, type RefusalTerms } from './counted-refusals.js';
import { refusedAnswer } from './open-answer.js';
import { type OpenFailure, SHUTS_DOWN, tooManyConnections, tooManySessions } from './refused-open.js';

/**
 * Refused opens in so many milliseconds after which a connection is given up: an honest client does not ask that often. It may
 * ask for as long as the server's policy fails, and for each of as many sessions as it may have: some ten times, where it
 * waits ever longer from a tenth of a second on, and some seventeen from a millisecond on.
 */
const REFUSED_WITHIN_MS = 10_000;
const MAX_REFUSED_PER_SESSION = 20;
const LEAST_MAX_REFUSED = 1000;

/** What refusing a session needs of the connection. */
export interface RefusingConnection extends Pick<SessionConnection, 'send' | 'sessionCount' | 'dialect'> {
  readonly isDraining: boolean;
  readonly knowsPeerMessages: boolean;
  /** The server is full: the client is told so when it asks for a session, and that is all. */
  readonly isTurnedAway: boolean;
  readonly addressGroup: string | undefined;
  understands(family: preview3.PeerMessages): boolean;
  /** The client broke a rule that costs the connection. */
  fail(error: ProtocolError): void;
  /** Others need its place. */
  makeRoom(): void;
  /** Ends the connection in good order. */
  leave(why: string): void;
  /** An answer is given. */
  answered(): void;
}

/** What refusing a session needs of the server. */
export interface RefusingServer {
  readonly config: NnrpServerConfig;
  readonly bounds: Pick<ServerBounds, 'hit' | 'tally'>;
  readonly admission: Pick<Admission, 'refused' | 'refusedResume'>;
  /** The sessions of the server. */
  readonly table: { readonly size: number };
  readonly resumables: {
    /** To give up a suspended session. */
    makeRoom(): boolean;
    /** Whether a token by which no session was found may be a guess. */
    isGuess(open: preview3.SessionOpen, token: Uint8Array): boolean;
  };
  sessionRefused(refusal: SessionRefused): void;
}

/** Opens of one connection that are refused: why, how it is told, and what becomes of the connection. */
export class OpenRefusals {
  private refusedCount = 0;
  private countedSinceMs = 0;

  constructor(
    private readonly connection: RefusingConnection,
    private readonly server: RefusingServer,
  ) {}

  /**
   * Why no session may be opened now, such as too many; undefined when one may.
   * @param resumes - it is one of the server's already
   */
  hindrance(resumes: boolean): OpenFailure | undefined {
    const { connection, server } = this;
    if (connection.isDraining) return SHUTS_DOWN;
    if (connection.isTurnedAway) return tooManyConnections(server.config.maxConnections);
    const { table, config, bounds } = server;
    const { maxSessions, maxSessionsPerConnection: most } = config;
    if (!resumes && table.size >= maxSessions && !this.server.resumables.makeRoom()) {
      bounds.hit('sessions');
      return tooManySessions('the server', 'maxSessions', maxSessions);
    }
    if (connection.sessionCount < most) return undefined;
    bounds.hit('connectionSessions');
    return tooManySessions('the connection', 'maxSessionsPerConnection', most);
  }

  /** @param why - what a client is told that understands more than the code */
  refused(refusal: SessionRefused, ack: preview3.SessionOpenAck, why: OpenFailure['why']): void {
    const { connection } = this;
    const nowMs = performance.now();
    if (nowMs - this.countedSinceMs > REFUSED_WITHIN_MS) {
      this.countedSinceMs = nowMs;
      this.refusedCount = 0;
    }
    const { maxSessionsPerConnection } = this.server.config;
    const most = Math.max(LEAST_MAX_REFUSED, MAX_REFUSED_PER_SESSION * maxSessionsPerConnection);
    if (++this.refusedCount > most) {
      const text = `${most} sessions were refused on this connection within ${REFUSED_WITHIN_MS} ms`;
      connection.fail(new ProtocolError(text, ErrorCode.LimitExceeded));
      return;
    }
    // The reference client has never been told, and is not now.
    const { isPreview4 } = connection.dialect;
    if (connection.isTurnedAway && !connection.knowsPeerMessages && !isPreview4) {
      connection.makeRoom();
      return;
    }
    const { metadata, body } = refusedAnswer(
      refusal.open,
      ack,
      why,
      connection.understands(preview3.PeerMessages.ErrorDetails),
      isPreview4,
    );
    connection.send(MessageType.SessionOpenAck, 0, 0, SESSION_OPEN_ACK, metadata, body);
    this.server.bounds.tally.refusedSessions++;
    const { remoteAddress, errorCode } = refusal;
    if (SESSION_REFUSE.hasSubscribers) SESSION_REFUSE.publish({ remoteAddress, errorCode });
    this.server.sessionRefused(refusal);
    if (connection.isTurnedAway) connection.leave('the server has no room for it');
    connection.answered();
  }

  /** The policy has refused an open that may be a guess. @returns what happens to the answer */
  guessed(): RefusalTerms {
    return this.server.admission.refused(this.connection.addressGroup);
  }

  /** A resume is refused: perhaps a guess. @returns what happens to the answer */
  guessedToken(open: preview3.SessionOpen, token: Uint8Array): RefusalTerms {
    const { resumables, admission } = this.server;
    if (!resumables.isGuess(open, token)) return AT_ONCE_AND_ON;
    return admission.refusedResume(this.connection.addressGroup, open.requestedSessionId);
  }

  /** The last answer to a guess is given. */
  guessedTooOften(): void {
    // A connection with a session is no stranger: it is slowed down, not ended.
    if (this.connection.sessionCount === 0) this.connection.leave('too many sessions were refused to its address');
  }

  /** As many requests wait as may, behind a refusal whose answer is delayed. @returns whether that costs the connection */
  guessesOn(): boolean {
    // A client that comes back asks for all of its sessions, and some of them may have lost their right.
    if (this.connection.sessionCount > 0) return false;
    const text = 'sessions are asked for while the refusal of others is still to be answered';
    this.connection.fail(new ProtocolError(text, ErrorCode.LimitExceeded));
    return true;
  }
}
