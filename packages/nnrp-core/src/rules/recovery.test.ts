import { describe, expect, it } from 'vitest';
import type { SessionOpen } from '../generated/preview3/session-open.js';
import type { SessionOpenAck } from '../generated/preview3/session-open-ack.js';
import { checkRecoveryRequest, recoveryOutcome } from './recovery.js';

/** An attempt to resume session 42. */
const OPEN: SessionOpen = {
  requestedSessionId: 42,
  profileId: 2,
  priorityClass: 1,
  sessionFlags: 1,
  schemaId: 4097,
  schemaVersion: 3,
  defaultDeadlineMs: 0,
  maxInFlightOperations: 4,
  leaseTtlHintMs: 0,
  resumeTokenBytes: 24,
  authBytes: 0,
  sessionExtensionBytes: 0,
  clientSessionTag: 0n,
};

/** Resumed, and resumable again. */
const ACK: SessionOpenAck = {
  sessionId: 42,
  acceptedProfileId: 2,
  acceptedPriorityClass: 1,
  sessionStatus: 3,
  schemaId: 4097,
  schemaVersion: 3,
  grantedOperationCredit: 2,
  maxInFlightOperations: 4,
  leaseTtlMs: 0,
  resumeWindowMs: 1000,
  resumeTokenBytes: 24,
  sessionExtensionBytes: 0,
  serverSessionTag: 0n,
  routeScopeId: 0,
  sessionErrorCode: 0,
  sessionFlagsAck: 1,
};

const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
const fault = (name: string) => ({ outcome: 'fault', fault: rule(name) });
const outcome = (ack: Partial<SessionOpenAck>, open: Partial<SessionOpen> = {}) =>
  recoveryOutcome({ ...OPEN, ...open }, { ...ACK, ...ack });

describe('recovery request', () => {
  it('refuses a token without allow_resume (RES-1), before a missing id', () => {
    expect(checkRecoveryRequest({ ...OPEN, sessionFlags: 0x0e })).toEqual(rule('RES-1'));
    expect(checkRecoveryRequest({ ...OPEN, sessionFlags: 0, requestedSessionId: 0 })).toEqual(rule('RES-1'));
  });

  it('refuses a token without a session id (RES-2)', () => {
    expect(checkRecoveryRequest({ ...OPEN, requestedSessionId: 0 })).toEqual(rule('RES-2'));
  });

  it('accepts a token of one byte, and any request without a token', () => {
    expect(checkRecoveryRequest({ ...OPEN, resumeTokenBytes: 1 })).toBeUndefined();
    const none = { ...OPEN, resumeTokenBytes: 0, sessionFlags: 0, requestedSessionId: 0 };
    expect(checkRecoveryRequest(none)).toBeUndefined();
  });
});

describe('recovery outcome', () => {
  it.each([0, 1, 2, 3] as const)('refuses resume_enabled without window or token in status %i (RESACK-1)', (status) => {
    expect(outcome({ sessionStatus: status, resumeWindowMs: 0 })).toEqual(fault('RESACK-1'));
    expect(outcome({ sessionStatus: status, resumeTokenBytes: 0 })).toEqual(fault('RESACK-1'));
    expect(outcome({ sessionStatus: status, resumeWindowMs: 1, resumeTokenBytes: 1 }).outcome).not.toBe('fault');
  });

  it('refuses a resumed session that was not asked for (RESACK-2), before the other two', () => {
    const bad = { sessionErrorCode: 1, sessionFlagsAck: 0 };
    expect(outcome(bad, { resumeTokenBytes: 0 })).toEqual(fault('RESACK-2'));
  });

  it('refuses a resumed session with an error (RESACK-3), before a missing flag', () => {
    expect(outcome({ sessionErrorCode: 1, sessionFlagsAck: 0 })).toEqual(fault('RESACK-3'));
  });

  it('refuses a resumed session that is not resumable (RESACK-4)', () => {
    expect(outcome({ sessionFlagsAck: 0x1e })).toEqual(fault('RESACK-4'));
  });

  it('tells a resumed session, a resumable one and a fresh one apart', () => {
    expect(outcome({})).toEqual({ outcome: 'resumed', windowMs: 1000 });
    expect(outcome({ sessionStatus: 0 })).toEqual({ outcome: 'resume_enabled', windowMs: 1000 });
    expect(outcome({ sessionStatus: 0, sessionFlagsAck: 0 })).toEqual({ outcome: 'fresh', windowMs: 0 });
  });

  it('tells a refused recovery from every other refusal', () => {
    const refused = { sessionFlagsAck: 0, sessionStatus: 1 } as const;
    expect(outcome({ ...refused, sessionErrorCode: 0x00010006 })).toEqual({ outcome: 'resume_rejected', windowMs: 0 });
    expect(outcome({ ...refused, sessionErrorCode: 0x00010007 })).toEqual({ outcome: 'fresh', windowMs: 0 });
    const later = { sessionFlagsAck: 0, sessionStatus: 2, sessionErrorCode: 0x00010006 } as const;
    expect(outcome(later)).toEqual({ outcome: 'fresh', windowMs: 0 });
  });
});
