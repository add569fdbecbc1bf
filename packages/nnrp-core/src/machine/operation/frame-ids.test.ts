import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/seeded-random.js';
import { FrameIds } from './frame-ids.js';

describe('frame ids', () => {
  it('refuses 0 and whatever was taken before', () => {
    const ids = new FrameIds();
    expect(ids.take(0)).toBe(false);
    expect(ids.take(1)).toBe(true);
    expect(ids.take(1)).toBe(false);
    expect(ids.take(3)).toBe(true);
    expect(ids.take(3)).toBe(false);
    expect(ids.take(2)).toBe(true);
    expect(ids.take(2)).toBe(false);
    expect(ids.take(3)).toBe(false);
    expect(ids.take(0)).toBe(false);
  });

  it('says which ids are used, 0 and those to come excepted', () => {
    const ids = new FrameIds();
    for (const id of [1, 2, 5]) ids.take(id);
    expect([0, 1, 2, 3, 4, 5, 6].map((id) => ids.has(id))).toEqual([false, true, true, false, false, true, false]);
    ids.take(3);
    ids.take(4);
    expect([4, 5, 6].map((id) => ids.has(id))).toEqual([true, true, false]);
  });

  it('takes the largest id there is', () => {
    const ids = new FrameIds();
    expect(ids.take(0xffffffff)).toBe(true);
    expect(ids.take(0xffffffff)).toBe(false);
    expect(ids.take(1)).toBe(true);
    expect(ids.highest).toBe(0xffffffff);
  });

  it('knows the highest id, also when it came out of order', () => {
    const ids = new FrameIds();
    expect(ids.highest).toBe(0);
    for (const id of [1, 9, 2]) ids.take(id);
    expect(ids.highest).toBe(9);
    ids.take(9);
    ids.take(0);
    expect(ids.highest).toBe(9);
  });

  it('agrees with a plain set for 4000 ids in any order', () => {
    const random = new SeededRandom(7);
    const ids = new FrameIds();
    const used = new Set<number>();
    for (let count = 0; count < 20_000; count++) {
      const id = random.integer(1, 4000);
      if (ids.take(id) === used.has(id)) throw new Error(`id ${id}, number ${count}`);
      used.add(id);
    }
    expect(ids.highest).toBe(Math.max(...used));
  });

  it('remembers nothing but the watermark for ids that ascend', () => {
    const ids = new FrameIds();
    for (let id = 1; id <= 100_000; id++) ids.take(id);
    expect(ids.scatteredCount).toBe(0);
    for (const id of [100_003, 100_002, 100_001]) ids.take(id);
    expect(ids.scatteredCount).toBe(0);
  });

  it('holds its memory bounded against ids that leave gaps, at the cost of the gaps', () => {
    const ids = new FrameIds();
    let refused = 0;
    let most = 0;
    for (let id = 2; id < 1_000_000; id += 2) {
      if (!ids.take(id)) refused++;
      most = Math.max(most, ids.scatteredCount);
    }
    expect([refused, most]).toEqual([0, 4096]);
    expect(ids.take(3)).toBe(false);
    expect(ids.take(2)).toBe(false);
    expect(ids.take(1_000_001)).toBe(true);
  });
});
