import { describe, expect, it } from 'vitest';
import { IdMap, IdSet } from './id-map.js';

/** Where V8 puts an integer in a table: its hash has no seed. */
function hashOfV8(id: number): number {
  let x = id | 0;
  x = (~x + (x << 15)) | 0;
  x ^= x >>> 12;
  x = (x + (x << 2)) | 0;
  x ^= x >>> 4;
  x = Math.imul(x, 2057);
  x ^= x >>> 16;
  return x & 0x3fffffff;
}

function collidingIds(count: number): number[] {
  const ids: number[] = [];
  for (let id = 1; ids.length < count; id++) if ((hashOfV8(id) & 0x3fff) === 0) ids.push(id);
  return ids;
}

const AT_THE_EDGES = [0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

describe('id map', () => {
  it('keeps every 32-bit id apart, in the order of insertion', () => {
    const map = new IdMap<string>();
    for (const id of AT_THE_EDGES) map.set(id, `${id}`);
    map.set(1, 'again');
    expect([...map.keys()]).toEqual(AT_THE_EDGES);
    expect([...map.values()]).toEqual(AT_THE_EDGES.map((id) => (id === 1 ? 'again' : `${id}`)));
    expect(AT_THE_EDGES.map((id) => map.has(id))).toEqual(AT_THE_EDGES.map(() => true));
    expect([map.get(0xffffffff), map.get(3), map.has(3)]).toEqual(['4294967295', undefined, false]);
    expect([map.delete(0), map.delete(0), map.size]).toEqual([true, false, AT_THE_EDGES.length - 1]);
    map.clear();
    expect([map.size, [...map.keys()]]).toEqual([0, []]);
  });

  it('is the same with one entry, which has no table', () => {
    const map = new IdMap<string | undefined>();
    expect([map.size, map.has(0), map.get(0), map.delete(0), [...map.values()]]).toEqual([
      0,
      false,
      undefined,
      false,
      [],
    ]);
    map.set(0, undefined);
    expect([map.size, map.has(0), map.has(7), map.get(7), [...map.keys()]]).toEqual([1, true, false, undefined, [0]]);
    map.set(0, 'zero');
    expect([map.size, map.get(0), [...map.values()], map.delete(7)]).toEqual([1, 'zero', ['zero'], false]);
    expect([map.delete(0), map.size, map.has(0), map.get(0)]).toEqual([true, 0, false, undefined]);
    map.set(8, 'eight');
    map.set(7, 'seven');
    expect([map.size, [...map.keys()], map.get(8), map.delete(8), map.get(8)]).toEqual([
      2,
      [8, 7],
      'eight',
      true,
      undefined,
    ]);
    map.clear();
    expect([map.size, map.has(7), [...map.values()]]).toEqual([0, false, []]);
  });

  it('knows the oldest of a set', () => {
    const set = new IdSet();
    expect(set.oldest).toBe(undefined);
    for (const id of AT_THE_EDGES) set.add(id);
    expect([set.size, set.oldest, set.has(0x80000000), set.has(5)]).toEqual([AT_THE_EDGES.length, 0, true, false]);
    expect([set.delete(0), set.delete(0), set.oldest]).toEqual([true, false, 1]);
    set.clear();
    expect([set.size, set.oldest]).toEqual([0, undefined]);
  });

  it('knows the oldest of a set after any number have come and gone', () => {
    const set = new IdSet();
    const expected: number[] = [];
    let seed = 1;
    for (let step = 0; step < 20_000; step++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      const id = (seed >>> 8) % 64;
      const at = expected.indexOf(id);
      if (seed % 5 < 2) {
        if (at < 0) expected.push(id);
        set.add(id);
      } else {
        expect(set.delete(id)).toBe(at >= 0);
        if (at >= 0) expected.splice(at, 1);
      }
      if (seed % 3 === 0) expect(set.oldest).toBe(expected[0]);
      if (step % 4000 === 3999) {
        set.clear();
        expected.length = 0;
      }
    }
  });

  it('takes ids that were chosen to fall into one place of the language as quickly as others', () => {
    const chosen = collidingIds(10_000);
    const plain = chosen.map((_, index) => index * 7 + 1);
    const elapsed = (ids: readonly number[]) => {
      const map = new IdMap<number>();
      const startMs = process.cpuUsage().user;
      for (const id of ids) map.set(id, id);
      for (const id of ids) map.get(id);
      return (process.cpuUsage().user - startMs) / 1000;
    };
    const best = (ids: readonly number[]) => Math.min(...Array.from({ length: 5 }, () => elapsed(ids)));
    best(plain);
    expect(best(chosen)).toBeLessThan(best(plain) * 5 + 2);
  });
});
