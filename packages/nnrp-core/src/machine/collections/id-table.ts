import { spreadId } from './spread-id.js';

const NO_KEYS = /* @__PURE__ */ new Uint32Array(0);
const FIRST_CAPACITY = 8;
/** So many places stay when a crowd has left: the next one comes soon. */
const KEPT_CAPACITY = 512;

/**
 * A map from 32-bit ids to objects, for ids that come and go by the hundred thousand. A Map of the language would do, but
 * each of its tables keeps those that follow it alive until the next full collection, with all they refer to: an
 * operation that is over would stay in memory for a while, and cost the collector more than the work itself (measured).
 */
export class IdTable<T> {
  /** Open addressing; a place is free when it has no value. The length is a power of two, or 0 before the first entry. */
  private keys: Uint32Array = NO_KEYS;
  private entries: (T | undefined)[] = [];
  /** 32 minus the number of bits of a place. */
  private shift = 32;
  private count = 0;
  /** What was looked up last: the next packet is about the same, as a rule. Undefined when that is not in the table. */
  private recent: T | undefined = undefined;
  private recentId = 0;

  get size(): number {
    return this.count;
  }

  /** Places for entries, taken or free: what the table costs, in words of four bytes and references. */
  get capacity(): number {
    return this.keys.length;
  }

  get(id: number): T | undefined {
    if (id === this.recentId && this.recent !== undefined) return this.recent;
    if (this.count === 0) return undefined;
    this.recent = this.entries[this.place(id)];
    this.recentId = id;
    return this.recent;
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** @param id - an unsigned 32-bit number */
  set(id: number, value: T): void {
    if (this.count * 2 >= this.keys.length) this.resize(Math.max(FIRST_CAPACITY, this.keys.length * 2));
    const place = this.place(id);
    if (this.entries[place] === undefined) this.count++;
    this.keys[place] = id;
    this.entries[place] = value;
    if (id === this.recentId) this.recent = value;
  }

  /** @returns whether it was there */
  delete(id: number): boolean {
    if (this.count === 0) return false;
    const { keys, entries } = this;
    let free = this.place(id);
    if (entries[free] === undefined) return false;
    this.count--;
    if (id === this.recentId) this.recent = undefined;
    // Entries behind it that stand there only because this place was taken move up, so that no gap hides them.
    const mask = keys.length - 1;
    for (let place = (free + 1) & mask; entries[place] !== undefined; place = (place + 1) & mask) {
      const home = this.home(keys[place] as number);
      if (((place - home) & mask) < ((place - free) & mask)) continue;
      keys[free] = keys[place] as number;
      entries[free] = entries[place];
      free = place;
    }
    entries[free] = undefined;
    if (this.count * 8 < keys.length && keys.length > KEPT_CAPACITY) this.resize(keys.length / 2);
    return true;
  }

  clear(): void {
    this.keys = NO_KEYS;
    this.entries = [];
    this.shift = 32;
    this.count = 0;
    this.recent = undefined;
  }

  /** The values by ascending id; a copy. */
  values(): T[] {
    const ids: number[] = [];
    for (let place = 0; place < this.entries.length; place++) {
      if (this.entries[place] !== undefined) ids.push(this.keys[place] as number);
    }
    return ids.sort((a, b) => a - b).map((id) => this.get(id) as T);
  }

  /** Where the id is, or would be. */
  private place(id: number): number {
    const { keys, entries } = this;
    const mask = keys.length - 1;
    let place = this.home(id);
    while (entries[place] !== undefined && keys[place] !== id) place = (place + 1) & mask;
    return place;
  }

  private home(id: number): number {
    return spreadId(id) >>> this.shift;
  }

  private resize(capacity: number): void {
    const { keys, entries } = this;
    this.keys = new Uint32Array(capacity);
    this.entries = new Array<T | undefined>(capacity).fill(undefined);
    this.shift = 32 - Math.log2(capacity);
    for (let from = 0; from < entries.length; from++) {
      const entry = entries[from];
      if (entry === undefined) continue;
      const place = this.place(keys[from] as number);
      this.keys[place] = keys[from] as number;
      this.entries[place] = entry;
    }
  }
}
