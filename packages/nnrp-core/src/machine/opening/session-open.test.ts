import { describe, expect, it } from 'vitest';
import { SessionErrorCode } from '../../generated/preview3/enums.js';
import type { SessionOpen } from '../../generated/preview3/session-open.js';
import { encodeSessionOpenAck } from '../../generated/preview3/session-open-ack.js';
import { openAckOutcome } from '../../rules/open-ack.js';
import { recoveryOutcome } from '../../rules/recovery.js';
import {
  checkOpenRequest,
  chooseSessionId,
  openedAck,
  rejectedAck,
  type SessionIds,
  type SessionOpenTerms,
} from './session-open.js';

const OPEN: SessionOpen = {
  requestedSessionId: 1,
  profileId: 2,
  priorityClass: 1,
  sessionFlags: 0,
  schemaId: 0x1001,
  schemaVersion: 3,
  defaultDeadlineMs: 500,
  maxInFlightOperations: 4,
  leaseTtlHintMs: 30_000,
  resumeTokenBytes: 0,
  authBytes: 0,
  sessionExtensionBytes: 0,
  clientSessionTag: 1n,
};
const TERMS: SessionOpenTerms = {
  supportedProfiles: [2],
  hasSchema: (id, version) => id === 0x1001 && version === 3,
  maxInFlightOperations: 4,
  grantedOperationCredit: 2,
  leaseTtlMs: 30_000,
  resumeWindowMs: 120_000,
  resumeTokenBytes: 24,
};
const ids = (used: readonly number[], free: number): SessionIds => ({
  has: (id) => used.includes(id),
  free: () => free,
});
const check = (open: Partial<SessionOpen>, terms: Partial<SessionOpenTerms> = {}) =>
  checkOpenRequest({ ...OPEN, ...open }, { ...TERMS, ...terms });

describe('checkOpenRequest', () => {
  it('grants what the terms allow', () => {
    expect(check({})).toBe(SessionErrorCode.None);
    expect(check({ maxInFlightOperations: 0 })).toBe(SessionErrorCode.None);
    expect(check({ profileId: 0 }, { supportedProfiles: [0] })).toBe(SessionErrorCode.None);
    expect(check({ resumeTokenBytes: 1, sessionFlags: 1 })).toBe(SessionErrorCode.None);
  });

  it('refuses a token without the flag (RES-1) or the id (RES-2)', () => {
    expect(check({ resumeTokenBytes: 1 })).toBe(SessionErrorCode.ResumeRejected);
    expect(check({ resumeTokenBytes: 1, sessionFlags: 0x0e })).toBe(SessionErrorCode.ResumeRejected);
    expect(check({ resumeTokenBytes: 1, sessionFlags: 1, requestedSessionId: 0 })).toBe(
      SessionErrorCode.ResumeRejected,
    );
  });

  it('refuses profiles that are not offered, or not assigned', () => {
    expect(check({ profileId: 1 })).toBe(SessionErrorCode.ProfileUnsupported);
    expect(check({ profileId: 0 })).toBe(SessionErrorCode.ProfileUnsupported);
    expect(check({ profileId: 0xffff }, { supportedProfiles: [0xffff] })).toBe(SessionErrorCode.ProfileUnsupported);
    expect(check({}, { supportedProfiles: [] })).toBe(SessionErrorCode.ProfileUnsupported);
  });

  it('refuses unknown schemas, 0 included, and larger wishes than its own limit', () => {
    expect(check({ schemaVersion: 2 })).toBe(SessionErrorCode.SchemaUnsupported);
    expect(check({ schemaId: 0, schemaVersion: 0 })).toBe(SessionErrorCode.SchemaUnsupported);
    expect(check({ maxInFlightOperations: 5 })).toBe(SessionErrorCode.SessionLimitReached);
  });

  it('reports the first of several faults: recovery, profile, schema, limit', () => {
    const all = { resumeTokenBytes: 1, profileId: 1, schemaId: 5, maxInFlightOperations: 9 };
    expect(check(all)).toBe(SessionErrorCode.ResumeRejected);
    expect(check({ ...all, resumeTokenBytes: 0 })).toBe(SessionErrorCode.ProfileUnsupported);
    expect(check({ ...all, resumeTokenBytes: 0, profileId: 2 })).toBe(SessionErrorCode.SchemaUnsupported);
  });
});

describe('chooseSessionId', () => {
  it('gives the wanted id when it is free', () => {
    expect(chooseSessionId(OPEN, ids([2], 3))).toEqual({ sessionId: 1 });
    expect(chooseSessionId({ ...OPEN, requestedSessionId: 0xffffffff }, ids([], 1))).toEqual({ sessionId: 0xffffffff });
  });

  it('refuses an id in use', () => {
    const refused = { errorCode: SessionErrorCode.SessionLimitReached };
    expect(chooseSessionId(OPEN, ids([1], 2))).toEqual(refused);
  });

  it('assigns a free id for 0, and refuses when there is none', () => {
    const open = { ...OPEN, requestedSessionId: 0 };
    expect(chooseSessionId(open, ids([1, 2], 3))).toEqual({ sessionId: 3 });
    expect(chooseSessionId(open, ids([], 0))).toEqual({ errorCode: SessionErrorCode.SessionLimitReached });
  });

  it('refuses every resume attempt, whether or not the session exists', () => {
    const open = { ...OPEN, sessionFlags: 1, resumeTokenBytes: 24 };
    const refused = { errorCode: SessionErrorCode.ResumeRejected };
    expect(chooseSessionId(open, ids([], 2))).toEqual(refused);
    expect(chooseSessionId(open, ids([1], 2))).toEqual(refused);
  });
});

describe('acknowledgements', () => {
  const view = new DataView(new ArrayBuffer(56));

  it('announce a token when resuming is wanted and offered, and only then', () => {
    const wanted = { ...OPEN, sessionFlags: 1 };
    expect(openedAck(wanted, TERMS, 7)).toMatchObject({ resumeTokenBytes: 24, sessionFlagsAck: 1 });
    expect(openedAck(OPEN, TERMS, 7)).toMatchObject({ resumeTokenBytes: 0, sessionFlagsAck: 0 });
    const none = { ...TERMS, resumeTokenBytes: 0 };
    expect(openedAck(wanted, none, 7)).toMatchObject({ resumeTokenBytes: 0, sessionFlagsAck: 0 });
  });

  it('can be written, and pass what a client checks', () => {
    for (const sessionFlags of [0, 1, 0x0f]) {
      const open = { ...OPEN, sessionFlags };
      const granted = openedAck(open, TERMS, 0xffffffff);
      expect(granted).toMatchObject({ sessionId: 0xffffffff, serverSessionTag: 0xffffffffn, sessionStatus: 0 });
      expect(openAckOutcome(granted).outcome).toBe('open');
      expect(recoveryOutcome(open, granted).outcome).not.toBe('fault');
      expect(encodeSessionOpenAck(granted, view)).toBe(56);
      const refused = rejectedAck(open, TERMS, 0xfffffff0);
      expect(refused).toMatchObject({ sessionId: 0, serverSessionTag: 0n, sessionErrorCode: 0xfffffff0 });
      expect(openAckOutcome(refused).outcome).toBe('not_installed');
      expect(recoveryOutcome(open, refused).outcome).not.toBe('fault');
      expect(encodeSessionOpenAck(refused, view)).toBe(56);
    }
  });
});
