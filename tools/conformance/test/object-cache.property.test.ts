import fc from 'fast-check';
import { ObjectCache, type ObjectCacheLimits, type ObjectFacts, type ObjectIdentity } from 'nnrp-core';
import {
  CacheAckStatus,
  CacheErrorCode,
  type CacheInvalidate,
  CacheInvalidateScope,
  CacheObjectKind,
  type CachePut,
  ErrorCode,
  encodeCacheAck,
  LeaseOwnerScope,
} from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { runs } from '../src/property-runs.js';

interface ModelObject {
  readonly identity: ObjectIdentity;
  readonly body: number[] | undefined;
  readonly codecBitmap: number;
  readonly version: bigint;
  readonly leaseId: bigint;
  readonly endsMs: number;
  readonly owner: string | undefined;
  readonly dependencies: NonNullable<ObjectFacts['dependencies']>;
}

/** The cache as a plain list that is searched for everything. */
class Model {
  objects: ModelObject[] = [];
  private versions = 0n;
  private leases = 0n;

  constructor(private readonly limits: ObjectCacheLimits) {}

  put(put: CachePut, body: number[], nowMs: number, facts: ObjectFacts): readonly unknown[] {
    const { limits } = this;
    const there = this.find(put);
    const before = there !== undefined && nowMs < there.endsMs ? there : undefined;
    const rejected = (code: number) => [CacheAckStatus.Rejected, 0, code, before?.version ?? 0n];
    if (!limits.supportedKinds.includes(put.objectKind)) return rejected(ErrorCode.UnsupportedCapability);
    if (put.objectBytes !== body.length) return rejected(ErrorCode.MalformedBody);
    if (limits.maxObjectBytes > 0 && body.length > limits.maxObjectBytes) return rejected(ErrorCode.LimitExceeded);
    if (!this.fits(put, body.length)) {
      this.expire(nowMs);
      if (!this.fits(put, body.length)) return rejected(ErrorCode.LimitExceeded);
    }
    const content = (object: Pick<ModelObject, 'body' | 'codecBitmap' | 'dependencies'>) =>
      shown([object.body, object.codecBitmap, object.dependencies]);
    const dependencies = facts.dependencies ?? [];
    const same =
      before !== undefined && content(before) === content({ body, codecBitmap: put.codecBitmap, dependencies });
    const ttlMs = Math.min(put.ttlMs === 0 ? limits.leaseTtlMs : put.ttlMs, limits.leaseTtlMs);
    const version = same ? before.version : ++this.versions;
    this.replace({
      identity: put,
      body,
      codecBitmap: put.codecBitmap,
      version,
      leaseId: same ? before.leaseId : ++this.leases,
      endsMs: nowMs + ttlMs,
      owner: facts.owner && shown(facts.owner),
      dependencies,
    });
    const status = before === undefined || same ? CacheAckStatus.Accepted : CacheAckStatus.Replaced;
    return [status, ttlMs, 0, version];
  }

  track(identity: ObjectIdentity, nowMs: number): boolean {
    const there = this.find(identity);
    if (there !== undefined && nowMs < there.endsMs) return true;
    if (!this.fits(identity, 0)) this.expire(nowMs);
    if (!this.fits(identity, 0)) return false;
    const version = ++this.versions;
    const endsMs = Number.POSITIVE_INFINITY;
    const base = { body: undefined, codecBitmap: 0, leaseId: 0n, owner: undefined, dependencies: [] };
    this.replace({ ...base, identity, version, endsMs });
    return true;
  }

  lookup(identity: ObjectIdentity, nowMs: number, version?: bigint): number | ModelObject {
    const object = this.find(identity);
    if (object === undefined) return CacheErrorCode.CacheMiss;
    if (nowMs >= object.endsMs) return CacheErrorCode.LeaseExpired;
    if (version !== undefined && version !== object.version) return CacheErrorCode.VersionMismatch;
    for (const dependency of object.dependencies) {
      const other = this.find(dependency.identity);
      const valid = other !== undefined && nowMs < other.endsMs && other.version === dependency.version;
      if (!valid) return CacheErrorCode.DependencyInvalid;
    }
    return object;
  }

