import { afterEach, describe, expect, it, vi } from 'vitest';
import { TurnShare } from './turn-share.js';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const LOOK_EVERY = 32;

describe('the share of a turn that a connection has', () => {
  let nowMs = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  afterEach(nextTurn);

  /** Deals with packets that take so long each, until the share is used up; at most so many milliseconds. */
  function used(share: TurnShare, packetMs: number, atMostMs = 100): number {
    share.begin(64 * 1024);
    const beganMs = nowMs;
    for (;;) {
      nowMs += packetMs;
      if (share.isUsedUp() || nowMs - beganMs >= atMostMs) return nowMs - beganMs;
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

  it('is never used up by a few packets, however long all together have taken', () => {
    for (let others = 0; others < 15; others++) used(new TurnShare(), 0.01);
    const share = new TurnShare();
    share.begin(200);
    for (let packets = 1; packets < LOOK_EVERY; packets++) {
      nowMs += 0.01;
      expect(share.isUsedUp()).toBe(false);
    }
  });
});
