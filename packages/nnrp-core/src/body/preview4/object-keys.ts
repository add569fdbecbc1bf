import { isUnsigned } from '../../bytes/unsigned-field.js';
import { UsageError } from '../../errors.js';
import { CacheObjectKind } from '../../generated/preview4/enums.js';
import type { ObjectReferenceBlock } from '../../generated/preview4/object-reference-block.js';
import { shownValue } from '../../text/shown-value.js';
import type { ObjectKey } from '../region/object-keys.js';

const KINDS: readonly number[] = /* @__PURE__ */ Object.values(CacheObjectKind);
const LOW = 0xffff_ffff_ffff_ffffn;

/**
 * The reference to an object, for `objectReferences` of a body and for lookups in a cache. Keys have 128 bits.
 *
 * @param object - may hold more, as the options of a put do
 * @throws UsageError on a number that the wire cannot carry, and on a kind that is none
 * @see NNRP/1-preview4 section 7.5
 */
export function objectReferenceOf(object: ObjectKey): ObjectReferenceBlock {
  if (typeof object !== 'object' || object === null) {
    throw new UsageError(`object: expected { namespace, key, kind }, got ${shownValue(object)}`);
  }
  const { namespace, key, kind } = object;
  if (!isUnsigned(namespace, 0xffffffff))
    throw new UsageError(`namespace: expected a u32, got ${shownValue(namespace)}`);
  if (typeof key !== 'bigint' || BigInt.asUintN(128, key) !== key) {
    throw new UsageError(`key: expected a bigint of 0 to 2^128-1, got ${shownValue(key)}`);
  }
  if (!KINDS.includes(kind)) throw new UsageError(`kind: expected a value of CacheObjectKind, got ${shownValue(kind)}`);
  return { objectKind: kind, cacheNamespace: namespace, cacheKeyHi: key >> 64n, cacheKeyLo: key & LOW };
}

/**
 * The name of an object in a call: the inverse of {@link objectReferenceOf}.
 * @param reference - a reference out of a body, or the metadata of a CACHE_PUT
 */
export function objectKeyOf(reference: ObjectReferenceBlock): ObjectKey {
  const { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo } = reference;
  return { namespace: cacheNamespace, key: (cacheKeyHi << 64n) | cacheKeyLo, kind: objectKind };
}
