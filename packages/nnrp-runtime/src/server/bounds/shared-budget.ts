import type { MemoryBudget } from 'nnrp-core';
import type { BoundName } from '../contract/server-bounds.js';

/** Memory that those share who hang on it: the objects of a session, the sessions of a connection, the connections of a server. */
export class SharedBudget implements MemoryBudget {
  private used = 0;

  constructor(
    readonly name: BoundName,
    /** Bytes. */
    private readonly limit: number,
    /** What this one is a part of. */
    private whole?: SharedBudget,
  ) {}

  /** Bytes that are held. */
  get byteLength(): number {
    return this.used;
  }

  fits(bytes: number): boolean {
    return this.lacking(bytes) === undefined;
  }

  /** The bound that so many bytes more would break; undefined when there is room. */
  lacking(bytes: number): BoundName | undefined {
    return this.used + bytes > this.limit ? this.name : this.whole?.lacking(bytes);
  }

  add(bytes: number): void {
    this.used += bytes;
    this.whole?.add(bytes);
  }

  /** It is a part of another whole from now on, which takes what is held, room or not. */
  moveTo(whole: SharedBudget): void {
    this.whole?.add(-this.used);
    this.whole = whole;
    whole.add(this.used);
  }

  /** Whoever held something is gone. */
  end(): void {
    this.add(-this.used);
  }
}
