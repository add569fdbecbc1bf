import type { CacheAck } from '../../generated/preview3/cache-ack.js';
import type { CacheInvalidate } from '../../generated/preview3/cache-invalidate.js';
import type { CachePut } from '../../generated/preview3/cache-put.js';
import { CacheAckStatus, CacheErrorCode, ErrorCode, type LeaseOwnerScope } from '../../generated/preview3/enums.js';
import { CachePutFlags } from '../../generated/preview3/flags.js';
import { type Expiring, ExpiryHeap } from '../collections/expiry-heap.js';
import { RecordIndex } from '../collections/record-index.js';
import { checkDependencies, type DependencyState, type ObjectDependency } from './cache-dependencies.js';
import { isLeaseExpired, type LeaseOwner, leaseExpiresAtMs } from './cache-lease.js';
import type { CachedObject, ObjectCacheLimits, ObjectFacts, ObjectRequirements } from './cached-object.js';
import type { MemoryBudget } from './memory-budget.js';
import { IdentityMap, identityOf, type ObjectIdentity } from './object-identity.js';
import { isUnchanged, sameSchema } from './unchanged-object.js';

/** The place of an object in the cache and in the order of expiry. */
class Slot implements Expiring {
  heapIndex = -1;
  readonly expiresAtMs: number;
  /** Length of the body when it came. */
  readonly byteLength: number;

  constructor(readonly object: CachedObject) {
    this.byteLength = object.body?.length ?? 0;
    this.expiresAtMs = object.lease === undefined ? Number.POSITIVE_INFINITY : leaseExpiresAtMs(object.lease);
  }

  /** Whether code that was given the bytes has transferred their memory to another thread. */
  get isDetached(): boolean {
    return this.object.body !== undefined && this.object.body.length !== this.byteLength;
  }
}

const NONE: readonly never[] = [];
/** Shared: there is nothing in it that could be changed or taken away. */
const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/**
 * The cache objects of one session, with their leases. It keeps copies of the bytes and has no clock: an object whose
 * lease is over is found no more, but takes its place until {@link expire}, or a put that needs it, clears it away.
 *
 * Nothing is thrown out to make room, neither a pinned object nor any other: a put that does not fit is rejected.
 *
 * @see NNRP/1-preview3 sections 7.17 to 7.19 and 9.2
 */
export class ObjectCache {
  private readonly slots = new IdentityMap<Slot>();
  private readonly expiry = new ExpiryHeap<Slot>();
  private readonly owned = new RecordIndex<Slot, string>(() => new Map());
  private bytes = 0;
  private lastVersion = 0n;
  private lastLeaseId = 0n;

  /** @param budget - what it shares with others; default none */
  constructor(
    readonly limits: ObjectCacheLimits,
    private readonly budget?: MemoryBudget,
  ) {}

  /** Objects in the cache, those that are only tracked included. */
  get size(): number {
    return this.slots.size;
  }

  /** Bytes of all bodies. */
  get byteLength(): number {
    return this.bytes;
  }

  /** Bytes that the objects are counted as: their bodies, and what each of them costs besides. */
  get heldBytes(): number {
    return this.bytes + this.size * this.overheadBytes;
  }

  /** When the next lease is over, in milliseconds of the caller's clock; undefined when there is none. */
  get nextExpiryMs(): number | undefined {
    return this.expiry.peek()?.expiresAtMs;
  }

