import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/seeded-random.js';
import { IdTable } from './id-table.js';

describe('id table', () => {
  it('agrees with a plain map for 50,000 steps with ids that collide, ascend and reach the ends of 32 bits', () => {
    const random = new SeededRandom(11);
    const table = new IdTable<{ id: number }>();
    const map = new Map<number, { id: number }>();
    let next = 1;
    for (let step = 0; step < 50_000; step++) {
      const kind = random.integer(0, 3);
      const id =
        kind === 0
          ? next++
          : kind === 1
            ? random.integer(1, 300)
            : kind === 2
              ? random.integer(0, 40) << 20
              : 0xffffffff - random.integer(0, 40);
      const key = id >>> 0;
      // Fills up and empties in turn.
      if (random.integer(0, 99) < (Math.floor(step / 5000) % 2 === 0 ? 70 : 30)) {
        const value = { id: key };
        table.set(key, value);
        map.set(key, value);
      } else if (table.delete(key) !== map.delete(key)) {
        throw new Error(`delete ${key}, step ${step}`);
      }
      if (table.size !== map.size || table.get(key) !== map.get(key) || table.has(key) !== map.has(key)) {
        throw new Error(`id ${key}, step ${step}`);
      }
      if (step % 997 === 0) {
        expect(table.values()).toEqual([...map.values()].sort((a, b) => a.id - b.id));
        for (const [present, value] of map) expect(table.get(present)).toBe(value);
      }
    }
  });

  it('holds nothing before the first entry, little after the last, and shrinks when a crowd has left', () => {
    const table = new IdTable<object>();
    expect([table.size, table.get(1), table.delete(1), table.capacity]).toEqual([0, undefined, false, 0]);
    for (let id = 1; id <= 10_000; id++) table.set(id, {});
    expect(table.capacity).toBeLessThanOrEqual(32_768);
    for (let id = 1; id <= 10_000; id++) table.delete(id);
    expect([table.size, table.capacity]).toEqual([0, 512]);
    table.set(7, {});
    table.clear();
    expect([table.size, table.has(7), table.capacity]).toEqual([0, false, 0]);
  });
});
