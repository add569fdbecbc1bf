import { expect, it } from 'vitest';
import { spreadId } from './spread-id.js';

it.each([0, 8, 16, 20])('spreads ids over a table, those that differ from bit %i on', (shift) => {
  const taken = new Uint8Array(8192);
  for (let count = 1; count < 4096; count++) {
    let place = spreadId((count << shift) >>> 0) >>> (32 - 13);
    while (taken[place] === 1) place = (place + 1) % taken.length;
    taken[place] = 1;
  }
  let run = 0;
  let longest = 0;
  for (const place of taken) {
    run = place === 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  // A search ends at the first free place.
  expect(longest).toBeLessThan(300);
});