  /**
   * Stores an object, renews the lease of one that has not changed, or refuses.
   *
   * The same bytes with the same codecs and facts are a renewal: lease id and version stay, and the status is accepted.
   * Other bytes under the same identity get a new lease and a new version, and the status is replaced. The lease lasts as
   * long as the put wishes, at most `leaseTtlMs`, and this long when it wishes 0.
   *
   * A rejected put changes nothing. Its detail_code is 0x0006 unsupported_capability for a kind that is not supported,
   * 0x0005 malformed_body when the body has not the length that object_bytes says, 0x0007 limit_exceeded for an object
   * that is too large or a cache that is full; 0 when the put is not rejected.
   *
   * @param body - copied
   * @returns complete metadata of the CACHE_ACK, which also names `maxObjectBytes`; and the version of the object that is
   *   in the cache afterwards, 0n when there is none
   */
  put(put: CachePut, body: Uint8Array, nowMs: number, facts: ObjectFacts = {}): { ack: CacheAck; version: bigint } {
    const before = this.live(put, nowMs)?.object;
    const refusal = this.refusalOf(put, body, nowMs);
    if (refusal !== 0) {
      return { ack: this.ack(put, CacheAckStatus.Rejected, 0, refusal), version: before?.version ?? 0n };
    }
    const { leaseTtlMs } = this.limits;
    const ttlMs = put.ttlMs === 0 ? leaseTtlMs : Math.min(put.ttlMs, leaseTtlMs);
    const renewed = before !== undefined && isUnchanged(before, put, body, facts) ? before : undefined;
    const object: CachedObject = {
      identity: identityOf(put),
      // Not slice(): a byte array of Node shares its memory with what it returns.
      body: renewed?.body ?? (body.length === 0 ? EMPTY : new Uint8Array(body)),
      version: renewed?.version ?? this.nextVersion(),
      lease: {
        leaseId: renewed?.lease?.leaseId ?? this.nextLeaseId(),
        owner: facts.owner,
        grantedAtMs: nowMs,
        ttlMs,
      },
      codecBitmap: put.codecBitmap,
      pinned: (put.flags & CachePutFlags.Pinned) !== 0,
      reusable: (put.flags & CachePutFlags.Reusable) !== 0,
      schema: facts.schema,
      dependencies: facts.dependencies ?? NONE,
    };
    this.remove(put);
    this.insert(new Slot(object));
    const replaced = before !== undefined && renewed === undefined;
    return {
      ack: this.ack(put, replaced ? CacheAckStatus.Replaced : CacheAckStatus.Accepted, ttlMs, 0),
      version: object.version,
    };
  }

  /**
   * Notes an identity whose bytes the application keeps. It has no lease and stays until it is invalidated.
   *
   * @returns false when the cache has as many objects as it may have; true also for one that is there already
   */
  track(identity: ObjectIdentity, nowMs: number): boolean {
    if (this.live(identity, nowMs) !== undefined) return true;
    if (!this.hasRoom(identity, 0, nowMs)) return false;
    this.remove(identity);
    this.insert(
      new Slot({
        identity: identityOf(identity),
        body: undefined,
        version: this.nextVersion(),
        lease: undefined,
        codecBitmap: 0,
        pinned: false,
        reusable: false,
        schema: undefined,
        dependencies: NONE,
      }),
    );
    return true;
  }

  /**
   * Finds an object and checks what the caller relies on.
   *
   * @returns the object, or the first of: CacheMiss; LeaseExpired, its time has passed or the lease is another one;
   *   VersionMismatch, it has any other version; DependencyInvalid; SchemaMismatch, it has another schema or none is known
   */
  lookup(
    identity: ObjectIdentity,
    nowMs: number,
    required: ObjectRequirements = {},
  ): { object: CachedObject } | { errorCode: CacheErrorCode } {
    const slot = this.slots.get(identity);
    if (slot === undefined) return { errorCode: CacheErrorCode.CacheMiss };
    const { object } = slot;
    if (slot.isDetached) {
      this.remove(identity);
      return { errorCode: CacheErrorCode.CacheMiss };
    }
    const { lease, schema } = object;
    if (lease !== undefined && isLeaseExpired(lease, nowMs)) return { errorCode: CacheErrorCode.LeaseExpired };
    if (required.leaseId !== undefined && required.leaseId !== lease?.leaseId) {
      return { errorCode: CacheErrorCode.LeaseExpired };
    }
    if (required.version !== undefined && required.version !== object.version) {
      return { errorCode: CacheErrorCode.VersionMismatch };
    }
    const dependencies = this.checkDependencies(object.dependencies, nowMs);
    if (dependencies !== CacheErrorCode.None) return { errorCode: dependencies };
    const further = this.checkDependencies(required.dependencies ?? NONE, nowMs);
    if (further !== CacheErrorCode.None) return { errorCode: further };
    if (required.schema !== undefined && !sameSchema(required.schema, schema)) {
      return { errorCode: CacheErrorCode.SchemaMismatch };
    }
    return { object };
  }

  /** Drops what the message names. @returns what was dropped */
  invalidate(message: CacheInvalidate): ObjectIdentity[] {
    const dropped = this.slots.matching(message);
    for (const identity of dropped) this.remove(identity);
    return dropped;
  }

  /** Drops every object whose lease belongs to this owner: it has ended. @returns how many */
  releaseOwner(scope: LeaseOwnerScope, id: number): number {
    const released = [...(this.owned.get(ownerKey({ scope, id })) ?? NONE)];
    for (const slot of released) this.remove(slot.object.identity);
    return released.length;
  }

