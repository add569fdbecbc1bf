import { describe, expect, it } from 'vitest';
import type { CachePut } from '../../generated/preview3/cache-put.js';
import {
  CacheAckStatus,
  CacheErrorCode,
  CacheInvalidateScope,
  CacheObjectKind,
  ErrorCode,
  LeaseOwnerScope,
} from '../../generated/preview3/enums.js';
import { CachePutFlags } from '../../generated/preview3/flags.js';
import type { ObjectCacheLimits, ObjectFacts, ObjectRequirements } from './cached-object.js';
import { ObjectCache } from './object-cache.js';
import type { ObjectIdentity } from './object-identity.js';

const { Accepted, Rejected, Replaced } = CacheAckStatus;
const PROMPT = CacheObjectKind.PromptSegment;
const LIMITS: ObjectCacheLimits = {
  supportedKinds: [PROMPT, CacheObjectKind.CameraBlock],
  maxObjects: 0,
  maxObjectBytes: 0,
  maxTotalBytes: 0,
  leaseTtlMs: 1000,
};
const bytes = (...values: number[]) => Uint8Array.from(values);
const identity = (cacheKeyLo: number, rest: Partial<ObjectIdentity> = {}): ObjectIdentity => ({
  cacheNamespace: 1,
  cacheKeyHi: 2,
  cacheKeyLo,
  objectKind: PROMPT,
  ...rest,
});
const cacheWith = (limits: Partial<ObjectCacheLimits> = {}) => new ObjectCache({ ...LIMITS, ...limits });

/** Puts an object and returns status, ttl, detail code and version. */
function put(
  cache: ObjectCache,
  key: number,
  body: Uint8Array,
  nowMs = 0,
  fields: Partial<CachePut> = {},
  facts?: ObjectFacts,
): [status: number, ttlMs: number, detailCode: number, version: bigint] {
  const message = { ...identity(key), ttlMs: 0, objectBytes: body.length, codecBitmap: 0, flags: 0, ...fields };
  const { ack, version } = cache.put(message, body, nowMs, facts);
  expect(ack).toMatchObject({
    cacheNamespace: message.cacheNamespace,
    cacheKeyHi: message.cacheKeyHi,
    cacheKeyLo: key,
  });
  expect(ack.maxObjectBytes).toBe(cache.limits.maxObjectBytes);
  return [ack.status, ack.acceptedTtlMs, ack.detailCode, version];
}
/** The body that a lookup finds, or the name of the error. */
function look(cache: ObjectCache, key: number, nowMs = 0, required?: ObjectRequirements): unknown {
  const found = cache.lookup(identity(key), nowMs, required);
  if ('object' in found) return found.object.body === undefined ? 'tracked' : [...found.object.body];
  return Object.entries(CacheErrorCode).find(([, code]) => code === found.errorCode)?.[0];
}
function objectOf(cache: ObjectCache, key: number, nowMs = 0) {
  const found = cache.lookup(identity(key), nowMs);
  if (!('object' in found)) throw new Error('no such object');
  return found.object;
}

