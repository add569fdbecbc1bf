/** Odd, and another one in every process. */
const FACTOR = /* @__PURE__ */ (Math.floor(Math.random() * 0x7fffffff) * 2 + 1) | 0;
/** What undoes it, modulo 2^32. */
const INVERSE = /* @__PURE__ */ inverseOf(FACTOR);

/**
 * A Map by 32-bit ids that the peer chooses, in the order of insertion. The language hashes integers without a seed,
 * so a peer could choose ids that all fall into one place, and each look-up would walk over all of them. Here an id is
 * multiplied by a random factor first, which costs a nanosecond. See IdTable for ids that come and go by the hundred
 * thousand.
 */
export class IdMap<T> {
  private readonly entries = new Map<number, T>();

  get size(): number {
    return this.entries.size;
  }

  /** @param id - an unsigned 32-bit number, here and in the other methods */
  get(id: number): T | undefined {
    return this.entries.get(Math.imul(id, FACTOR));
  }

  has(id: number): boolean {
    return this.entries.has(Math.imul(id, FACTOR));
  }

  set(id: number, value: T): void {
    this.entries.set(Math.imul(id, FACTOR), value);
  }

  /** @returns whether it was there */
  delete(id: number): boolean {
    return this.entries.delete(Math.imul(id, FACTOR));
  }

  clear(): void {
    this.entries.clear();
  }

  values(): IterableIterator<T> {
    return this.entries.values();
  }

  *keys(): IterableIterator<number> {
    for (const key of this.entries.keys()) yield Math.imul(key, INVERSE) >>> 0;
  }
}

/** A Set of 32-bit ids that the peer chooses; see {@link IdMap}. */
export class IdSet {
  private readonly entries = new Set<number>();
  /** Stands behind the oldest, once that was asked for. A new one would walk over the holes of those that have left. */
  private walk: Iterator<number, undefined> | undefined;
  private first: number | undefined;

  get size(): number {
    return this.entries.size;
  }

  /** The one that was added first; undefined when there is none. */
  get oldest(): number | undefined {
    if (this.first === undefined) {
      this.walk ??= this.entries.values();
      this.first = this.walk.next().value;
      // At its end there is nothing left, and it would not see what is added later.
      if (this.first === undefined) this.walk = undefined;
    }
    return this.first === undefined ? undefined : Math.imul(this.first, INVERSE) >>> 0;
  }

  /** @param id - an unsigned 32-bit number, here and in the other methods */
  has(id: number): boolean {
    return this.entries.has(Math.imul(id, FACTOR));
  }

  add(id: number): void {
    this.entries.add(Math.imul(id, FACTOR));
  }

  /** @returns whether it was there */
  delete(id: number): boolean {
    const key = Math.imul(id, FACTOR);
    if (key === this.first) this.first = undefined;
    return this.entries.delete(key);
  }

  clear(): void {
    this.walk = undefined;
    this.first = undefined;
    this.entries.clear();
  }
}

/** Newton's iteration: each round doubles the number of bits that are right, beginning with three. */
function inverseOf(odd: number): number {
  let inverse = odd;
  for (let bits = 3; bits < 32; bits *= 2) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}
