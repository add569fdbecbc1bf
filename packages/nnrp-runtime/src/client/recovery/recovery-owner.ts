import type { NnrpError, ProtocolError } from 'nnrp-core';
import type { Guarded } from '../../base/guard.js';
import type { PacketSink } from '../../transport/contract/contract.js';
import type { ResumeReport } from '../contract/resume-report.js';

/** What recovery tells the connection above it. */
export interface RecoveryOwner extends Guarded {
  /** Whether something waits for an answer besides the sessions. */
  readonly isAwaited: boolean;
  /** The connection is lost, and sessions of it can be resumed. */
  suspended(error: NnrpError): void;
  /** The connection is lost, and sessions for which this is not so end with it. */
  endOthers(error: NnrpError, isResumable: (sessionId: number) => boolean): void;
  resumed(report: ResumeReport): void;
  /** A session cannot be resumed. */
  sessionLost(sessionId: number, error: NnrpError): void;
  /** The server broke a rule when it resumed a session: that costs the connection. */
  ruleBroken(error: ProtocolError): void;
}

/** What the client's configuration says. */
export interface RecoverySettings {
  readonly pingTimeoutMs: number;
  readonly openTimeoutMs: number;
  readonly maxPacketBytes: number;
  readonly connectTimeoutMs: number;
  readonly reconnectBackoffMs: number;
}

/** Before `start`, and before there is a connection above. */
export const NOBODY: PacketSink = { packet() {}, broken() {}, drained() {}, closed() {} };
export const NOBODY_TOLD: RecoveryOwner = {
  isAwaited: false,
  suspended() {},
  endOthers() {},
  resumed() {},
  sessionLost() {},
  ruleBroken() {},
  crashed() {},
};
