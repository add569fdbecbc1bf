import { oddFactor } from './odd-factor.js';

const FACTOR = /* @__PURE__ */ oddFactor();
/** What undoes it, modulo 2^32. */
const INVERSE = /* @__PURE__ */ inverseOf(FACTOR);

/**
 * A Map by 32-bit ids that the peer chooses, in the order of insertion. The language hashes integers without a seed,
 * so a peer could choose ids that all fall into one place, and each look-up would walk over all of them. Here an id is
 * multiplied by a random factor first, which costs a nanosecond. See IdTable for ids that come and go by the hundred
 * thousand.
 *
 * Most have one entry, such as the sessions of a connection: the table, half a kilobyte, is made with the second.
 */
export class IdMap<T> {
  private onlyKey = 0;
  private only: T | undefined = undefined;
  private hasOnly = false;
  /** Has them all once there were two. */
  private entries: Map<number, T> | undefined = undefined;

  get size(): number {
    if (this.entries !== undefined) return this.entries.size;
    return this.hasOnly ? 1 : 0;
  }

  /** @param id - an unsigned 32-bit number, here and in the other methods */
  get(id: number): T | undefined {
    const key = Math.imul(id, FACTOR);
    if (this.entries !== undefined) return this.entries.get(key);
    return this.onlyKey === key ? this.only : undefined;
  }

  has(id: number): boolean {
    const key = Math.imul(id, FACTOR);
    if (this.entries !== undefined) return this.entries.has(key);
    return this.hasOnly && this.onlyKey === key;
  }

  set(id: number, value: T): void {
    const key = Math.imul(id, FACTOR);
    if (this.entries !== undefined) {
      this.entries.set(key, value);
    } else if (this.hasOnly && this.onlyKey !== key) {
      this.entries = new Map([
        [this.onlyKey, this.only as T],
        [key, value],
      ]);
      this.forgetOnly();
    } else {
      this.onlyKey = key;
      this.only = value;
      this.hasOnly = true;
    }
  }

  /** @returns whether it was there */
  delete(id: number): boolean {
    if (this.entries !== undefined) return this.entries.delete(Math.imul(id, FACTOR));
    if (!this.has(id)) return false;
    this.forgetOnly();
    return true;
  }

  clear(): void {
    this.forgetOnly();
    this.entries = undefined;
  }

  values(): IterableIterator<T> {
    if (this.entries !== undefined) return this.entries.values();
    return (this.hasOnly ? [this.only as T] : []).values();
  }

  *keys(): IterableIterator<number> {
    const keys = this.entries?.keys() ?? (this.hasOnly ? [this.onlyKey] : []);
    for (const key of keys) yield Math.imul(key, INVERSE) >>> 0;
  }

  /** As a Map has it, with one entry as with many: what is in it does not show. */
  toJSON(): { readonly size: number } {
    return { size: this.size };
  }

  private forgetOnly(): void {
    this.onlyKey = 0;
    this.only = undefined;
    this.hasOnly = false;
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
