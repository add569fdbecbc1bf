import { FrameIds } from 'nnrp-core';

/** Ids above 32 bits that are remembered one by one; of more, the oldest are forgotten. */
const MAX_WIDE = 4096;

/**
 * An id as a key of a table. The language hashes bigints and digits without a seed: a client could choose ids that all fall together,
 * and each look at one of them would walk over all. A text with a sign in it is hashed with a seed.
 */
export function textOfId(low: number, high: number): string {
  return `${high}:${low}`;
}

/** The operation ids that a session has used, in bounded memory: exact below 2^32, where nearly all are, by memory of the newest above. */
export class OperationIds {
  private readonly narrow = new FrameIds();
  private wide: Set<string> | undefined;
  private highestLow = 0;
  private highestHigh = 0;

  /** 0n before the first. */
  get highest(): bigint {
    return (BigInt(this.highestHigh) << 32n) | BigInt(this.highestLow);
  }

  /** @returns false when the id is 0 or was used before */
  take(low: number, high: number): boolean {
    if (!this.isNew(low, high)) return false;
    if (high > this.highestHigh || (high === this.highestHigh && low > this.highestLow)) {
      this.highestHigh = high;
      this.highestLow = low;
    }
    return true;
  }

  private isNew(low: number, high: number): boolean {
    if (high === 0) return low !== 0 && this.narrow.take(low);
    this.wide ??= new Set();
    const id = textOfId(low, high);
    if (this.wide.has(id)) return false;
    this.wide.add(id);
    if (this.wide.size > MAX_WIDE) for (const oldest of this.wide) return this.wide.delete(oldest);
    return true;
  }
}
