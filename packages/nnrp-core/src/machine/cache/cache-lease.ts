import type { LeaseOwnerScope } from '../../generated/preview3/enums.js';

/** Whose end ends a lease before its time: a connection, a session, or an operation, by its id. */
export interface LeaseOwner {
  readonly scope: LeaseOwnerScope;
  /** session_id, operation id, or whatever number the application gives its connections. */
  readonly id: number;
}

/** The right to refer to one version of an object for some time. */
export interface CacheLease {
  /** Stays when the lease is renewed; a new grant has a new one. From 1, unique in one cache. */
  readonly leaseId: bigint;
  /** Missing when the lease ends by time alone. */
  readonly owner: LeaseOwner | undefined;
  /** Milliseconds of the caller's clock. */
  readonly grantedAtMs: number;
  /** Milliseconds; 0 is over at once. */
  readonly ttlMs: number;
}

/** When a lease is over, in milliseconds of the clock that granted it; the largest exact number instead of more. */
export function leaseExpiresAtMs(lease: Pick<CacheLease, 'grantedAtMs' | 'ttlMs'>): number {
  return Math.min(lease.grantedAtMs + lease.ttlMs, Number.MAX_SAFE_INTEGER);
}

/** Whether a lease is over: from the very millisecond in which its time has passed. */
export function isLeaseExpired(lease: Pick<CacheLease, 'grantedAtMs' | 'ttlMs'>, nowMs: number): boolean {
  return nowMs >= leaseExpiresAtMs(lease);
}
