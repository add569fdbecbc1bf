import { describe, expect, it } from 'vitest';
import type { SessionMigrate } from '../generated/preview3/session-migrate.js';
import type { SessionMigrateAck } from '../generated/preview3/session-migrate-ack.js';
import { checkMigration } from './migration.js';

const REQUEST: SessionMigrate = { oldTransportId: 2, newTransportId: 1, lastResultFrameId: 10n, clientMigrateTsUs: 0n };
const ACK: SessionMigrateAck = { acceptCode: 0, resumeFromFrameId: 10n, graceWindowMs: 0, serverMigrateTsUs: 0n };
const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });

describe('migration pair', () => {
  it('refuses equal transports (MIG-3), before the cursor', () => {
    expect(checkMigration({ ...REQUEST, newTransportId: 2 }, ACK)).toEqual(rule('MIG-3'));
    expect(checkMigration({ ...REQUEST, newTransportId: 2 }, { ...ACK, resumeFromFrameId: 9n })).toEqual(rule('MIG-3'));
  });

  it('refuses a replay from before the last result (MIG-4)', () => {
    expect(checkMigration(REQUEST, { ...ACK, resumeFromFrameId: 9n })).toEqual(rule('MIG-4'));
    expect(checkMigration(REQUEST, ACK)).toBeUndefined();
    expect(checkMigration(REQUEST, { ...ACK, resumeFromFrameId: 11n })).toBeUndefined();
  });

  it('compares all 64 bits', () => {
    const request = { ...REQUEST, lastResultFrameId: 2n ** 63n + 1n };
    expect(checkMigration(request, { ...ACK, resumeFromFrameId: 2n ** 63n })).toEqual(rule('MIG-4'));
    expect(checkMigration(request, { ...ACK, resumeFromFrameId: 2n ** 63n + 1n })).toBeUndefined();
  });

  it('checks a refusal like a grant', () => {
    expect(checkMigration(REQUEST, { ...ACK, acceptCode: 7 })).toBeUndefined();
    expect(checkMigration(REQUEST, { ...ACK, acceptCode: 7, resumeFromFrameId: 0n })).toEqual(rule('MIG-4'));
  });
});
