import { ignoreRejectionsWithin, type ObjectIdentity, shownPlain, shownValue, UsageError } from 'nnrp-core';

const FIELDS = ['cacheNamespace', 'cacheKeyHi', 'cacheKeyLo', 'objectKind'] as const;
const MAX_U32 = 0xffffffff;

/**
 * What names a cache object, as the application gives it; other fields, such as those of decoded metadata, are passed over.
 *
 * @param hasWideKeys - over preview4: the key may be bigints of 64 bits
 * @throws UsageError that names the field which is missing, misspelled or no number of the wire
 */
export function objectIdentity(identity: ObjectIdentity, hasWideKeys = false): ObjectIdentity {
  if (typeof identity !== 'object' || identity === null)
    throw new UsageError(`cache object: expected an object, got ${shownValue(identity)}`);
  for (const field of FIELDS) {
    const value: unknown = identity[field];
    if (hasWideKeys && field.startsWith('cacheKey') && typeof value === 'bigint') {
      if (BigInt.asUintN(64, value) === value) continue;
    }
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > MAX_U32) {
      ignoreRejectionsWithin(identity);
      throw new UsageError(`cache object: ${field} takes an integer of 0 to ${MAX_U32}, got ${shownPlain(value)}`);
    }
  }
  return identity;
}
