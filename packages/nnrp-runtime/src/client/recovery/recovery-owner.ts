import type { NnrpError, ProtocolError, SessionState } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { Guarded } from '../../base/guard.js';
import type { RevisionChoice } from '../../connection/revision/revision-name.js';
import type { PacketSink } from '../../transport/contract/contract.js';
import type { MigrationReport } from '../contract/migration.js';
import type { ResumeReport } from '../contract/resume-report.js';
import type { ResumableSession } from './resumable-session.js';

/** A session of the connection, as far as a move to another transport needs it. */
export interface MovingSession {
  readonly sessionId: number;
  readonly state: SessionState;
  buildMigrationRequest(newTransportId: preview3.TransportId): preview3.SessionMigrate;
  migrateTransport(request: preview3.SessionMigrate): Promise<preview3.SessionMigrateAck>;
}

/** Sessions go on over another transport because the application wants it: they are neither suspended nor resumed for it. */
export interface SessionMove {
  moved(report: ResumeReport): MigrationReport;
}

/** What recovery tells the connection above it. */
export interface RecoveryOwner extends Guarded {
  /** All that are open, those that cannot be resumed included. */
  readonly sessions: ReadonlySet<MovingSession>;
  /** Set while there is one: it is told in place of the loss of a connection. */
  move: SessionMove | undefined;
  /** Whether something waits for an answer besides the sessions. */
  readonly isAwaited: boolean;
  /** Whether a request for a session waits for its answer, or for its turn. */
  readonly isOpening: boolean;
  /** Whether the client is being closed. */
  readonly isLeaving: boolean;
  /** Whether a session is to be opened again. */
  readonly isReopening: boolean;
  /** Whether sessions that cannot be resumed are opened again when the connection is lost. */
  readonly hasReopenable: boolean;
  /** Whether there is a session, or one is to be opened again. */
  readonly hasSessions: boolean;
  /** There is a connection again, and what is sent leaves. */
  wentOn(): void;
  /** The connection is lost, and sessions of it can be resumed, or opened again. */
  suspended(error: NnrpError): void;
  /** The connection is lost, and sessions for which this is not so with it. */
  endOthers(error: NnrpError, isResumable: (sessionId: number) => boolean): void;
  resumed(report: ResumeReport): void;
  /** A session was resumed: the tickets that it has given are good no longer. */
  tokenChanged(sessionId: number): void;
  /** A session cannot be resumed. */
  sessionLost(session: ResumableSession, error: NnrpError): void;
  /** The server broke a rule when it resumed a session: that costs the connection. */
  ruleBroken(error: ProtocolError): void;
}

/** What the client's configuration says. */
export interface RecoverySettings {
  readonly revision: RevisionChoice;
  readonly pingTimeoutMs: number;
  readonly openTimeoutMs: number;
  readonly maxPacketBytes: number;
  readonly connectTimeoutMs: number;
  readonly reconnect: 'resume' | 'reopen' | 'never';
  readonly reconnectBackoffMs: number;
}

/** Before `start`, and before there is a connection above. */
export const NO_SINK: PacketSink = { packet() {}, broken() {}, drained() {}, closed() {} };
export const NO_OWNER: RecoveryOwner = {
  sessions: new Set(),
  move: undefined,
  isAwaited: false,
  isOpening: false,
  isLeaving: false,
  isReopening: false,
  hasReopenable: false,
  hasSessions: false,
  wentOn() {},
  suspended() {},
  endOthers() {},
  resumed() {},
  tokenChanged() {},
  sessionLost() {},
  ruleBroken() {},
  crashed() {},
};
