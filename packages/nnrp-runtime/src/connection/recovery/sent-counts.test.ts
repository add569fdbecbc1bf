import { describe, expect, it } from 'vitest';
import { SentCount } from './sent-count.js';
import { SentCounts } from './sent-counts.js';

describe('the counts of a connection', () => {
  it('find the newest of each session, in whatever order they come and go', () => {
    const counts = new SentCounts();
    const known = new Map<number, SentCount>();
    // Every order of setting and forgetting three sessions, twice each.
    for (let step = 0; step < 4096; step++) {
      const sessionId = 1 + ((step * 7 + (step >> 3)) % 3);
      const before = known.get(sessionId);
      if (step % 5 < 3 || before === undefined) {
        const count = new SentCount(sessionId);
        counts.set(count);
        known.set(sessionId, count);
        // One that has been followed by another is not there any more.
        if (before !== undefined) counts.delete(before);
      } else {
        counts.delete(before);
        known.delete(sessionId);
      }
      expect([1, 2, 3].map((id) => counts.get(id))).toEqual([1, 2, 3].map((id) => known.get(id)));
    }
  });
});
