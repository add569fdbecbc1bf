import { describe, expect, it } from 'vitest';
import { BackpressureLevel, ScopeKind, UpdateReason } from '../../generated/preview3/enums.js';
import { FlowGate } from './flow-gate.js';
import { FlowScope } from './flow-scope.js';
import { type FlowFields, FlowSender } from './flow-sender.js';

const { Soft, Hard } = BackpressureLevel;

/** A scope that has received one update. */
function scope(scopeKind: ScopeKind, fields: FlowFields = {}, nowMs = 0): FlowScope {
  const made = new FlowScope();
  made.apply(new FlowSender(scopeKind).next(fields), nowMs);
  return made;
}
const connection = (fields: FlowFields = {}) => scope(ScopeKind.Connection, fields);
const session = (fields: FlowFields = {}) => scope(ScopeKind.Session, fields);

/** How many operations may be in flight in the session when it alone uses the connection. */
function windowOf(gate: FlowGate): number {
  let inFlight = 0;
  while (inFlight < 100 && gate.blockedBy(inFlight, inFlight, false, 0) === undefined) inFlight++;
  return inFlight;
}

describe('flow gate', () => {
  it('has no limit where nobody has set one', () => {
    expect(windowOf(new FlowGate(new FlowScope(), new FlowScope(), 0))).toBe(100);
  });

  it('opens the smallest of limit and credits', () => {
    for (const [limit, sessionCredit, connectionCredit, window] of [
      [4, undefined, undefined, 4],
      [4, 2, undefined, 2],
      [4, 9, undefined, 4],
      [0, 9, undefined, 9],
      [4, 3, 1, 1],
      [0, undefined, 5, 5],
    ] as const) {
      const gate = new FlowGate(new FlowScope(connectionCredit), new FlowScope(sessionCredit), limit);
      expect(windowOf(gate)).toBe(window);
    }
  });

  it('compares the credit of the connection with the operations of all its sessions', () => {
    const gate = new FlowGate(new FlowScope(5), new FlowScope(3), 4);
    expect(gate.blockedBy(0, 4, false, 0)).toBeUndefined();
    expect(gate.blockedBy(0, 5, false, 0)).toEqual({ reason: 'credit' });
    expect(gate.blockedBy(3, 4, false, 0)).toEqual({ reason: 'credit' });
    expect(gate.blockedBy(4, 4, false, 0)).toEqual({ reason: 'in_flight_limit' });
  });

  it('lets nothing begin with a credit of 0, and gives back what ends', () => {
    const gate = new FlowGate(new FlowScope(), new FlowScope(0), 4);
    expect(gate.blockedBy(0, 0, true, 0)).toEqual({ reason: 'credit' });
    const open = new FlowGate(new FlowScope(), new FlowScope(1), 4);
    expect(open.blockedBy(1, 1, false, 0)).toEqual({ reason: 'credit' });
    expect(open.blockedBy(0, 0, false, 0)).toBeUndefined();
  });

  it('halves the window under soft backpressure, down to one', () => {
    for (const [credit, window] of [
      [9, 4],
      [8, 4],
      [3, 1],
      [1, 1],
      [0, 0],
    ] as const) {
      const soft = { backpressureLevel: Soft, credit };
      expect(windowOf(new FlowGate(new FlowScope(), session(soft), 0))).toBe(window);
      expect(windowOf(new FlowGate(connection(soft), new FlowScope(), 0))).toBe(window);
      expect(windowOf(new FlowGate(connection({ backpressureLevel: Soft }), new FlowScope(credit), 0))).toBe(window);
    }
    const both = new FlowGate(connection({ backpressureLevel: Soft }), session({ backpressureLevel: Soft }), 8);
    expect(windowOf(both)).toBe(4);
    expect(both.blockedBy(4, 4, false, 0)).toEqual({ reason: 'credit' });
    // The window of the connection is not halved because one of its sessions is to slow down.
    expect(windowOf(new FlowGate(new FlowScope(6), session({ backpressureLevel: Soft }), 0))).toBe(6);
  });

  it('names what either scope forbids', () => {
    for (const [fields, block] of [
      [{ updateReason: UpdateReason.Pause }, { reason: 'paused' }],
      [{ backpressureLevel: Hard }, { reason: 'hard' }],
      [{ drainInFlightOnly: true }, { reason: 'drain_in_flight_only' }],
      [{ backgroundOnly: true }, { reason: 'background_only' }],
      [{ retryAfterMs: 10 }, { reason: 'retry_after', retryAtMs: 10 }],
    ] as const) {
      expect(new FlowGate(connection(fields), new FlowScope(), 4).blockedBy(0, 0, false, 9)).toEqual(block);
      expect(new FlowGate(new FlowScope(), session(fields), 4).blockedBy(0, 0, false, 9)).toEqual(block);
    }
  });

  it('lets background work begin where only that may', () => {
    const gate = new FlowGate(new FlowScope(), session({ backgroundOnly: true }), 4);
    expect(gate.blockedBy(0, 0, true, 0)).toBeUndefined();
    expect(gate.blockedBy(4, 4, true, 0)).toEqual({ reason: 'in_flight_limit' });
  });

  it('waits for the later of two times, and no longer', () => {
    const gate = new FlowGate(connection({ retryAfterMs: 30 }), session({ retryAfterMs: 20 }), 4);
    expect(gate.blockedBy(0, 0, true, 29)).toEqual({ reason: 'retry_after', retryAtMs: 30 });
    expect(gate.blockedBy(0, 0, true, 30)).toBeUndefined();
  });

  it('returns the same object for the same reason, and nobody can change it', () => {
    const gate = new FlowGate(new FlowScope(), new FlowScope(0), 0);
    const block = gate.blockedBy(0, 0, false, 0);
    expect(gate.blockedBy(5, 5, false, 0)).toBe(block);
    expect(Object.isFrozen(block)).toBe(true);
  });
});
