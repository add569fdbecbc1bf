import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CountedRefusals, MAX_REFUSED_GROUPS } from './counted-refusals.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

describe('refusals of one address', () => {
  it('are answered at once, then ever later, and then no more', () => {
    let hits = 0;
    const refusals = new CountedRefusals(
      20,
      10_000,
      () => hits++,
      () => {},
    );
    const terms = Array.from({ length: 20 }, () => refusals.add('a'));
    expect(terms.map(({ delayMs }) => delayMs)).toEqual([
      ...[0, 0, 0, 0, 100, 200, 400, 800, 1600],
      ...Array(11).fill(3000),
    ]);
    expect(terms.map(({ isLast }) => isLast)).toEqual([...Array(19).fill(false), true]);
    expect(hits).toBe(16);
    expect([refusals.isShut('a'), refusals.isShut('b'), refusals.isShut(undefined)]).toEqual([true, false, false]);
    vi.advanceTimersByTime(9999);
    expect(refusals.isShut('a')).toBe(true);
    vi.advanceTimersByTime(1);
    expect(refusals.isShut('a')).toBe(false);
    // It goes on slowly: little has been forgotten.
    expect(refusals.add('a').delayMs).toBe(3000);
    expect(refusals.add('b').delayMs).toBe(0);
  });

  it('are forgotten in time', () => {
    const refusals = new CountedRefusals(
      20,
      10_000,
      () => {},
      () => {},
    );
    for (let count = 0; count < 10; count++) refusals.add('a');
    expect(refusals.most).toBe(10);
    vi.advanceTimersByTime(25_000);
    expect([refusals.most, refusals.add('a').delayMs]).toEqual([0, 0]);
  });

  it('do not matter with a limit of 0, nor without an address', () => {
    const never = new CountedRefusals(
      0,
      10_000,
      () => {},
      () => {},
    );
    const some = new CountedRefusals(
      1,
      10_000,
      () => {},
      () => {},
    );
    for (let count = 0; count < 100; count++) {
      expect(never.add('a')).toEqual({ delayMs: 0, isLast: false });
      expect(some.add(undefined)).toEqual({ delayMs: 0, isLast: false });
    }
    expect([never.size, some.size]).toEqual([0, 0]);
  });

  it('are remembered of so many addresses only, the latest', () => {
    let forgotten = 0;
    const refusals = new CountedRefusals(
      1,
      10_000,
      () => {},
      () => forgotten++,
    );
    for (let count = 0; count < MAX_REFUSED_GROUPS + 5; count++) refusals.add(`${count}`);
    expect([refusals.size, forgotten]).toEqual([MAX_REFUSED_GROUPS, 5]);
    expect([refusals.isShut('4'), refusals.isShut('5')]).toEqual([false, true]);
  });
});
