import { expect, it } from 'vitest';
import { oddFactor } from './odd-factor.js';

it('is an odd number of 32 bits, and another one each time', () => {
  const factors = Array.from({ length: 1000 }, oddFactor);
  expect(factors.filter((factor) => factor !== (factor | 1))).toEqual([]);
  expect(new Set(factors).size).toBeGreaterThan(990);
  expect(factors.some((factor) => factor < 0)).toBe(true);
});
