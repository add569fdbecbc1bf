import type { NnrpError, ProtocolError } from 'nnrp-core';
import type { Guarded } from '../../base/guard.js';
import type { PacketSink } from '../../transport/contract/contract.js';
import type { ResumeReport } from '../contract/resume-report.js';
import type { ResumableSession } from './resumable-session.js';

/** What recovery tells the connection above it. */
export interface RecoveryOwner extends Guarded {
  /** Whether something waits for an answer besides the sessions. */
  readonly isAwaited: boolean;
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
  /** A session cannot be resumed. */
  sessionLost(session: ResumableSession, error: NnrpError): void;
  /** The server broke a rule when it resumed a session: that costs the connection. */
  ruleBroken(error: ProtocolError): void;
}

/** What the client's configuration says. */
export interface RecoverySettings {
  readonly pingTimeoutMs: number;
  readonly openTimeoutMs: number;
  readonly maxPacketBytes: number;
  readonly connectTimeoutMs: number;
  readonly reconnect: 'resume' | 'reopen' | 'never';
  readonly reconnectBackoffMs: number;
}

/** Before `start`, and before there is a connection above. */
export const NOBODY: PacketSink = { packet() {}, broken() {}, drained() {}, closed() {} };
export const NOBODY_TOLD: RecoveryOwner = {
  isAwaited: false,
  isReopening: false,
  hasReopenable: false,
  hasSessions: false,
  wentOn() {},
  suspended() {},
  endOthers() {},
  resumed() {},
  sessionLost() {},
  ruleBroken() {},
  crashed() {},
};