  invalidate({ invalidateScope, cacheNamespace, cacheKeyHi, cacheKeyLo }: CacheInvalidate): number {
    return this.drop(({ identity }) => {
      if (invalidateScope === CacheInvalidateScope.WholeSession) return true;
      if (identity.cacheNamespace !== cacheNamespace) return false;
      if (invalidateScope === CacheInvalidateScope.ObjectKind) return identity.objectKind === cacheKeyHi;
      if (invalidateScope === CacheInvalidateScope.Namespace) return true;
      return identity.cacheKeyHi === cacheKeyHi && identity.cacheKeyLo === cacheKeyLo;
    });
  }

  expire(nowMs: number): number {
    return this.drop(({ endsMs }) => nowMs >= endsMs);
  }

  releaseOwner(scope: LeaseOwnerScope, id: number): number {
    return this.drop(({ owner }) => owner === shown({ scope, id }));
  }

  get byteLength(): number {
    return this.objects.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
  }

  private find(identity: ObjectIdentity): ModelObject | undefined {
    return this.objects.find((object) => keyOf(object.identity) === keyOf(identity));
  }

  private fits(identity: ObjectIdentity, length: number): boolean {
    const there = this.find(identity);
    if (there === undefined && this.isFull()) return false;
    const grown = length - (there?.body?.length ?? 0);
    return grown <= 0 || this.limits.maxTotalBytes === 0 || this.byteLength + grown <= this.limits.maxTotalBytes;
  }

  private isFull(): boolean {
    return this.limits.maxObjects > 0 && this.objects.length >= this.limits.maxObjects;
  }

  private replace(object: ModelObject): void {
    this.drop(({ identity }) => keyOf(identity) === keyOf(object.identity));
    this.objects.push(object);
  }

  private drop(unwanted: (object: ModelObject) => boolean): number {
    const before = this.objects.length;
    this.objects = this.objects.filter((object) => !unwanted(object));
    return before - this.objects.length;
  }
}

function keyOf({ cacheNamespace, cacheKeyHi, cacheKeyLo, objectKind }: ObjectIdentity): string {
  return shown([cacheNamespace, cacheKeyHi, cacheKeyLo, objectKind]);
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_key, each) => (typeof each === 'bigint' ? `${each}n` : each));
}

const kind = fc.constantFrom(CacheObjectKind.CameraBlock, CacheObjectKind.TileIndexBlock, CacheObjectKind.ToolSchema);
const small = fc.integer({ min: 0, max: 1 });
const identity = fc.record({
  cacheNamespace: small,
  cacheKeyHi: fc.integer({ min: 1, max: 2 }),
  cacheKeyLo: small,
  objectKind: kind,
});
const owner = fc.record({
  scope: fc.constantFrom(...Object.values(LeaseOwnerScope)),
  id: fc.integer({ min: 0, max: 2 }),
});
const version = fc.bigInt({ min: 1n, max: 6n });
const facts: fc.Arbitrary<ObjectFacts> = fc.record(
  { owner, dependencies: fc.array(fc.record({ identity, version }), { maxLength: 1 }) },
  { requiredKeys: [] },
);
const put = fc.record({
  identity,
  body: fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 4 }),
  lies: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
  ttlMs: fc.constantFrom(0, 1, 5, 30, 0xffffffff),
  codecBitmap: small,
  flags: fc.integer({ min: 0, max: 3 }),
  facts,
});
const invalidation = fc.record({
  invalidateScope: fc.constantFrom(...Object.values(CacheInvalidateScope)),
  cacheNamespace: small,
  cacheKeyHi: fc.integer({ min: 1, max: 2 }),
  cacheKeyLo: small,
  reasonCode: small,
});
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ does: fc.constant('put' as const), put }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('track' as const), identity }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('invalidate' as const), message: invalidation }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('release' as const), owner }) },
);
const limits = fc.record({
  supportedKinds: fc.constant([CacheObjectKind.CameraBlock, CacheObjectKind.TileIndexBlock]),
  maxObjects: fc.constantFrom(0, 1, 3, 6),
  maxObjectBytes: fc.constantFrom(0, 3),
  maxTotalBytes: fc.constantFrom(0, 4, 8),
  leaseTtlMs: fc.constantFrom(0, 20),
});
const everything = [0, 1].flatMap((cacheNamespace) =>
  [1, 2].flatMap((cacheKeyHi) =>
    [0, 1].flatMap((cacheKeyLo) =>
      [CacheObjectKind.CameraBlock, CacheObjectKind.TileIndexBlock, CacheObjectKind.ToolSchema].map((objectKind) => ({
        cacheNamespace,
        cacheKeyHi,
        cacheKeyLo,
        objectKind,
      })),
    ),
  ),
);

