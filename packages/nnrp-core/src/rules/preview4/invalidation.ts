import type { CacheInvalidate } from '../../generated/preview4/cache-invalidate.js';
import { CacheInvalidateScope } from '../../generated/preview4/enums.js';
import type { ObjectReferenceBlock } from '../../generated/preview4/object-reference-block.js';

/**
 * Whether a CACHE_INVALIDATE means an object.
 *
 * @param object - its name: an object reference, or the metadata of a CACHE_PUT
 * @see NNRP/1-preview4 section 7.8
 */
export function isInvalidated(object: ObjectReferenceBlock, invalidate: CacheInvalidate): boolean {
  const { invalidateScope, cacheNamespace, cacheKeyHi, cacheKeyLo } = invalidate;
  if (invalidateScope === CacheInvalidateScope.WholeSession) return true;
  if (object.cacheNamespace !== cacheNamespace) return false;
  if (invalidateScope === CacheInvalidateScope.Namespace) return true;
  if (invalidateScope === CacheInvalidateScope.ObjectKind) return BigInt(object.objectKind) === cacheKeyHi;
  return object.cacheKeyHi === cacheKeyHi && object.cacheKeyLo === cacheKeyLo;
}
