import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.js';

describe('the time before an attempt', () => {
  it('is drawn from a range that doubles up to 5 seconds', () => {
    const longest = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((attempt) => backoffMs(attempt, 100, () => 1));
    expect(longest).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    expect(backoffMs(9, 100, () => 0)).toBe(0);
    expect(backoffMs(9, 100, () => 0.5)).toBe(2500);
  });

  it('stays within 5 seconds also where the first one may be more', () => {
    expect(backoffMs(0, 60_000, () => 1)).toBe(5000);
  });

  it('differs from client to client', () => {
    const drawn = Array.from({ length: 100 }, () => backoffMs(3, 100));
    expect(new Set(drawn).size).toBeGreaterThan(90);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(800);
  });
});