describe('object cache', () => {
  it('does what a plain list that is searched does, step by step', () => {
    const seen = new Set<string>();
    const view = new DataView(new ArrayBuffer(28));
    const steps = fc.array(fc.tuple(step, fc.constantFrom(0, 1, 4, 15), version), { maxLength: 30 });
    fc.assert(
      fc.property(limits, steps, (limit, list) => {
        const cache = new ObjectCache(limit);
        const model = new Model(limit);
        let nowMs = 0;
        for (const [one, passedMs, wanted] of list) {
          nowMs += passedMs;
          if (one.does === 'put') {
            const { identity: named, body, lies, ttlMs, codecBitmap, flags, facts: about } = one.put;
            const message = { ...named, ttlMs, codecBitmap, flags, objectBytes: body.length + (lies ? 1 : 0) };
            const bytes = Uint8Array.from(body);
            const { ack, version: reached } = cache.put(message, bytes, nowMs, about);
            // The chunk it came in is used again.
            bytes.fill(0xee);
            const outcome = [ack.status, ack.acceptedTtlMs, ack.detailCode, reached];
            expect(outcome).toEqual(model.put(message, body, nowMs, about));
            expect(encodeCacheAck(ack, view)).toBe(28);
            seen.add(`${ack.status}/${ack.detailCode}`);
          } else if (one.does === 'track') {
            expect(cache.track(one.identity, nowMs)).toBe(model.track(one.identity, nowMs));
          } else if (one.does === 'invalidate') {
            expect(cache.invalidate(one.message)).toHaveLength(model.invalidate(one.message));
          } else if (one.does === 'release') {
            const { scope, id } = one.owner;
            expect(cache.releaseOwner(scope, id)).toBe(model.releaseOwner(scope, id));
          } else {
            expect(cache.expire(nowMs)).toBe(model.expire(nowMs));
          }
          expect([cache.size, cache.byteLength]).toEqual([model.objects.length, model.byteLength]);
          const ends = model.objects.map(({ endsMs }) => endsMs).filter(Number.isFinite);
          expect(cache.nextExpiryMs).toBe(ends.length === 0 ? undefined : Math.min(...ends));
          for (const named of everything) {
            for (const required of [undefined, wanted]) {
              const found = cache.lookup(named, nowMs, { version: required });
              const expected = model.lookup(named, nowMs, required);
              if ('errorCode' in found) {
                expect(found.errorCode).toBe(expected);
                seen.add(`lookup ${found.errorCode}`);
                continue;
              }
              const { object } = found;
              expect(expected).toMatchObject({ version: object.version, body: object.body && [...object.body] });
              expect(expected).toMatchObject({ leaseId: object.lease?.leaseId ?? 0n });
            }
          }
        }
      }),
      runs(700),
    );
    // Otherwise the inputs would have to be made better.
    const { CacheMiss, LeaseExpired, VersionMismatch, DependencyInvalid } = CacheErrorCode;
    const lookups = [CacheMiss, LeaseExpired, VersionMismatch, DependencyInvalid].map((code) => `lookup ${code}`);
    expect([...seen].sort()).toEqual([...lookups, '0/0', '1/5', '1/6', '1/7', '2/0'].sort());
  });
});
