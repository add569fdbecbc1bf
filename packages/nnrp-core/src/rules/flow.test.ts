import { describe, expect, it } from 'vitest';
import { encodeFlowUpdate, type FlowUpdate } from '../generated/preview3/flow-update.js';
import { checkFlowUpdateScope } from './flow.js';

const NOTHING: FlowUpdate = {
  scopeKind: 0,
  updateReason: 0,
  backpressureLevel: 0,
  connectionCredit: 0,
  sessionCredit: 0,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 0,
  creditEpoch: 0,
  flowFlags: 0,
};
const START = 40;
const OPERATION_IDS = [1n, 2n ** 32n, 2n ** 63n];

function check(sessionId: number, update: Partial<FlowUpdate>) {
  // The bytes around the metadata are set, so that a read in the wrong place shows.
  const view = new DataView(new Uint8Array(START + 32 + 8).fill(0xff).buffer);
  encodeFlowUpdate({ ...NOTHING, ...update }, view, START);
  return checkFlowUpdateScope(sessionId, view, START);
}

describe('flow update and its header', () => {
  it('refuses session and operation in connection scope (FLOW-2)', () => {
    expect(check(1, {})).toBe('FLOW-2');
    expect(check(0, { sessionCredit: 1 })).toBe('FLOW-2');
    expect(check(0, { operationCredit: 1 })).toBe('FLOW-2');
    for (const operationId of OPERATION_IDS) expect(check(0, { operationId })).toBe('FLOW-2');
    expect(check(0, { connectionCredit: 0xffff, creditEpoch: 9, flowFlags: 1 })).toBeUndefined();
  });

  it('refuses connection and operation in session scope (FLOW-3)', () => {
    expect(check(0, { scopeKind: 1 })).toBe('FLOW-3');
    expect(check(1, { scopeKind: 1, connectionCredit: 1 })).toBe('FLOW-3');
    expect(check(1, { scopeKind: 1, operationCredit: 1 })).toBe('FLOW-3');
    for (const operationId of OPERATION_IDS) expect(check(1, { scopeKind: 1, operationId })).toBe('FLOW-3');
    expect(check(1, { scopeKind: 1, sessionCredit: 0xffff })).toBeUndefined();
  });

  it('refuses operation scope without session or operation (FLOW-4), and takes any credit', () => {
    expect(check(0, { scopeKind: 2, operationId: 1n })).toBe('FLOW-4');
    expect(check(1, { scopeKind: 2 })).toBe('FLOW-4');
    const credits = { connectionCredit: 1, sessionCredit: 1, operationCredit: 1 };
    for (const operationId of OPERATION_IDS)
      expect(check(1, { scopeKind: 2, operationId, ...credits })).toBeUndefined();
  });

  it.each([0, 1, 2] as const)('refuses advice without its flag in scope %i (FLOW-5)', (scopeKind) => {
    const sessionId = scopeKind === 0 ? 0 : 1;
    const update = { scopeKind, operationId: scopeKind === 2 ? 1n : 0n };
    expect(check(sessionId, { ...update, retryAfterMs: 1, flowFlags: 0x0d })).toBe('FLOW-5');
    expect(check(sessionId, { ...update, retryAfterMs: 0x80000000 })).toBe('FLOW-5');
    expect(check(sessionId, { ...update, retryAfterMs: 1, flowFlags: 2 })).toBeUndefined();
    expect(check(sessionId, { ...update, retryAfterMs: 0, flowFlags: 2 })).toBeUndefined();
  });

  it('reports the rule of the scope before FLOW-5', () => {
    expect(check(1, { retryAfterMs: 1 })).toBe('FLOW-2');
    expect(check(0, { scopeKind: 1, retryAfterMs: 1 })).toBe('FLOW-3');
    expect(check(0, { scopeKind: 2, retryAfterMs: 1 })).toBe('FLOW-4');
  });
});
