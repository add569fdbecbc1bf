import type { WireFault } from '../faults/fault.js';
import { SessionErrorCode, SessionStatus } from '../generated/preview3/enums.js';
import { SessionFlags, SessionFlagsAck } from '../generated/preview3/flags.js';
import type { SessionOpen } from '../generated/preview3/session-open.js';
import type { SessionOpenAck } from '../generated/preview3/session-open-ack.js';
import { brokenRule } from './broken-rule.js';

/**
 * What an acknowledgement means for recovery: `fresh`, a session that cannot be resumed, or no session for another
 * reason than recovery; `resume_enabled`, a new session that can be resumed; `resumed`, the earlier session goes on;
 * `resume_rejected`, the earlier session is gone; `fault`, the acknowledgement contradicts itself or the request.
 */
export type RecoveryOutcome =
  | {
      readonly outcome: 'fresh' | 'resume_enabled' | 'resumed' | 'resume_rejected';
      /** Time in which the session can be resumed, in milliseconds; 0 when it cannot be. */
      readonly windowMs: number;
    }
  | { readonly outcome: 'fault'; readonly fault: WireFault };

/**
 * Checks that an attempt to resume can be one: a token needs allow_resume (RES-1) and the id of the session (RES-2).
 *
 * @see NNRP/1-preview3 section 15.2
 */
export function checkRecoveryRequest(open: SessionOpen): WireFault | undefined {
  if (open.resumeTokenBytes === 0) return undefined;
  if ((open.sessionFlags & SessionFlags.AllowResume) === 0) return brokenRule('RES-1');
  if (open.requestedSessionId === 0) return brokenRule('RES-2');
  return undefined;
}

/**
 * Compares the acknowledgement with the request, RESACK-1 to RESACK-4 in this order, and says what it means.
 *
 * @see NNRP/1-preview3 section 15.2
 */
export function recoveryOutcome(open: SessionOpen, ack: SessionOpenAck): RecoveryOutcome {
  const resumable = (ack.sessionFlagsAck & SessionFlagsAck.ResumeEnabled) !== 0;
  if (resumable && (ack.resumeWindowMs === 0 || ack.resumeTokenBytes === 0)) return refused('RESACK-1');
  switch (ack.sessionStatus) {
    case SessionStatus.Resumed:
      if (open.resumeTokenBytes === 0) return refused('RESACK-2');
      if (ack.sessionErrorCode !== SessionErrorCode.None) return refused('RESACK-3');
      if (!resumable) return refused('RESACK-4');
      return { outcome: 'resumed', windowMs: ack.resumeWindowMs };
    case SessionStatus.Opened:
      if (resumable) return { outcome: 'resume_enabled', windowMs: ack.resumeWindowMs };
      return { outcome: 'fresh', windowMs: 0 };
    case SessionStatus.Rejected:
      if (ack.sessionErrorCode === SessionErrorCode.ResumeRejected) return { outcome: 'resume_rejected', windowMs: 0 };
      return { outcome: 'fresh', windowMs: 0 };
    case SessionStatus.RetryLater:
      return { outcome: 'fresh', windowMs: 0 };
  }
}

function refused(rule: string): RecoveryOutcome {
  return { outcome: 'fault', fault: brokenRule(rule) };
}
