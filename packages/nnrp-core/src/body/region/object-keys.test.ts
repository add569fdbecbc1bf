import { describe, expect, it } from 'vitest';
import { UsageError } from '../../errors.js';
import { CacheObjectKind } from '../../generated/preview3/enums.js';
import { identityOf } from '../../machine/cache/object-identity.js';
import { type ObjectKey, objectKeyOf, objectReferenceOf } from './object-keys.js';

const PROMPT: ObjectKey = { namespace: 7, key: 0x1234_5678_9abc_def0n, kind: CacheObjectKind.PromptSegment };
const REFERENCE = {
  objectKind: CacheObjectKind.PromptSegment,
  cacheNamespace: 7,
  cacheKeyHi: 0x1234_5678,
  cacheKeyLo: 0x9abc_def0,
};

describe('the name of a cached object', () => {
  it('is a reference and back', () => {
    expect(objectReferenceOf(PROMPT)).toEqual(REFERENCE);
    expect(objectKeyOf(REFERENCE)).toEqual(PROMPT);
    expect(objectKeyOf(identityOf(REFERENCE))).toEqual(PROMPT);
  });

  it.each([0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 0xffff_ffff_ffff_ffffn])('keeps the key %d', (key) => {
    expect(objectKeyOf(objectReferenceOf({ ...PROMPT, key })).key).toBe(key);
  });

  it('may be said by the options of a put', () => {
    expect(objectReferenceOf(Object.assign({ ttlMs: 1000 }, PROMPT))).toEqual(REFERENCE);
  });

  it.each<[string, unknown, string]>([
    ['a number as key', { ...PROMPT, key: 1 }, 'key: expected a bigint of 0 to 2^64-1, got 1'],
    ['a negative key', { ...PROMPT, key: -1n }, 'got -1n'],
    ['a key of 65 bits', { ...PROMPT, key: 1n << 64n }, 'key: expected a bigint'],
    ['a namespace that is no u32', { ...PROMPT, namespace: 2 ** 32 }, 'namespace: expected a u32, got 4294967296'],
    ['no namespace', { key: 1n, kind: 1 }, 'namespace: expected a u32, got undefined'],
    ['the kind 0', { ...PROMPT, kind: 0 }, 'kind: expected a value of CacheObjectKind, got 0'],
    ['a kind by its name', { ...PROMPT, kind: 'prompt_segment' }, 'kind: expected a value of CacheObjectKind'],
    ['nothing', undefined, 'object: expected { namespace, key, kind }, got undefined'],
  ])('is refused with %s', (_, object, text) => {
    expect(() => objectReferenceOf(object as ObjectKey)).toThrow(UsageError);
    expect(() => objectReferenceOf(object as ObjectKey)).toThrow(text);
  });
});
