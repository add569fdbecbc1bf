import { describe, expect, it } from 'vitest';
import { CacheErrorCode, CacheObjectKind } from '../../generated/preview3/enums.js';
import { checkDependencies, type DependencyState } from './cache-dependencies.js';

const identity = { cacheNamespace: 1, cacheKeyHi: 2, cacheKeyLo: 3, objectKind: CacheObjectKind.CodecTable };
const check = (state: DependencyState | undefined) => checkDependencies([{ identity, version: 5n }], () => state);

describe('checkDependencies', () => {
  it('wants every dependency there, valid, and in exactly its version', () => {
    expect(check({ version: 5n, invalidated: false })).toBe(CacheErrorCode.None);
    for (const state of [
      undefined,
      { version: 5n, invalidated: true },
      { version: 4n, invalidated: false },
      { version: 6n, invalidated: false },
    ]) {
      expect(check(state)).toBe(CacheErrorCode.DependencyInvalid);
    }
  });

  it('looks at all of them in order, and at none when there is none', () => {
    const asked: number[] = [];
    const dependencies = [1, 2, 3].map((cacheKeyLo) => ({ identity: { ...identity, cacheKeyLo }, version: 1n }));
    const stateOf = ({ cacheKeyLo }: { cacheKeyLo: number }) => {
      asked.push(cacheKeyLo);
      return cacheKeyLo === 2 ? undefined : { version: 1n, invalidated: false };
    };
    expect(checkDependencies(dependencies, stateOf)).toBe(CacheErrorCode.DependencyInvalid);
    expect(asked).toEqual([1, 2]);
    expect(checkDependencies([], stateOf)).toBe(CacheErrorCode.None);
  });
});
