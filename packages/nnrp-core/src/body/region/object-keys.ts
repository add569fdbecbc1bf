import { isUnsigned } from '../../bytes/unsigned-field.js';
import { UsageError } from '../../errors.js';
import { CacheObjectKind } from '../../generated/preview3/enums.js';
import type { ObjectReferenceBlock } from '../../generated/preview3/object-reference-block.js';
import { shownValue } from '../../text/shown-value.js';

/** What names a cached object in a call, such as the one that puts it. */
export interface ObjectKey {
  /** A u32. */
  readonly namespace: number;
  /** The whole key, a u64. */
  readonly key: bigint;
  readonly kind: CacheObjectKind;
}

const KINDS: readonly number[] = /* @__PURE__ */ Object.values(CacheObjectKind);

/**
 * The reference to an object, for `objectReferences` of a body and for lookups in a cache: the same name with the key in
 * two halves, as it is on the wire.
 *
 * @param object - may hold more, as the options of a put do
 * @throws UsageError on a number that the wire cannot carry, and on a kind that is none
 * @example const prompt = { namespace: 1, key: 7n, kind: CacheObjectKind.PromptSegment };
 * await session.cachePut(prompt, bytes);
 * encodeBody({ objectReferences: [objectReferenceOf(prompt)] }, metadata);
 * @see NNRP/1-preview3 section 7.24
 */
export function objectReferenceOf(object: ObjectKey): ObjectReferenceBlock {
  if (typeof object !== 'object' || object === null) {
    throw new UsageError(`object: expected { namespace, key, kind }, got ${shownValue(object)}`);
  }
  const { namespace, key, kind } = object;
  if (!isUnsigned(namespace, 0xffffffff))
    throw new UsageError(`namespace: expected a u32, got ${shownValue(namespace)}`);
  if (typeof key !== 'bigint' || BigInt.asUintN(64, key) !== key) {
    throw new UsageError(`key: expected a bigint of 0 to 2^64-1, got ${shownValue(key)}`);
  }
  if (!KINDS.includes(kind)) throw new UsageError(`kind: expected a value of CacheObjectKind, got ${shownValue(kind)}`);
  return {
    objectKind: kind,
    cacheNamespace: namespace,
    cacheKeyHi: Number(key >> 32n),
    cacheKeyLo: Number(key & 0xffffffffn),
  };
}

/**
 * The name of an object in a call: the inverse of {@link objectReferenceOf}.
 * @param reference - a reference out of a body, an ObjectIdentity or the metadata of a CACHE_PUT
 */
export function objectKeyOf(reference: ObjectReferenceBlock): ObjectKey {
  const { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo } = reference;
  return { namespace: cacheNamespace, key: (BigInt(cacheKeyHi) << 32n) | BigInt(cacheKeyLo), kind: objectKind };
}