  /** Drops every object whose lease is over, pinned or not. @returns how many */
  expire(nowMs: number): number {
    let expired = 0;
    for (let slot = this.expiry.peek(); slot !== undefined && slot.expiresAtMs <= nowMs; slot = this.expiry.peek()) {
      this.remove(slot.object.identity);
      expired += 1;
    }
    return expired;
  }

  /** Drops everything. Versions and lease ids go on counting. */
  clear(): void {
    this.budget?.add(-this.heldBytes);
    this.slots.clear();
    this.expiry.clear();
    this.owned.clear();
    this.bytes = 0;
  }

  /** The code of the reason to reject a put, 0 when there is none. */
  private refusalOf(put: CachePut, body: Uint8Array, nowMs: number): number {
    const { supportedKinds, maxObjectBytes } = this.limits;
    if (!supportedKinds.includes(put.objectKind)) return ErrorCode.UnsupportedCapability;
    if (put.objectBytes !== body.length) return ErrorCode.MalformedBody;
    if (maxObjectBytes !== 0 && body.length > maxObjectBytes) return ErrorCode.LimitExceeded;
    return this.hasRoom(put, body.length, nowMs) ? 0 : ErrorCode.LimitExceeded;
  }

  private hasRoom(identity: ObjectIdentity, length: number, nowMs: number): boolean {
    return this.fits(identity, length) || (this.expire(nowMs) > 0 && this.fits(identity, length));
  }

  /** Whether there is room for an object of this length, in the place of the one that has its identity. */
  private fits(identity: ObjectIdentity, length: number): boolean {
    const { maxObjects, maxTotalBytes } = this.limits;
    const taken = this.slots.get(identity);
    if (taken === undefined && maxObjects !== 0 && this.size >= maxObjects) return false;
    const more = length - (taken?.byteLength ?? -this.overheadBytes);
    if (more <= 0) return true;
    return (maxTotalBytes === 0 || this.heldBytes + more <= maxTotalBytes) && (this.budget?.fits(more) ?? true);
  }

  private get overheadBytes(): number {
    return this.limits.overheadBytes ?? 0;
  }

  private checkDependencies(dependencies: readonly ObjectDependency[], nowMs: number): CacheErrorCode {
    if (dependencies.length === 0) return CacheErrorCode.None;
    return checkDependencies(dependencies, (identity) => this.stateOf(identity, nowMs));
  }

  private stateOf(identity: ObjectIdentity, nowMs: number): DependencyState | undefined {
    const slot = this.slots.get(identity);
    return slot && { version: slot.object.version, invalidated: nowMs >= slot.expiresAtMs };
  }

  /** The slot of an object whose lease is not over. */
  private live(identity: ObjectIdentity, nowMs: number): Slot | undefined {
    const slot = this.slots.get(identity);
    return slot !== undefined && nowMs < slot.expiresAtMs ? slot : undefined;
  }

  private insert(slot: Slot): void {
    const { identity, lease } = slot.object;
    this.slots.set(identity, slot);
    this.bytes += slot.byteLength;
    this.budget?.add(slot.byteLength + this.overheadBytes);
    if (lease === undefined) return;
    this.expiry.push(slot);
    if (lease.owner !== undefined) this.owned.add(ownerKey(lease.owner), slot);
  }

  private remove(identity: ObjectIdentity): void {
    const slot = this.slots.get(identity);
    if (slot === undefined) return;
    const { lease } = slot.object;
    this.slots.delete(identity);
    this.bytes -= slot.byteLength;
    this.budget?.add(-slot.byteLength - this.overheadBytes);
    this.expiry.remove(slot);
    if (lease?.owner !== undefined) this.owned.remove(ownerKey(lease.owner), slot);
  }

  private ack(put: CachePut, status: CacheAckStatus, acceptedTtlMs: number, detailCode: number): CacheAck {
    const { cacheNamespace, cacheKeyHi, cacheKeyLo } = put;
    const { maxObjectBytes } = this.limits;
    return { cacheNamespace, cacheKeyHi, cacheKeyLo, status, acceptedTtlMs, maxObjectBytes, detailCode };
  }

  private nextVersion(): bigint {
    this.lastVersion += 1n;
    return this.lastVersion;
  }

  private nextLeaseId(): bigint {
    this.lastLeaseId += 1n;
    return this.lastLeaseId;
  }
}

/** The id is any number of the application's; with a sign in it, since the language hashes digits alone without a seed. */
function ownerKey({ scope, id }: LeaseOwner): string {
  return `${scope}:${id}`;
}