describe('put', () => {
  it('stores a copy and acknowledges it completely', () => {
    const cache = cacheWith({ maxObjectBytes: 50 });
    const chunk = Buffer.from([9, 1, 2, 3, 9]);
    const body = chunk.subarray(1, 4);
    expect(put(cache, 5, body)).toEqual([Accepted, 1000, 0, 1n]);
    chunk.fill(0);
    expect(look(cache, 5)).toEqual([1, 2, 3]);
    expect([cache.size, cache.byteLength]).toEqual([1, 3]);
  });

  it('keeps what the message says of the object', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(), 0, { codecBitmap: 6, flags: CachePutFlags.Pinned });
    put(cache, 2, bytes(), 0, { flags: CachePutFlags.Reusable });
    expect(objectOf(cache, 1)).toMatchObject({ codecBitmap: 6, pinned: true, reusable: false, identity: identity(1) });
    expect(objectOf(cache, 2)).toMatchObject({ codecBitmap: 0, pinned: false, reusable: true });
  });

  it('grants the lease that is wished, or its own when it is longer or none is wished', () => {
    const cache = cacheWith();
    expect(put(cache, 1, bytes(), 0, { ttlMs: 999 })[1]).toBe(999);
    expect(put(cache, 2, bytes(), 0, { ttlMs: 1001 })[1]).toBe(1000);
    expect(put(cache, 3, bytes(), 0, { ttlMs: 0 })[1]).toBe(1000);
  });

  it('renews the lease of an unchanged object: same id, same version, new time', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(1));
    const before = objectOf(cache, 1);
    expect(put(cache, 1, bytes(1), 900)).toEqual([Accepted, 1000, 0, 1n]);
    const after = objectOf(cache, 1, 1899);
    expect([after.version, after.lease?.leaseId]).toEqual([before.version, before.lease?.leaseId]);
    expect(after.lease?.grantedAtMs).toBe(900);
    expect([cache.size, cache.byteLength, cache.nextExpiryMs]).toEqual([1, 1, 1900]);
  });

  it('replaces a changed object: new lease, higher version, and the old object stays what it was', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(1));
    const before = objectOf(cache, 1);
    expect(put(cache, 1, bytes(2, 2))).toEqual([Replaced, 1000, 0, 2n]);
    expect(objectOf(cache, 1).lease?.leaseId).not.toBe(before.lease?.leaseId);
    expect([look(cache, 1), before.body, cache.byteLength]).toEqual([[2, 2], bytes(1), 2]);
    expect(put(cache, 1, bytes(2, 3))[0]).toBe(Replaced);
    expect(put(cache, 1, bytes(2, 3), 0, { codecBitmap: 1 })).toEqual([Replaced, 1000, 0, 4n]);
  });

  it('takes other facts about the same bytes for a change', () => {
    const schema = { schemaId: 1, schemaVersion: 1 };
    const dependencies = [{ identity: identity(9), version: 1n }];
    const cache = cacheWith();
    put(cache, 9, bytes());
    expect(put(cache, 1, bytes(1))[0]).toBe(Accepted);
    expect(put(cache, 1, bytes(1), 0, {}, { schema })[0]).toBe(Replaced);
    expect(put(cache, 1, bytes(1), 0, {}, { schema: { ...schema } })[0]).toBe(Accepted);
    expect(put(cache, 1, bytes(1), 0, {}, { schema, dependencies })[0]).toBe(Replaced);
    expect(put(cache, 1, bytes(1), 0, {}, { schema, dependencies: [{ identity: identity(9), version: 1n }] })[0]).toBe(
      Accepted,
    );
    expect(put(cache, 1, bytes(1), 0, {}, { schema, dependencies: [{ identity: identity(9), version: 2n }] })[0]).toBe(
      Replaced,
    );
    expect(put(cache, 1, bytes(1), 0, {}, { schema })[0]).toBe(Replaced);
    expect(put(cache, 1, bytes(1), 0, {}, { schema: { schemaId: 1, schemaVersion: 2 } })[0]).toBe(Replaced);
  });

  it('grants anew what has expired, with a version that was never used', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(1));
    expect(put(cache, 1, bytes(1), 1000)).toEqual([Accepted, 1000, 0, 2n]);
    expect([objectOf(cache, 1, 1000).lease?.leaseId, cache.size]).toEqual([2n, 1]);
    cache.clear();
    expect(put(cache, 1, bytes(1), 1000)[3]).toBe(3n);
  });

  it('rejects kinds it does not support, lengths that lie, and objects that are too large', () => {
    const cache = cacheWith({ maxObjectBytes: 2 });
    const kind = { objectKind: CacheObjectKind.ToolSchema };
    expect(put(cache, 1, bytes(1, 2, 3), 0, { ...kind, objectBytes: 9 })).toEqual([
      Rejected,
      0,
      ErrorCode.UnsupportedCapability,
      0n,
    ]);
    expect(put(cache, 1, bytes(1, 2, 3), 0, { objectBytes: 2 })).toEqual([Rejected, 0, ErrorCode.MalformedBody, 0n]);
    expect(put(cache, 1, bytes(1, 2, 3))).toEqual([Rejected, 0, ErrorCode.LimitExceeded, 0n]);
    expect(cache.size).toBe(0);
    put(cache, 1, bytes(1, 2));
    expect(put(cache, 1, bytes(1, 2, 3))).toEqual([Rejected, 0, ErrorCode.LimitExceeded, 1n]);
    expect(look(cache, 1)).toEqual([1, 2]);
  });

  it('rejects what does not fit instead of throwing something out', () => {
    const cache = cacheWith({ maxObjects: 2, maxTotalBytes: 10 });
    put(cache, 1, bytes(1));
    put(cache, 2, bytes(1), 0, { flags: CachePutFlags.Pinned });
    expect(put(cache, 3, bytes(1), 999)[2]).toBe(ErrorCode.LimitExceeded);
    expect(put(cache, 2, new Uint8Array(9), 999)[0]).toBe(Replaced);
    expect(put(cache, 2, new Uint8Array(10), 999)[2]).toBe(ErrorCode.LimitExceeded);
    expect(put(cache, 2, new Uint8Array(9), 999)[0]).toBe(Accepted);
    expect([look(cache, 1, 999), cache.size, cache.byteLength]).toEqual([[1], 2, 10]);
  });

  it('makes room by what has expired, pinned or not', () => {
    const cache = cacheWith({ maxObjects: 2, maxTotalBytes: 4 });
    put(cache, 1, bytes(1, 1), 0, { flags: CachePutFlags.Pinned });
    put(cache, 2, bytes(1, 1), 500);
    expect(put(cache, 3, bytes(1), 1000)[0]).toBe(Accepted);
    expect([look(cache, 1, 1000), look(cache, 2, 1000), cache.size]).toEqual(['CacheMiss', [1, 1], 2]);
    expect(put(cache, 2, bytes(1, 1, 1, 1), 1000)[2]).toBe(ErrorCode.LimitExceeded);
  });
});

