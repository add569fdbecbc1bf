import { describe, expect, it } from 'vitest';
import { BackpressureLevel, ScopeKind, UpdateReason } from '../../generated/preview3/enums.js';
import { encodeFlowUpdate } from '../../generated/preview3/flow-update.js';
import { checkFlowUpdateScope } from '../../rules/flow.js';
import { FlowSender } from './flow-sender.js';

const EVERYTHING = {
  updateReason: UpdateReason.Reduce,
  backpressureLevel: BackpressureLevel.Soft,
  credit: 6,
  retryAfterMs: 9,
  backgroundOnly: true,
  drainInFlightOnly: true,
};

describe('flow sender', () => {
  it('makes complete metadata with epochs from 1', () => {
    const sender = new FlowSender(ScopeKind.Session);
    const plain = {
      scopeKind: ScopeKind.Session,
      updateReason: UpdateReason.Grant,
      backpressureLevel: BackpressureLevel.None,
      connectionCredit: 0,
      sessionCredit: 0,
      operationCredit: 0,
      operationId: 0n,
      retryAfterMs: 0,
      creditEpoch: 1,
      flowFlags: 0,
    };
    expect(sender.next({})).toEqual(plain);
    expect(sender.next({ credit: 0 })).toEqual({ ...plain, creditEpoch: 2, flowFlags: 1 });
    expect(sender.next({ retryAfterMs: 0 })).toEqual({ ...plain, creditEpoch: 3, flowFlags: 2 });
    expect(sender.next(EVERYTHING)).toEqual({
      ...plain,
      updateReason: UpdateReason.Reduce,
      backpressureLevel: BackpressureLevel.Soft,
      sessionCredit: 6,
      retryAfterMs: 9,
      creditEpoch: 4,
      flowFlags: 15,
    });
  });

  it('satisfies the rules of every scope', () => {
    const view = new DataView(new ArrayBuffer(32));
    for (const [sender, sessionId] of [
      [new FlowSender(ScopeKind.Connection), 0],
      [new FlowSender(ScopeKind.Session), 5],
      [new FlowSender(ScopeKind.Operation, 2n ** 64n - 1n), 5],
    ] as const) {
      for (const fields of [{}, EVERYTHING]) {
        encodeFlowUpdate(sender.next(fields), view);
        expect(checkFlowUpdateScope(sessionId, view, 0)).toBeUndefined();
      }
    }
  });

  it('never wraps, and says when its epochs are used up', () => {
    const sender = new FlowSender(ScopeKind.Connection, 0n, 0xfffffffe);
    expect(sender.exhausted).toBe(false);
    expect(sender.next({}).creditEpoch).toBe(0xffffffff);
    expect(sender.exhausted).toBe(true);
    expect(sender.next({}).creditEpoch).toBe(0xffffffff);
  });
});
