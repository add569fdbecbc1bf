import { describe, expect, it } from 'vitest';
import { CacheObjectKind } from '../../generated/preview3/enums.js';
import { IdMap } from '../collections/id-map.js';
import { IdentityMap, identityOf, type ObjectIdentity } from './object-identity.js';

const identity = (cacheNamespace: number, cacheKeyHi = 1, cacheKeyLo = 2): ObjectIdentity => ({
  cacheNamespace,
  cacheKeyHi,
  cacheKeyLo,
  objectKind: CacheObjectKind.PromptSegment,
});

describe('identity map', () => {
  it('tells identities apart by all four parts', () => {
    const map = new IdentityMap<string>();
    const all = [
      identity(1, 12, 3),
      identity(1, 1, 23),
      identity(2, 12, 3),
      { ...identity(1, 12, 3), objectKind: CacheObjectKind.ToolSchema },
    ];
    for (const [index, each] of all.entries()) map.set(each, `${index}`);
    expect(all.map((each) => map.get({ ...each }))).toEqual(['0', '1', '2', '3']);
    map.set(identity(1, 12, 3), 'other');
    expect([map.size, map.get(identity(1, 12, 3)), map.get(identity(3))]).toEqual([4, 'other', undefined]);
  });

  it('keeps nothing of what was deleted, its namespace included', () => {
    const namespaces = new IdMap<never>();
    const map = new IdentityMap<number>(namespaces);
    for (let namespace = 0; namespace < 10; namespace++) map.set(identity(namespace), namespace);
    expect([map.size, namespaces.size]).toEqual([10, 10]);
    for (let namespace = 0; namespace < 10; namespace++) map.delete(identity(namespace));
    map.delete(identity(1));
    expect([map.size, namespaces.size]).toEqual([0, 0]);
  });

  it('keeps the identity alone, not the message that it came with', () => {
    const message = { ...identity(1), ttlMs: 5 };
    expect(identityOf(message)).toEqual(identity(1));
  });
});
