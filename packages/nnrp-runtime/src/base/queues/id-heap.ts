import { IdSet } from 'nnrp-core';

/** Ids, each once: the lowest one is found without a search. */
export class IdHeap {
  /** A binary heap, the lowest first. */
  private readonly heap: number[] = [];
  private readonly known = new IdSet();

  /** Does nothing when it is there already. */
  add(id: number): void {
    if (this.known.has(id)) return;
    this.known.add(id);
    const { heap } = this;
    let place = heap.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as number;
      if (parent <= id) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = id;
  }

  get lowest(): number | undefined {
    return this.heap[0];
  }

  /** Takes the lowest one out. */
  takeLowest(): void {
    const { heap } = this;
    const [lowest] = heap;
    const last = heap.pop();
    if (lowest === undefined || last === undefined) return;
    this.known.delete(lowest);
    const { length } = heap;
    if (length === 0) return;
    let place = 0;
    for (let below = 1; below < length; below = place * 2 + 1) {
      if (below + 1 < length && (heap[below + 1] as number) < (heap[below] as number)) below++;
      if ((heap[below] as number) >= last) break;
      heap[place] = heap[below] as number;
      place = below;
    }
    heap[place] = last;
  }
}
