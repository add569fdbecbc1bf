import type { FlowScope } from 'nnrp-core';
import { BackpressureLevel, FlowFlags, type FlowUpdate, ScopeKind, UpdateReason } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionGate } from '../../../src/server/operation/connection-gate.js';
import type { Operation } from '../../../src/server/operation/operation.js';
import { ResultGate } from '../../../src/server/operation/result-gate.js';

afterEach(() => void vi.restoreAllMocks());

const PAUSE: FlowUpdate = {
  scopeKind: ScopeKind.Session,
  updateReason: UpdateReason.Reduce,
  backpressureLevel: BackpressureLevel.None,
  connectionCredit: 0,
  sessionCredit: 0,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 30,
  creditEpoch: 1,
  flowFlags: FlowFlags.RetryAfterValid,
};
const SAID_AT_MS = 100;
const ENDS_AT_MS = SAID_AT_MS + PAUSE.retryAfterMs;
const owner = { crashed: () => {}, bounds: { hit: () => {} } };
const operation = { isOver: false } as Operation;

const scopes: [what: string, pause: (gate: ResultGate, connection: ConnectionGate) => FlowScope][] = [
  ['the session', (gate) => gate.scopeOf()],
  ['the operation', (gate) => gate.scopeOf(operation)],
  ['the connection', (_gate, connection) => connection.scope],
];

describe.each(scopes)('a pause of %s', (_what, scopeOf) => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('may end after %i looks at the clock: what waits is let go', async (looks) => {
    const connection = new ConnectionGate(owner);
    const gate = new ResultGate(connection, false, 1 << 30, owner);
    scopeOf(gate, connection).apply(PAUSE, SAID_AT_MS);
    let looked = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (looked++ < looks ? ENDS_AT_MS - 0.01 : ENDS_AT_MS + 0.01));
    const sent = gate.mustWait(operation) ? gate.afterHold(operation, 1, async () => {}) : Promise.resolve();
    const late = new Promise((resolve) => setTimeout(resolve, 1000, 'late'));
    expect(await Promise.race([sent, late])).toBeUndefined();
    expect(gate.heldCount).toBe(0);
    gate.end();
    connection.end();
  });
});
