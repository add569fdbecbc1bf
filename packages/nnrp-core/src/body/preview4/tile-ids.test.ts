import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import { tileIndexOf } from './submits/tile-index.js';
import { decodeTileIndex } from './tile-ids.js';

const MODES = [
  { name: 'a dense range', tileIndexMode: 0, ids: [7, 8, 9] },
  { name: 'raw ids', tileIndexMode: 1, ids: [9, 3, 65_535] },
  { name: 'differences', tileIndexMode: 2, ids: [1, 5, 300] },
  { name: 'a set of bits', tileIndexMode: 3, ids: [0, 8, 17, 65_535] },
] as const;

describe('a tile index', () => {
  it.each(MODES)('as $name reads back to the ids that were written', ({ tileIndexMode, ids }) => {
    const tileBaseId = tileIndexMode === 0 ? 7 : 0;
    const bytes = tileIndexOf(tileIndexMode, tileBaseId, ids);
    expect(decodeTileIndex(bytes, { tileIndexMode, tileBaseId, tileCount: ids.length })).toEqual(ids);
  });

  it.each([
    { name: 'bytes where a range has none', tileIndexMode: 0, bytes: [0], tileCount: 1, rule: 'TENSOR-4' },
    { name: 'a range beyond 32 bits', tileIndexMode: 0, bytes: [], tileCount: 2, base: 0xffff_ffff, rule: 'TENSOR-4' },
    { name: 'a raw index that is short', tileIndexMode: 1, bytes: [1], tileCount: 1, rule: 'TENSOR-4' },
    { name: 'one id too many', tileIndexMode: 2, bytes: [1, 0, 2, 0], tileCount: 1, rule: 'TENSOR-4' },
    { name: 'a difference of 0', tileIndexMode: 2, bytes: [1, 0, 0, 0], tileCount: 2, rule: 'TILE-2' },
    { name: 'an id over 16 bits', tileIndexMode: 2, bytes: [255, 255, 1, 0], tileCount: 2, rule: 'TILE-2' },
    { name: 'fewer bits than tiles', tileIndexMode: 3, bytes: [1], tileCount: 2, rule: 'TENSOR-4' },
    { name: 'a byte that no id needs', tileIndexMode: 3, bytes: [1, 0], tileCount: 1, rule: 'TENSOR-4' },
  ] as const)('is refused with $name', ({ tileIndexMode, bytes, tileCount, rule, ...rest }) => {
    const tileBaseId = 'base' in rest ? rest.base : 0;
    const read = () => decodeTileIndex(Uint8Array.from(bytes), { tileIndexMode, tileBaseId, tileCount });
    expect(faultOf(read)).toEqual({ kind: 'invalid_combination', rule });
  });
});
