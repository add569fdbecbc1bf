import { describe, expect, it } from 'vitest';
import { isLeaseExpired, leaseExpiresAtMs } from './cache-lease.js';

describe('leases', () => {
  it('are over from the millisecond in which their time has passed; without time, at once', () => {
    expect([9, 10, 11].map((nowMs) => isLeaseExpired({ grantedAtMs: 5, ttlMs: 5 }, nowMs))).toEqual([
      false,
      true,
      true,
    ]);
    expect(isLeaseExpired({ grantedAtMs: 5, ttlMs: 0 }, 5)).toBe(true);
  });

  it('do not exceed the numbers that are exact', () => {
    expect(leaseExpiresAtMs({ grantedAtMs: Number.MAX_SAFE_INTEGER - 1, ttlMs: 9 })).toBe(Number.MAX_SAFE_INTEGER);
  });
});
