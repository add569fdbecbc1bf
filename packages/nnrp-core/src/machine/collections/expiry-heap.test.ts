import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/seeded-random.js';
import { type Expiring, ExpiryHeap } from './expiry-heap.js';

const item = (expiresAtMs: number): Expiring => ({ expiresAtMs, heapIndex: -1 });

describe('expiry heap', () => {
  it('gives the earliest first, whatever the order of coming and going', () => {
    const random = new SeededRandom(5);
    const heap = new ExpiryHeap<Expiring>();
    const inside: Expiring[] = [];
    for (let step = 0; step < 5000; step++) {
      if (inside.length === 0 || random.integer(0, 4) > 1) {
        const one = item(random.integer(0, 50));
        heap.push(one);
        inside.push(one);
      } else {
        const [gone] = inside.splice(random.integer(0, inside.length - 1), 1);
        if (gone !== undefined) heap.remove(gone);
        expect(gone?.heapIndex).toBe(-1);
      }
      expect(heap.peek()?.expiresAtMs).toBe(
        inside.length === 0 ? undefined : Math.min(...inside.map((i) => i.expiresAtMs)),
      );
    }
    const order: number[] = [];
    for (let next = heap.peek(); next !== undefined; next = heap.peek()) {
      order.push(next.expiresAtMs);
      heap.remove(next);
    }
    expect(order).toEqual(inside.map((i) => i.expiresAtMs).sort((one, other) => one - other));
  });

  it('does nothing about what is not inside', () => {
    const heap = new ExpiryHeap<Expiring>();
    const [inside, outside] = [item(2), item(1)];
    heap.push(inside);
    heap.remove(outside);
    expect(heap.peek()).toBe(inside);
    heap.clear();
    expect([heap.peek(), inside.heapIndex]).toEqual([undefined, -1]);
    heap.remove(inside);
  });
});
