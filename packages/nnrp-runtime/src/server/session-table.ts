import type { SessionIds } from 'nnrp-core';

/** The session ids in use on one server, over all its connections. Looking and taking are one step of one thread. */
export class SessionTable<T> implements SessionIds {
  private readonly records = new Map<number, T>();
  /** No id below this one is free. */
  private lowest = 1;

  get size(): number {
    return this.records.size;
  }

  has(sessionId: number): boolean {
    return this.records.has(sessionId);
  }

  /** The lowest free id; 0 when all are taken. */
  free(): number {
    while (this.records.has(this.lowest)) this.lowest++;
    return this.lowest > 0xffffffff ? 0 : this.lowest;
  }

  set(sessionId: number, record: T): void {
    this.records.set(sessionId, record);
  }

  /** Frees the id, if it still belongs to this record: an old session cannot remove a newer one's. */
  release(sessionId: number, record: T): void {
    if (this.records.get(sessionId) !== record) return;
    this.records.delete(sessionId);
    if (sessionId < this.lowest) this.lowest = sessionId;
  }

  values(): Iterable<T> {
    return this.records.values();
  }
}
