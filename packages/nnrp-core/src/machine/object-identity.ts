import type { CacheInvalidate } from '../generated/preview3/cache-invalidate.js';
import { CacheInvalidateScope, CacheObjectKind } from '../generated/preview3/enums.js';

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

/** Entries by identity, found again by the selectors of CACHE_INVALIDATE without looking at other namespaces. */
export class IdentityMap<T> {
  private readonly namespaces = new Map<number, Map<string, { readonly identity: ObjectIdentity; value: T }>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(identity: ObjectIdentity): T | undefined {
    return this.namespaces.get(identity.cacheNamespace)?.get(keyOf(identity))?.value;
  }

  set(identity: ObjectIdentity, value: T): void {
    const { cacheNamespace } = identity;
    const entries = this.namespaces.get(cacheNamespace) ?? new Map<string, { identity: ObjectIdentity; value: T }>();
    if (entries.size === 0) this.namespaces.set(cacheNamespace, entries);
    const before = entries.size;
    entries.set(keyOf(identity), { identity: identityOf(identity), value });
    this.count += entries.size - before;
  }

  delete(identity: ObjectIdentity): void {
    const entries = this.namespaces.get(identity.cacheNamespace);
    if (!entries?.delete(keyOf(identity))) return;
    this.count -= 1;
    if (entries.size === 0) this.namespaces.delete(identity.cacheNamespace);
  }

  clear(): void {
    this.namespaces.clear();
    this.count = 0;
  }

  /**
   * The identities that an invalidation names: all of them; those of the namespace; those of the namespace and of the
   * kind in cache_key_hi; those with the key, of whatever kind.
   *
   * @see NNRP/1-preview3 sections 7.19 and 19
   */
  matching(message: CacheInvalidate): ObjectIdentity[] {
    const matched: ObjectIdentity[] = [];
    if (message.invalidateScope === CacheInvalidateScope.WholeSession) {
      for (const entries of this.namespaces.values())
        for (const { identity } of entries.values()) matched.push(identity);
      return matched;
    }
    const entries = this.namespaces.get(message.cacheNamespace);
    if (entries === undefined) return matched;
    if (message.invalidateScope === CacheInvalidateScope.ObjectKey) {
      for (const objectKind of KINDS) {
        const { cacheNamespace, cacheKeyHi, cacheKeyLo } = message;
        const entry = entries.get(keyOf({ cacheNamespace, cacheKeyHi, cacheKeyLo, objectKind }));
        if (entry !== undefined) matched.push(entry.identity);
      }
      return matched;
    }
    const anyKind = message.invalidateScope === CacheInvalidateScope.Namespace;
    for (const { identity } of entries.values()) {
      if (anyKind || identity.objectKind === message.cacheKeyHi) matched.push(identity);
    }
    return matched;
  }
}

/** The key inside a namespace. */
function keyOf({ cacheKeyHi, cacheKeyLo, objectKind }: ObjectIdentity): string {
  return `${cacheKeyHi}:${cacheKeyLo}:${objectKind}`;
}
