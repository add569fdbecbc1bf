import { describe, expect, it } from 'vitest';
import { SendingWatch } from './sending-watch.js';

describe('a platform that sends', () => {
  it('is silent while it takes nothing, for as long as it is watched', () => {
    const watch = new SendingWatch(10);
    watch.gave(1000);
    watch.begin(0, 1000);
    expect([10, 20, 32].map((nowMs) => watch.look(nowMs, 1000))).toEqual([10, 20, 32]);
    expect(watch.look(42, 999)).toBe(0);
    expect(watch.look(52, 999)).toBe(10);
    watch.begin(1000, 999);
    expect(watch.look(1010, 999)).toBe(10);
  });

  it('is not silent while more is given than it takes', () => {
    const watch = new SendingWatch(10);
    let waiting = 0;
    watch.begin(0, 0);
    for (let nowMs = 10; nowMs < 1000; nowMs += 10) {
      watch.gave(100);
      waiting += 60;
      expect(watch.look(nowMs, waiting)).toBe(0);
    }
  });

  it('is not silent for the time in which no look was made', () => {
    const watch = new SendingWatch(10);
    watch.gave(1);
    watch.begin(0, 1);
    expect(watch.look(60_000, 1)).toBe(20);
    expect(watch.look(3_600_000, 1)).toBe(40);
  });
});
