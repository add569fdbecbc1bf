import { describe, expect, it } from 'vitest';
import { BackpressureLevel, ScopeKind, UpdateReason } from '../../generated/preview3/enums.js';
import { FlowFlags } from '../../generated/preview3/flags.js';
import type { FlowUpdate } from '../../generated/preview3/flow-update.js';
import { FlowScope } from './flow-scope.js';

const { Grant, Reduce, Pause, Resume, Congestion } = UpdateReason;
const { None, Soft, Hard } = BackpressureLevel;

const update = (creditEpoch: number, fields: Partial<FlowUpdate> = {}): FlowUpdate => ({
  scopeKind: ScopeKind.Session,
  updateReason: Grant,
  backpressureLevel: None,
  connectionCredit: 0,
  sessionCredit: 0,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 0,
  creditEpoch,
  flowFlags: 0,
  ...fields,
});
const scopeAfter = (...updates: FlowUpdate[]): FlowScope => {
  const scope = new FlowScope();
  for (const next of updates) expect(scope.apply(next, 0)).toBe('applied');
  return scope;
};

describe('flow scope', () => {
  it('begins without restrictions, with the credit it was given', () => {
    const scope = new FlowScope(3);
    expect([scope.epoch, scope.credit, scope.level, scope.retryAtMs]).toEqual([0, 3, None, 0]);
    expect([scope.paused, scope.backgroundOnly, scope.drainInFlightOnly]).toEqual([false, false, false]);
    expect(new FlowScope().credit).toBeUndefined();
  });

  it('takes the credit of its scope, and only where it is valid', () => {
    const credits = { connectionCredit: 5, sessionCredit: 6, operationCredit: 7 };
    const valid = { ...credits, flowFlags: FlowFlags.CreditValid };
    const of = (scopeKind: ScopeKind) => scopeAfter(update(1, { ...valid, scopeKind })).credit;
    expect([of(ScopeKind.Connection), of(ScopeKind.Session), of(ScopeKind.Operation)]).toEqual([5, 6, 7]);
    expect(scopeAfter(update(1, credits)).credit).toBeUndefined();
    expect(scopeAfter(update(1, valid), update(2, { sessionCredit: 9 })).credit).toBe(6);
    expect(scopeAfter(update(1, { flowFlags: FlowFlags.CreditValid })).credit).toBe(0);
  });

  it('ignores what is older, and what has the same epoch', () => {
    const newest = update(5, { sessionCredit: 4, flowFlags: FlowFlags.CreditValid });
    const scope = scopeAfter(newest);
    expect(scope.apply({ ...newest }, 1)).toBe('repeated');
    for (const older of [update(4), update(0), { ...newest, creditEpoch: 4 }]) {
      expect(scope.apply(older, 1)).toBe('stale');
    }
    const others: Partial<FlowUpdate>[] = [
      { scopeKind: ScopeKind.Operation },
      { updateReason: Pause },
      { backpressureLevel: Hard },
      { connectionCredit: 1 },
      { sessionCredit: 5 },
      { operationCredit: 1 },
      { operationId: 1n },
      { retryAfterMs: 1 },
      { flowFlags: 0 },
    ];
    for (const fields of others) expect(scope.apply({ ...newest, ...fields }, 1)).toBe('stale');
    expect([scope.epoch, scope.credit, scope.paused, scope.level]).toEqual([5, 4, false, None]);
  });

  it('does not count a repeated wait from its repetition', () => {
    const wait = update(1, { retryAfterMs: 100, flowFlags: FlowFlags.RetryAfterValid });
    const scope = new FlowScope();
    scope.apply(wait, 1000);
    expect(scope.apply({ ...wait }, 1050)).toBe('repeated');
    expect(scope.retryAtMs).toBe(1100);
  });

  it('counts a first update without a number', () => {
    const scope = new FlowScope();
    const credit = { sessionCredit: 7, flowFlags: FlowFlags.CreditValid };
    expect(scope.apply(update(0, credit), 0)).toBe('applied');
    expect(scope.apply(update(0, credit), 0)).toBe('repeated');
    expect(scope.credit).toBe(7);
    expect(scope.apply(update(0xffffffff), 0)).toBe('applied');
    expect(scope.apply(update(1), 0)).toBe('stale');
  });

  it('stays hard until a grant or resume', () => {
    const hard = update(1, { updateReason: Congestion, backpressureLevel: Hard });
    for (const updateReason of [Reduce, Pause, Congestion]) {
      for (const backpressureLevel of [None, Soft]) {
        expect(scopeAfter(hard, update(2, { updateReason, backpressureLevel })).level).toBe(Hard);
      }
    }
    for (const updateReason of [Grant, Resume]) {
      expect(scopeAfter(hard, update(2, { updateReason })).level).toBe(None);
      expect(scopeAfter(hard, update(2, { updateReason, backpressureLevel: Soft })).level).toBe(Soft);
      expect(scopeAfter(hard, update(2, { updateReason, backpressureLevel: Hard })).level).toBe(Hard);
    }
  });

  it('stays paused until a grant or resume', () => {
    const pause = update(1, { updateReason: Pause });
    for (const updateReason of [Reduce, Pause, Congestion]) {
      expect(scopeAfter(pause, update(2, { updateReason })).paused).toBe(true);
    }
    for (const updateReason of [Grant, Resume]) {
      expect(scopeAfter(pause, update(2, { updateReason })).paused).toBe(false);
    }
  });

  it('has soft backpressure, flags and the wait of the newest update', () => {
    const all = FlowFlags.BackgroundOnly | FlowFlags.DrainInFlightOnly | FlowFlags.RetryAfterValid;
    const first = update(1, { updateReason: Reduce, backpressureLevel: Soft, flowFlags: all, retryAfterMs: 50 });
    const scope = new FlowScope();
    scope.apply(first, 200);
    expect([scope.level, scope.backgroundOnly, scope.drainInFlightOnly, scope.retryAtMs]).toEqual([
      Soft,
      true,
      true,
      250,
    ]);
    scope.apply(update(2, { updateReason: Reduce }), 210);
    expect([scope.level, scope.backgroundOnly, scope.drainInFlightOnly, scope.retryAtMs]).toEqual([
      None,
      false,
      false,
      0,
    ]);
  });
});
