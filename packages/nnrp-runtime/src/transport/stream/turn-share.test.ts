import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TurnShare, waitForOthers } from './turn-share.js';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const LOOK_EVERY = 32;
let nowMs = 1000;
vi.spyOn(performance, 'now').mockImplementation(() => nowMs);

describe('the share of a turn that a connection has', () => {
  afterEach(nextTurn);

  /** Deals with packets that take so long each, until the share is used up; at most so many milliseconds. */
  function used(share: TurnShare, packetMs: number, atMostMs = 100, isOneOfMany = true): number {
    share.begin(64 * 1024);
    const beganMs = nowMs;
    for (;;) {
      nowMs += packetMs;
      if (share.isUsedUp(isOneOfMany) || nowMs - beganMs >= atMostMs) return nowMs - beganMs;
    }
  }

  it('is some 2 ms, and whole again in the next turn', async () => {
    const share = new TurnShare();
    for (let turn = 0; turn < 3; turn++) {
      expect(used(share, 0.01)).toBeCloseTo(2, 0);
      await nextTurn();
      nowMs += 1;
    }
  });

  it('is little when all together have had 20 ms, and whole again in the next turn', async () => {
    const took = Array.from({ length: 30 }, () => used(new TurnShare(), 0.01));
    for (const ms of took.slice(0, 8)) expect(ms).toBeGreaterThan(1.9);
    for (const ms of took.slice(12)) expect(ms).toBeLessThan(1);
    await nextTurn();
    expect(used(new TurnShare(), 0.01)).toBeGreaterThan(1.9);
  });

  it('is whole for a connection whose peer was chosen, however long all together have taken', () => {
    for (let others = 0; others < 15; others++) used(new TurnShare(), 0.01);
    expect(used(new TurnShare(), 0.01, 100, false)).toBeGreaterThan(1.9);
  });

  it('is never used up by a few packets, however long all together have taken', () => {
    for (let others = 0; others < 15; others++) used(new TurnShare(), 0.01);
    const share = new TurnShare();
    share.begin(200);
    for (let packets = 1; packets < LOOK_EVERY; packets++) {
      nowMs += 0.01;
      expect(share.isUsedUp(true)).toBe(false);
    }
  });
});

describe('connections that have used up their share', () => {
  const owner = { crashed: () => {} };
  const nextTurnAfter = async (ms: number) => {
    nowMs += ms;
    await nextTurn();
  };

  it('read on in turn for as long as everything else has taken, at most 10 ms', async () => {
    await nextTurnAfter(0);
    const read: string[] = [];
    let isOver = false;
    const busy = (name: string) =>
      waitForOthers(owner, () => {
        read.push(name);
        nowMs += 4;
        if (!isOver) busy(name);
      });
    waitForOthers(owner, () => {});
    await nextTurnAfter(0);
    for (const name of ['a', 'b', 'c']) busy(name);
    const counts: number[] = [];
    for (const elsewhereMs of [0, 0, 0, 5, 1000, 0]) {
      await nextTurnAfter(elsewhereMs);
      counts.push(read.length);
    }
    expect(read.join('')).toBe('abcabcabc'.slice(0, read.length));
    expect(counts).toEqual([1, 2, 3, 5, 8, 9]);
    isOver = true;
    await nextTurnAfter(1000);
  });

  it('read on in the async context of their own', async () => {
    const store = new AsyncLocalStorage<string>();
    const readIn = ['of the first', 'of the second'].map((own) =>
      store.run(own, () => new Promise((resolve) => waitForOthers(owner, () => resolve(store.getStore())))),
    );
    expect(await Promise.all(readIn)).toEqual(['of the first', 'of the second']);
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
