/** A seeded generator of numbers (xorshift128): the same seed gives the same inputs on every machine. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d = 0x9e3779b9;

  constructor(seed: number) {
    this.a = seed >>> 0;
    this.b = 0x243f6a88 ^ (seed << 7);
    this.c = 0xb7e15162;
    for (let round = 0; round < 16; round++) this.u32();
  }

  /** An unsigned 32-bit number. */
  u32(): number {
    const t = this.a ^ (this.a << 11);
    this.a = this.b;
    this.b = this.c;
    this.c = this.d;
    this.d = (this.d ^ (this.d >>> 19) ^ t ^ (t >>> 8)) | 0;
    return this.d >>> 0;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    return this.u32() % bound;
  }

  /** True in `percent` of 100 calls. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** @throws RangeError on an empty list */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from');
    return items[this.below(items.length)] as T;
  }
}

/** A seed of its own for every name, so that adding a structure does not change the inputs of the others. */
export function seedOf(name: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  return hash;
}
