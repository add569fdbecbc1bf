import { describe, expect, it } from 'vitest';
import { SessionStatus } from '../generated/preview3/enums.js';
import type { SessionOpenAck } from '../generated/preview3/session-open-ack.js';
import { openAckOutcome } from './open-ack.js';

function outcome(sessionStatus: SessionStatus, sessionId: number) {
  const ack: SessionOpenAck = {
    sessionId,
    acceptedProfileId: 2,
    acceptedPriorityClass: 1,
    sessionStatus,
    schemaId: 0,
    schemaVersion: 0,
    grantedOperationCredit: 0,
    maxInFlightOperations: 0,
    leaseTtlMs: 0,
    resumeWindowMs: 0,
    resumeTokenBytes: 0,
    sessionExtensionBytes: 0,
    serverSessionTag: 0n,
    routeScopeId: 0,
    sessionErrorCode: 0,
    sessionFlagsAck: 0,
  };
  return openAckOutcome(ack);
}

const fault = (rule: string) => ({ outcome: 'fault', fault: { kind: 'invalid_combination', rule } });

describe('open acknowledgement', () => {
  it('installs a granted session', () => {
    expect(outcome(SessionStatus.Opened, 1)).toEqual({ outcome: 'open' });
    expect(outcome(SessionStatus.Resumed, 0xffffffff)).toEqual({ outcome: 'resumed' });
  });

  it('refuses a granted session without an id (LIFE-1)', () => {
    expect(outcome(SessionStatus.Opened, 0)).toEqual(fault('LIFE-1'));
    expect(outcome(SessionStatus.Resumed, 0)).toEqual(fault('LIFE-1'));
  });

  it('installs nothing after a refusal', () => {
    expect(outcome(SessionStatus.Rejected, 0)).toEqual({ outcome: 'not_installed' });
    expect(outcome(SessionStatus.RetryLater, 0)).toEqual({ outcome: 'not_installed' });
  });

  it('refuses a refusal with an id (LIFE-2)', () => {
    expect(outcome(SessionStatus.Rejected, 1)).toEqual(fault('LIFE-2'));
    expect(outcome(SessionStatus.RetryLater, 1)).toEqual(fault('LIFE-2'));
  });
});
