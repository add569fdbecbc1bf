import { ClosedError } from 'nnrp-core';
import { describe, expect, it } from 'vitest';
import { cpuMs, expectSameTime } from '../../../test/support/measuring.js';
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

  it('lets those go who do not want to wait any more, and serves the others in order', async () => {
    const queue = new AsyncQueue<number>();
    const got: string[] = [];
    const waiters = ['a', 'b', 'c'].map((name) => ({
      resolve: (item: number) => got.push(`${name}${item}`),
      reject: (reason: Error) => got.push(`${name} ${reason.message}`),
    }));
    for (const waiter of waiters) queue.wait(waiter);
    queue.withdraw(waiters[1] as (typeof waiters)[number]);
    expect([queue.push(1), queue.push(2), queue.push(3)]).toEqual([false, false, true]);
    expect(got).toEqual(['a1', 'c2']);
    expect(queue.drain()).toEqual([3]);
    queue.end(new ClosedError('over'));
    queue.wait(waiters[0] as (typeof waiters)[number]);
    expect(got.at(-1)).toContain('over');
  });

  it('takes items back before all that wait, and first for those who wait', async () => {
    for (const taken of [0, 1, 3]) {
      const queue = new AsyncQueue<number>();
      for (let item = 0; item < 6; item++) queue.push(item);
      // A place in the middle is known by its number; it must hold when others come before it.
      queue.remove(4);
      const back = Array.from({ length: taken }, () => queue.tryTake() as number);
      expect(queue.putBack([-1, ...back])).toBe(taken + 1);
      queue.remove(5);
      queue.remove(-1);
      queue.push(7);
      queue.remove(2);
      expect(queue.drain()).toEqual([0, 1, 3, 7]);
    }
    const empty = new AsyncQueue<number>();
    const waiting = [empty.next(), empty.next()];
    expect(empty.putBack([1, 2, 3])).toBe(1);
    expect(await Promise.all(waiting)).toEqual([1, 2]);
    empty.end();
    expect(empty.putBack([2])).toBe(1);
    expect(empty.drain()).toEqual([2, 3]);
  });

  it('takes no longer to take out an item, or to serve one who waits, however many wait', () => {
    const timeOf = (count: number) => () => {
      const queue = new AsyncQueue<number>();
      for (let item = 0; item < count; item++) queue.push(item);
      const waiters = new AsyncQueue<number>();
      for (let item = 0; item < count; item++) void waiters.next();
      queue.remove(count - 1);
      const started = cpuMs();
      for (let item = 1; item < 1000; item++) {
        queue.remove(count - 1 - item);
        waiters.push(item);
      }
      return cpuMs() - started;
    };
    expectSameTime(timeOf(1000), timeOf(50_000), (small) => small * 20 + 5);
  });
});
