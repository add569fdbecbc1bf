/** Something with a time at which it is over. The heap keeps its place in `heapIndex`, -1 while it is in none. */
export interface Expiring {
  readonly expiresAtMs: number;
  heapIndex: number;
}

/** A binary heap by time: the next to expire is found at once, any can be taken out without a search. */
export class ExpiryHeap<T extends Expiring> {
  private readonly items: T[] = [];

  /** The one that expires first. */
  peek(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    this.place(item, this.items.length);
    this.rise(item);
  }

  /** Takes an item out; nothing happens when it is not in the heap. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index === -1) return;
    item.heapIndex = -1;
    const last = this.items.pop();
    if (last === undefined || last === item) return;
    this.place(last, index);
    this.rise(last);
    this.sink(last);
  }

  clear(): void {
    for (const item of this.items) item.heapIndex = -1;
    this.items.length = 0;
  }

  private rise(item: T): void {
    while (item.heapIndex > 0) {
      const index = item.heapIndex;
      const parent = this.items[(index - 1) >> 1] as T;
      if (parent.expiresAtMs <= item.expiresAtMs) return;
      this.place(item, parent.heapIndex);
      this.place(parent, index);
    }
  }

  private sink(item: T): void {
    for (;;) {
      const index = item.heapIndex;
      const left = this.items[2 * index + 1];
      const right = this.items[2 * index + 2];
      if (left === undefined) return;
      const child = right !== undefined && right.expiresAtMs < left.expiresAtMs ? right : left;
      if (item.expiresAtMs <= child.expiresAtMs) return;
      this.place(item, child.heapIndex);
      this.place(child, index);
    }
  }

  private place(item: T, index: number): void {
    this.items[index] = item;
    item.heapIndex = index;
  }
}
