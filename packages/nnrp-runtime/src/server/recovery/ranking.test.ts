import { describe, expect, it } from 'vitest';
import { Ranking } from './ranking.js';

describe('a ranking', () => {
  it('knows one of the highest after every change', () => {
    const ranking = new Ranking<string>();
    const known = new Map<string, number>();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (let step = 0; step < 5000; step++) {
      const name = names[(step * 7 + (step >> 4)) % names.length] as string;
      const rank = (step * 13 + (step >> 3)) % 11;
      if (step % 5 === 0) {
        ranking.delete(name);
        known.delete(name);
      } else {
        ranking.set(name, rank);
        known.set(name, rank);
      }
      const { first } = ranking;
      const most = Math.max(...known.values());
      expect(first === undefined ? Number.NEGATIVE_INFINITY : known.get(first)).toBe(most);
    }
  });

  it('gives those of the same rank in the order in which they came to it', () => {
    const ranking = new Ranking<string>();
    for (const name of ['a', 'b', 'c']) ranking.set(name, 3);
    ranking.set('a', 2);
    ranking.set('a', 3);
    expect(ranking.first).toBe('b');
  });
});