describe('lookup', () => {
  it('reports miss, lease, version, dependency and schema in this order', () => {
    const cache = cacheWith();
    const schema = { schemaId: 7, schemaVersion: 1 };
    put(cache, 2, bytes());
    const dependencies = [{ identity: identity(2), version: 1n }];
    put(cache, 1, bytes(8), 0, {}, { schema, dependencies });
    const right = { version: 2n, leaseId: 2n, schema };
    expect(look(cache, 1, 0, right)).toEqual([8]);
    expect(look(cache, 3, 0, right)).toBe('CacheMiss');
    const other = { ...schema, schemaVersion: 2 };
    expect(look(cache, 1, 0, { ...right, schema: other })).toBe('SchemaMismatch');
    cache.invalidate({ invalidateScope: CacheInvalidateScope.ObjectKey, ...identity(2), reasonCode: 0 });
    expect(look(cache, 1, 0, { schema: other })).toBe('DependencyInvalid');
    expect(look(cache, 1)).toBe('DependencyInvalid');
    expect(look(cache, 1, 0, { version: 1n, schema: other })).toBe('VersionMismatch');
    expect(look(cache, 1, 0, { version: 3n })).toBe('VersionMismatch');
    expect(look(cache, 1, 0, { leaseId: 3n, version: 1n })).toBe('LeaseExpired');
    expect(look(cache, 1, 1000, { leaseId: 2n })).toBe('LeaseExpired');
  });

  it('finds an object until the millisecond in which its lease is over', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(1), 50, { ttlMs: 10 });
    expect([look(cache, 1, 59), look(cache, 1, 60)]).toEqual([[1], 'LeaseExpired']);
    expect(cache.expire(59)).toBe(0);
    expect([cache.expire(60), look(cache, 1, 60)]).toEqual([1, 'CacheMiss']);
  });

  it('never finds an object in a cache that grants no time', () => {
    const cache = cacheWith({ leaseTtlMs: 0 });
    expect(put(cache, 1, bytes(1))).toEqual([Accepted, 0, 0, 1n]);
    expect(look(cache, 1)).toBe('LeaseExpired');
  });

  it('does not take an unknown schema for the right one', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(1));
    expect(look(cache, 1, 0, { schema: { schemaId: 0, schemaVersion: 0 } })).toBe('SchemaMismatch');
  });

  it('checks the dependencies that the caller names, too, and takes an expired one for invalid', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(1));
    put(cache, 2, bytes(), 0, { ttlMs: 5 });
    const dependencies = [{ identity: identity(2), version: 2n }];
    expect([look(cache, 1, 4, { dependencies }), look(cache, 1, 5, { dependencies })]).toEqual([
      [1],
      'DependencyInvalid',
    ]);
    const older = [{ identity: identity(2), version: 1n }];
    expect(look(cache, 1, 4, { dependencies: older })).toBe('DependencyInvalid');
  });
});

