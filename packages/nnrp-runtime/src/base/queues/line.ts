/** Empty places in a list before it is moved together. */
const MIN_COMPACTION = 1024;
const HOLE = Symbol('taken');
/** What every empty line has: most are empty nearly always, and some for as long as they live. */
const NO_ITEMS = Object.freeze([]) as unknown as never[];

/**
 * First in, first out, at any length: what has left is a hole in the array until it is moved together. An item stands in it
 * once at most.
 */
export class Line<T> {
  size = 0;
  private items: (T | typeof HOLE)[] = NO_ITEMS;
  private head = 0;
  /** How many places have been cut off in front of `items`. */
  private cut = 0;
  /** Where each item stands, counted from the first one ever; made when one is first taken out of the middle. */
  private places: Map<T, number> | undefined;

  push(item: T): void {
    this.places?.set(item, this.cut + this.items.length);
    // The list of one is the commonest of all; the first `push` into an empty one would make room for sixteen more.
    if (this.size === 0) this.items = [item];
    else this.items.push(item);
    this.size++;
  }

  unshift(item: T): void {
    if (this.size === 0) {
      this.items = [item];
    } else if (this.head === 0) {
      this.items.unshift(item);
      this.cut--;
    } else {
      this.items[--this.head] = item;
    }
    this.places?.set(item, this.cut + this.head);
    this.size++;
  }

  /** The first item, which stays. */
  get first(): T | undefined {
    if (this.size === 0) return undefined;
    while (this.items[this.head] === HOLE) this.head++;
    return this.items[this.head] as T;
  }

  /** The items in order; none may be added or taken meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (let at = this.head; at < this.items.length; at++) {
      const item = this.items[at] as T | typeof HOLE;
      if (item !== HOLE) yield item;
    }
  }

  /** The first item, which leaves; there must be one. */
  take(): T {
    let item = this.items[this.head] as T | typeof HOLE;
    while (item === HOLE) item = this.items[++this.head] as T | typeof HOLE;
    this.items[this.head++] = HOLE;
    this.places?.delete(item);
    this.left();
    return item;
  }

  /** Takes an item out of the middle, if it is there. */
  remove(item: T): void {
    if (this.size === 0) return;
    this.places ??= this.findPlaces();
    const place = this.places.get(item);
    if (place === undefined) return;
    this.places.delete(item);
    this.items[place - this.cut] = HOLE;
    this.left();
  }

  /** Takes everything. */
  drain(): T[] {
    const items = this.items.slice(this.head).filter((item) => item !== HOLE) as T[];
    this.clear();
    return items;
  }

  private left(): void {
    if (--this.size === 0) this.clear();
    else if (this.head >= MIN_COMPACTION && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.cut += this.head;
      this.head = 0;
    } else if (this.items.length - this.head > this.size * 2 + MIN_COMPACTION) {
      const items = this.drain();
      this.items = items;
      this.size = items.length;
    }
  }

  private clear(): void {
    this.size = 0;
    this.items = NO_ITEMS;
    this.head = 0;
    this.cut = 0;
    this.places = undefined;
  }

  private findPlaces(): Map<T, number> {
    const places = new Map<T, number>();
    for (let index = this.head; index < this.items.length; index++) {
      const item = this.items[index] as T | typeof HOLE;
      if (item !== HOLE) places.set(item, this.cut + index);
    }
    return places;
  }
}
