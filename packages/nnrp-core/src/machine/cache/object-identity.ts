import type { CacheInvalidate } from '../../generated/preview3/cache-invalidate.js';
import { CacheInvalidateScope, CacheObjectKind } from '../../generated/preview3/enums.js';
import { IdMap } from '../collections/id-map.js';

/**
 * What names a cache object. CACHE_PUT metadata and the blocks of an object-reference region are identities as they are.
 *
 * @see NNRP/1-preview3 sections 7.17 and 7.24
 */
export interface ObjectIdentity {
  readonly cacheNamespace: number;
  readonly cacheKeyHi: number;
  readonly cacheKeyLo: number;
  readonly objectKind: CacheObjectKind;
}

const KINDS: readonly CacheObjectKind[] = /* @__PURE__ */ Object.values(CacheObjectKind);

/** The identity alone, as a new object, out of something that may hold more. */
export function identityOf(named: ObjectIdentity): ObjectIdentity {
  const { cacheNamespace, cacheKeyHi, cacheKeyLo, objectKind } = named;
  return { cacheNamespace, cacheKeyHi, cacheKeyLo, objectKind };
}

interface Entry<T> {
  readonly identity: ObjectIdentity;
  value: T;
}

/** The entries of one kind in one namespace, by key. */
type OfKind<T> = Map<string, Entry<T>>;

/**
 * Entries by identity, found again by the selectors of CACHE_INVALIDATE without looking at any that is not meant. All four
 * numbers are the peer's choice: those that are keys of a map by themselves are seeded, and so are strings by the language.
 */
export class IdentityMap<T> {
  private count = 0;

  /** @param namespaces - where it keeps what it is given, empty */
  constructor(private readonly namespaces = new IdMap<IdMap<OfKind<T>>>()) {}

  get size(): number {
    return this.count;
  }

  get(identity: ObjectIdentity): T | undefined {
    return this.entries(identity)?.get(keyOf(identity))?.value;
  }

  /** @param identity - kept as it is: see {@link identityOf} */
  set(identity: ObjectIdentity, value: T): void {
    const { cacheNamespace, objectKind } = identity;
    let kinds = this.namespaces.get(cacheNamespace);
    if (kinds === undefined) {
      kinds = new IdMap();
      this.namespaces.set(cacheNamespace, kinds);
    }
    let entries = kinds.get(objectKind);
    if (entries === undefined) {
      entries = new Map();
      kinds.set(objectKind, entries);
    }
    const before = entries.size;
    entries.set(keyOf(identity), { identity, value });
    this.count += entries.size - before;
  }

  delete(identity: ObjectIdentity): void {
    const { cacheNamespace, objectKind } = identity;
    const kinds = this.namespaces.get(cacheNamespace);
    const entries = kinds?.get(objectKind);
    if (entries?.delete(keyOf(identity)) !== true) return;
    this.count -= 1;
    if (entries.size > 0) return;
    kinds?.delete(objectKind);
    if (kinds?.size === 0) this.namespaces.delete(cacheNamespace);
  }

  clear(): void {
    this.namespaces.clear();
    this.count = 0;
  }

  /**
   * The identities that an invalidation names: all of them; those of the namespace; those of the namespace and of the
   * kind in cache_key_hi; those with the key, of whatever kind. Takes as long as there are some.
   *
   * @see NNRP/1-preview3 sections 7.19 and 19
   */
  matching(message: CacheInvalidate): ObjectIdentity[] {
    const matched: ObjectIdentity[] = [];
    if (message.invalidateScope === CacheInvalidateScope.WholeSession) {
      for (const kinds of this.namespaces.values()) addAllKinds(matched, kinds);
      return matched;
    }
    const kinds = this.namespaces.get(message.cacheNamespace);
    if (kinds === undefined) return matched;
    if (message.invalidateScope === CacheInvalidateScope.Namespace) addAllKinds(matched, kinds);
    else if (message.invalidateScope === CacheInvalidateScope.ObjectKey) {
      const key = keyOf(message);
      for (const objectKind of KINDS) {
        const entry = kinds.get(objectKind)?.get(key);
        if (entry !== undefined) matched.push(entry.identity);
      }
    } else addAll(matched, kinds.get(Number(message.cacheKeyHi)));
    return matched;
  }

  private entries({ cacheNamespace, objectKind }: ObjectIdentity): OfKind<T> | undefined {
    return this.namespaces.get(cacheNamespace)?.get(objectKind);
  }
}

function addAllKinds<T>(matched: ObjectIdentity[], kinds: IdMap<OfKind<T>>): void {
  for (const entries of kinds.values()) addAll(matched, entries);
}

function addAll<T>(matched: ObjectIdentity[], entries: OfKind<T> | undefined): void {
  for (const { identity } of entries?.values() ?? []) matched.push(identity);
}

/** The key inside a kind. With a sign in it: a string of digits alone is hashed like the number, without a seed. */
function keyOf({ cacheKeyHi, cacheKeyLo }: Pick<ObjectIdentity, 'cacheKeyHi' | 'cacheKeyLo'>): string {
  return `${cacheKeyHi}:${cacheKeyLo}`;
}