describe('track', () => {
  it('notes an identity without bytes, which stays', () => {
    const cache = cacheWith({ maxObjects: 1 });
    expect([cache.track(identity(1), 0), cache.track(identity(1), 0), cache.track(identity(2), 0)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([look(cache, 1, Number.MAX_SAFE_INTEGER), cache.size, cache.byteLength]).toEqual(['tracked', 1, 0]);
    expect([cache.expire(Number.MAX_SAFE_INTEGER), cache.nextExpiryMs]).toEqual([0, undefined]);
  });

  it('takes the place of what has expired, and gives it to a put', () => {
    const cache = cacheWith({ maxObjects: 1 });
    put(cache, 1, bytes(1));
    expect([cache.track(identity(1), 999), look(cache, 1, 999)]).toEqual([true, [1]]);
    expect([cache.track(identity(2), 999), cache.track(identity(2), 1000)]).toEqual([false, true]);
    expect(put(cache, 2, bytes(4), 1000)[0]).toBe(Replaced);
    expect([look(cache, 2, 1000), look(cache, 2, 2000)]).toEqual([[4], 'LeaseExpired']);
  });
});

describe('invalidate', () => {
  const filled = () => {
    const cache = cacheWith({ supportedKinds: Object.values(CacheObjectKind) });
    put(cache, 1, bytes(1));
    put(cache, 1, bytes(2), 0, { objectKind: CacheObjectKind.CameraBlock });
    put(cache, 1, bytes(3), 0, { cacheKeyHi: 1 });
    put(cache, 1, bytes(4), 0, { cacheNamespace: 9 });
    return cache;
  };
  const drop = (invalidateScope: CacheInvalidateScope, fields: object) => {
    const cache = filled();
    const none = { cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 0, reasonCode: 0 };
    const dropped = cache.invalidate({ ...none, invalidateScope, ...fields });
    expect([cache.size, cache.byteLength]).toEqual([4 - dropped.length, 4 - dropped.length]);
    return dropped;
  };

  it('drops everything for the whole session, whatever the selectors', () => {
    expect(drop(CacheInvalidateScope.WholeSession, { cacheNamespace: 77 })).toHaveLength(4);
  });

  it('drops a namespace', () => {
    expect(drop(CacheInvalidateScope.Namespace, { cacheNamespace: 9, cacheKeyLo: 77 })).toEqual([
      identity(1, { cacheNamespace: 9 }),
    ]);
    expect(drop(CacheInvalidateScope.Namespace, { cacheNamespace: 8 })).toEqual([]);
  });

  it('drops a kind in a namespace', () => {
    expect(
      drop(CacheInvalidateScope.ObjectKind, { cacheNamespace: 1, cacheKeyHi: CacheObjectKind.CameraBlock }),
    ).toEqual([identity(1, { objectKind: CacheObjectKind.CameraBlock })]);
    expect(drop(CacheInvalidateScope.ObjectKind, { cacheNamespace: 9, cacheKeyHi: 1 })).toEqual([]);
  });

  it('drops a key of every kind', () => {
    expect(drop(CacheInvalidateScope.ObjectKey, { cacheNamespace: 1, cacheKeyHi: 2, cacheKeyLo: 1 })).toEqual([
      identity(1, { objectKind: CacheObjectKind.CameraBlock }),
      identity(1),
    ]);
    expect(drop(CacheInvalidateScope.ObjectKey, { cacheNamespace: 1, cacheKeyHi: 2, cacheKeyLo: 2 })).toEqual([]);
  });
});

describe('owners', () => {
  it('take their objects with them', () => {
    const cache = cacheWith();
    const session = { scope: LeaseOwnerScope.Session, id: 3 };
    put(cache, 1, bytes(1), 0, {}, { owner: session });
    put(cache, 2, bytes(1), 0, {}, { owner: { scope: LeaseOwnerScope.Operation, id: 3 } });
    put(cache, 3, bytes(1), 0, {}, { owner: session });
    put(cache, 4, bytes(1));
    expect(objectOf(cache, 1).lease?.owner).toEqual(session);
    expect(cache.releaseOwner(LeaseOwnerScope.Connection, 3)).toBe(0);
    expect(cache.releaseOwner(LeaseOwnerScope.Session, 3)).toBe(2);
    expect(cache.releaseOwner(LeaseOwnerScope.Session, 3)).toBe(0);
    expect([look(cache, 1), look(cache, 2), look(cache, 4), cache.size]).toEqual(['CacheMiss', [1], [1], 2]);
  });

  it('lose what somebody else puts again, or what is dropped', () => {
    const cache = cacheWith();
    const owner = { scope: LeaseOwnerScope.Session, id: 3 };
    put(cache, 1, bytes(1), 0, {}, { owner });
    put(cache, 1, bytes(1));
    put(cache, 2, bytes(1), 0, {}, { owner });
    cache.clear();
    put(cache, 1, bytes(1));
    put(cache, 2, bytes(1));
    expect([cache.releaseOwner(owner.scope, owner.id), cache.size]).toEqual([0, 2]);
  });
});

describe('an object whose memory was transferred away by somebody who was given it', () => {
  it('is found no more, and takes no room', () => {
    const cache = cacheWith({ maxTotalBytes: 10 });
    put(cache, 1, new Uint8Array(8));
    const { body } = objectOf(cache, 1);
    structuredClone(body?.buffer, { transfer: [body?.buffer as ArrayBuffer] });
    expect(look(cache, 1)).toBe('CacheMiss');
    expect([cache.size, cache.byteLength]).toEqual([0, 0]);
    expect(put(cache, 2, new Uint8Array(10))[0]).toBe(Accepted);
  });

  it('can be put again', () => {
    const cache = cacheWith();
    put(cache, 1, bytes(1, 2, 3));
    const { body } = objectOf(cache, 1);
    structuredClone(body?.buffer, { transfer: [body?.buffer as ArrayBuffer] });
    expect(put(cache, 1, bytes(1, 2, 3))[0]).toBe(Replaced);
    expect([look(cache, 1), cache.byteLength]).toEqual([[1, 2, 3], 3]);
  });
});
