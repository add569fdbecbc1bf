import type { ObjectDependency } from './cache-dependencies.js';
import type { CacheLease, LeaseOwner } from './cache-lease.js';
import type { ObjectIdentity } from './object-identity.js';

/** Id and version of a schema. */
export interface SchemaKey {
  readonly schemaId: number;
  readonly schemaVersion: number;
}

/** One object of a cache. It never changes: a put makes a new one, and the old one stays as it was for its holders. */
export interface CachedObject {
  readonly identity: ObjectIdentity;
  /**
   * The bytes, owned by the cache and shared by all lookups; none when it is only tracked. When their memory is
   * transferred away, the object is lost: lookups find it no more.
   */
  readonly body: Uint8Array | undefined;
  /** Rises with every change; of two objects of one cache, the later one has the higher version. From 1. */
  readonly version: bigint;
  /** None when the object is tracked by the application, which decides how long it lives. */
  readonly lease: CacheLease | undefined;
  /** codec_bitmap of the put; 0 when it is only tracked. */
  readonly codecBitmap: number;
  readonly pinned: boolean;
  readonly reusable: boolean;
  readonly schema: SchemaKey | undefined;
  readonly dependencies: readonly ObjectDependency[];
}

/** What the application knows about an object beyond the message that carries it. */
export interface ObjectFacts {
  /** Ends the lease when it ends; default: the lease ends by time alone. */
  readonly owner?: LeaseOwner | undefined;
  readonly schema?: SchemaKey | undefined;
  /** Checked by every lookup; default none. */
  readonly dependencies?: readonly ObjectDependency[] | undefined;
}

/** What a lookup relies on; what is left out is not compared. */
export interface ObjectRequirements {
  readonly version?: bigint | undefined;
  readonly leaseId?: bigint | undefined;
  readonly schema?: SchemaKey | undefined;
  /** Checked in addition to the dependencies of the object itself. */
  readonly dependencies?: readonly ObjectDependency[] | undefined;
}

/** Limits of a cache; sizes in bytes. */
export interface ObjectCacheLimits {
  /** The kinds that a put may bring, see CacheObjectKind. */
  readonly supportedKinds: readonly number[];
  /** Objects at once, those that are only tracked included; 0 = no limit on the count. */
  readonly maxObjects: number;
  /** 0 = no limit. */
  readonly maxObjectBytes: number;
  /** All objects together: their bodies, and `overheadBytes` for each; 0 = no limit. */
  readonly maxTotalBytes: number;
  /** What an object is counted as besides its body; default 0, which counts bodies alone. */
  readonly overheadBytes?: number | undefined;
  /** Longest lease, and the one of a put that wishes none, in milliseconds. */
  readonly leaseTtlMs: number;
}
