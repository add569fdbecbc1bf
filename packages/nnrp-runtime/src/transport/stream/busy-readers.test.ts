import { describe, expect, it } from 'vitest';
import { waitForOthers } from './busy-readers.js';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('readers that have used up their share', () => {
  it('read on one in a turn, in the order in which they have come, and again behind the others', async () => {
    const read: string[] = [];
    const owner = { crashed: () => {} };
    const busy = (name: string) =>
      waitForOthers(owner, () => {
        read.push(name);
        if (read.length < 7) busy(name);
      });
    for (const name of ['a', 'b', 'c']) busy(name);
    const afterEachTurn: number[] = [];
    while (afterEachTurn.length < 9) {
      await nextTurn();
      afterEachTurn.push(read.length);
    }
    expect(read.join('')).toBe('abcabcabc');
    for (const [turn, count] of afterEachTurn.entries()) expect(count).toBeLessThanOrEqual(turn + 1);
  });

  it('cost themselves when they throw, and none behind them', async () => {
    const crashes: unknown[] = [];
    const error = new Error('of the first');
    const second = new Promise<void>((resolve) => {
      waitForOthers({ crashed: (thrown) => crashes.push(thrown) }, () => {
        throw error;
      });
      waitForOthers({ crashed: (thrown) => crashes.push(thrown) }, resolve);
    });
    await second;
    expect(crashes).toEqual([error]);
  });
});
