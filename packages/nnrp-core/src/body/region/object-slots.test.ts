import { expect, it } from 'vitest';
import { slotOf } from './object-slots.js';

it('knows the slots of the kinds that have one', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((kind) => slotOf(kind))).toEqual([
    -1, 0, 1, 2, -1, -1, 3, -1, -1, -1, -1,
  ]);
});

it.each(['length', '1', 'map', -1, 1.5, Number.NaN, undefined])('has no slot for %s', (kind) => {
  expect(slotOf(kind as number)).toBe(-1);
});
