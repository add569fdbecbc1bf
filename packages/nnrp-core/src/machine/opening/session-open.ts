import {
  ProfileId,
  SessionErrorCode,
  type SessionPriorityClass,
  SessionStatus,
} from '../../generated/preview3/enums.js';
import { SessionFlags, SessionFlagsAck } from '../../generated/preview3/flags.js';
import type { SessionOpen } from '../../generated/preview3/session-open.js';
import type { SessionOpenAck } from '../../generated/preview3/session-open-ack.js';
import { checkRecoveryRequest } from '../../rules/recovery.js';

/** What a server grants; times in milliseconds. */
export interface SessionOpenTerms {
  readonly supportedProfiles: readonly number[];
  readonly hasSchema: (schemaId: number, schemaVersion: number) => boolean;
  /** 0 = no limit. */
  readonly maxInFlightOperations: number;
  readonly grantedOperationCredit: number;
  readonly leaseTtlMs: number;
  readonly resumeWindowMs: number;
  /** Length announced for resumable sessions; 0 makes none resumable. */
  readonly resumeTokenBytes: number;
  /** Which of the wishes besides resuming are granted, as SessionFlags; default none. */
  readonly grantedSessionFlags?: number;
}

/** The flags that an acknowledgement confirms as they were wished, bit by bit (resuming has rules of its own). */
const CONFIRMED_AS_WISHED =
  SessionFlags.AllowBackgroundResults | SessionFlags.AllowCacheLeases | SessionFlags.AllowSchemaOverride;

/** The ids in use, as the decision needs them. */
export interface SessionIds {
  has(sessionId: number): boolean;
  /** A free id, or 0 when there is none. */
  free(): number;
}

const ASSIGNED_PROFILES: readonly number[] = /* @__PURE__ */ Object.values(ProfileId);

/**
 * Whether a request can be granted at all, before the application is asked and ids are looked at.
 *
 * @returns the session_error_code of the first failure, 0 when there is none
 * @see NNRP/1-preview3 section 15.2 (RES-1, RES-2) and the order of the session-open decision
 */
export function checkOpenRequest(open: SessionOpen, terms: SessionOpenTerms): number {
  if (checkRecoveryRequest(open) !== undefined) return SessionErrorCode.ResumeRejected;
  if (!terms.supportedProfiles.includes(open.profileId) || !ASSIGNED_PROFILES.includes(open.profileId)) {
    return SessionErrorCode.ProfileUnsupported;
  }
  if (!terms.hasSchema(open.schemaId, open.schemaVersion)) return SessionErrorCode.SchemaUnsupported;
  const { maxInFlightOperations: limit } = terms;
  if (limit > 0 && open.maxInFlightOperations > limit) return SessionErrorCode.SessionLimitReached;
  return SessionErrorCode.None;
}

/**
 * The last step: the id. Runs in one step with taking the id, so that no two requests can be granted the same one.
 *
 * An attempt to resume is refused: it gets no id, but the session that it names, if its token is that session's.
 *
 * @returns the id to grant, or the session_error_code
 */
export function chooseSessionId(open: SessionOpen, ids: SessionIds): { sessionId: number } | { errorCode: number } {
  if (open.resumeTokenBytes > 0) return { errorCode: SessionErrorCode.ResumeRejected };
  if (open.requestedSessionId !== 0) {
    if (ids.has(open.requestedSessionId)) return { errorCode: SessionErrorCode.SessionLimitReached };
    return { sessionId: open.requestedSessionId };
  }
  const sessionId = ids.free();
  return sessionId === 0 ? { errorCode: SessionErrorCode.SessionLimitReached } : { sessionId };
}

/**
 * The acknowledgement of a granted session.
 *
 * @param priorityClass - the class that is granted; a lower one than the wish is marked as a downgrade
 */
export function openedAck(
  open: SessionOpen,
  terms: SessionOpenTerms,
  sessionId: number,
  priorityClass: SessionPriorityClass = open.priorityClass,
): SessionOpenAck {
  // A window of 0 means not resumable, whatever the token length (RESACK-1).
  const resumable = (open.sessionFlags & SessionFlags.AllowResume) !== 0 && terms.resumeWindowMs > 0;
  const resumeTokenBytes = resumable ? terms.resumeTokenBytes : 0;
  const granted = open.sessionFlags & (terms.grantedSessionFlags ?? 0) & CONFIRMED_AS_WISHED;
  const sessionFlagsAck =
    granted |
    (resumeTokenBytes > 0 ? SessionFlagsAck.ResumeEnabled : 0) |
    (priorityClass > open.priorityClass ? SessionFlagsAck.PriorityDowngraded : 0);
  return acknowledged(open, terms, {
    sessionId,
    acceptedPriorityClass: priorityClass,
    sessionStatus: SessionStatus.Opened,
    resumeTokenBytes,
    sessionErrorCode: SessionErrorCode.None,
    sessionFlagsAck,
  });
}

/**
 * The acknowledgement of a session that goes on over another connection.
 *
 * @param ack - the one that it was opened with, or resumed by the last time
 */
export function resumedAck(open: SessionOpen, terms: SessionOpenTerms, ack: SessionOpenAck): SessionOpenAck {
  return acknowledged(open, terms, {
    sessionId: ack.sessionId,
    acceptedPriorityClass: ack.acceptedPriorityClass,
    sessionStatus: SessionStatus.Resumed,
    resumeTokenBytes: terms.resumeTokenBytes,
    sessionErrorCode: SessionErrorCode.None,
    sessionFlagsAck: ack.sessionFlagsAck,
  });
}

/** The acknowledgement of a refused session. @param errorCode - a session_error_code, or an application's own */
export function rejectedAck(open: SessionOpen, terms: SessionOpenTerms, errorCode: number): SessionOpenAck {
  return acknowledged(open, terms, {
    sessionId: 0,
    acceptedPriorityClass: open.priorityClass,
    sessionStatus: SessionStatus.Rejected,
    resumeTokenBytes: 0,
    sessionErrorCode: errorCode,
    sessionFlagsAck: 0,
  });
}

/** What an acknowledgement says beyond the terms. */
type Outcome = Pick<
  SessionOpenAck,
  'sessionId' | 'acceptedPriorityClass' | 'sessionStatus' | 'resumeTokenBytes' | 'sessionErrorCode' | 'sessionFlagsAck'
>;

/**
 * Field by field: objects that are spread together get a shape each, which would stay as long as the session and weigh
 * three times as much as the fields.
 */
function acknowledged(open: SessionOpen, terms: SessionOpenTerms, outcome: Outcome): SessionOpenAck {
  return {
    sessionId: outcome.sessionId,
    acceptedProfileId: open.profileId,
    acceptedPriorityClass: outcome.acceptedPriorityClass,
    sessionStatus: outcome.sessionStatus,
    schemaId: open.schemaId,
    schemaVersion: open.schemaVersion,
    grantedOperationCredit: terms.grantedOperationCredit,
    maxInFlightOperations: terms.maxInFlightOperations,
    leaseTtlMs: terms.leaseTtlMs,
    resumeWindowMs: terms.resumeWindowMs,
    resumeTokenBytes: outcome.resumeTokenBytes,
    sessionExtensionBytes: 0,
    routeScopeId: 0,
    serverSessionTag: BigInt(outcome.sessionId),
    sessionErrorCode: outcome.sessionErrorCode,
    sessionFlagsAck: outcome.sessionFlagsAck,
  };
}
