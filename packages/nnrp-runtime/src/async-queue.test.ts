import { ClosedError } from 'nnrp-core';
import { describe, expect, it } from 'vitest';
import { AsyncQueue } from './async-queue.js';

describe('an async queue', () => {
  it('hands out what waits in order, without what was taken out of the middle', () => {
    for (const step of [2, 3, 7]) {
      const queue = new AsyncQueue<number>();
      const list: number[] = [];
      for (let item = 0; item < 6000; item++) {
        queue.push(item);
        list.push(item);
        if (item % step === 0) {
          const gone = list[Math.floor(list.length / 2)] as number;
          queue.remove(gone);
          list.splice(list.indexOf(gone), 1);
        }
        if (item % 3 === 0) expect(queue.tryTake()).toBe(list.shift());
        expect(queue.size).toBe(list.length);
      }
      // One that does not wait, and one that waits no longer.
      queue.remove(-1);
      queue.remove(0);
      expect(queue.drain()).toEqual(list);
      expect([queue.size, queue.tryTake()]).toEqual([0, undefined]);
    }
  });

  it('serves those who wait in the order in which they came, and rejects the rest at the end', async () => {
    const queue = new AsyncQueue<number>();
    const waiting = Array.from({ length: 5 }, () => queue.next());
    for (let item = 0; item < 3; item++) expect(queue.push(item)).toBe(false);
    expect(await Promise.all(waiting.slice(0, 3))).toEqual([0, 1, 2]);
    const reason = new ClosedError('over');
    queue.end(reason);
    for (const promise of waiting.slice(3))
      await expect(promise).rejects.toMatchObject({ code: reason.code, message: reason.message });
    await expect(queue.next()).rejects.toThrow('over');
    expect(queue.push(9)).toBe(false);
  });

  it('takes no longer to take out an item, or to serve one who waits, however many wait', () => {
    const spent = [1000, 50_000].map((count) => {
      const queue = new AsyncQueue<number>();
      for (let item = 0; item < count; item++) queue.push(item);
      const waiters = new AsyncQueue<number>();
      for (let item = 0; item < count; item++) void waiters.next();
      queue.remove(count - 1);
      const started = performance.now();
      for (let item = 1; item < 1000; item++) {
        queue.remove(count - 1 - item);
        waiters.push(item);
      }
      return performance.now() - started;
    });
    expect(spent[1] as number).toBeLessThan((spent[0] as number) * 20 + 5);
  });
});
