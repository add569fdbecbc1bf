import { IdMap, IdSet } from 'nnrp-core';
import { IdHeap } from '../../base/queues/id-heap.js';
import type { FreeIdsAbove } from '../opening/id-choice.js';

/** The session ids in use on one server, over all its connections. Looking and taking are one step of one thread. */
export class SessionTable<T> implements FreeIdsAbove {
  private readonly records = new IdMap<T>();
  /** Every free id is in `freed`, or is not below this one. It only rises, over ids that are taken. */
  private frontier = 1;
  /** Ids below the frontier that were free at some time since; clients may have asked for some of them again. */
  private readonly freed = new IdHeap();

  /** Ids that are free. */
  private readonly reserved = new IdSet();

  get size(): number {
    return this.records.size;
  }

  get(sessionId: number): T | undefined {
    return this.records.get(sessionId);
  }

  has(sessionId: number): boolean {
    return this.records.has(sessionId);
  }

  /** The lowest free id; 0 when all are taken. */
  free(): number {
    for (let id = this.freed.lowest; id !== undefined; id = this.freed.lowest) {
      if (!this.records.has(id) && !this.reserved.has(id)) return id;
      this.freed.takeLowest();
    }
    while (this.records.has(this.frontier) || this.reserved.has(this.frontier)) this.frontier++;
    return this.frontier > 0xffffffff ? 0 : this.frontier;
  }

  /**
   * A free id above this one; 0 when there is none. Clients may have taken the range behind it, which is left by steps that
   * none can foresee: to walk over it would cost as much as they like.
   */
  freeAbove(sessionId: number): number {
    let id = Math.max(this.frontier, sessionId + 1);
    for (let tries = 0; this.records.has(id) || this.reserved.has(id); tries++)
      id += 1 + Math.floor(Math.random() * 2 ** tries);
    return id > 0xffffffff ? 0 : id;
  }

  set(sessionId: number, record: T): void {
    this.records.set(sessionId, record);
  }

  /** Frees the id, if it still belongs to this record: an old session cannot remove a newer one's. */
  release(sessionId: number, record: T): void {
    if (this.records.get(sessionId) !== record) return;
    this.records.delete(sessionId);
    if (sessionId < this.frontier && !this.reserved.has(sessionId)) this.freed.add(sessionId);
  }

  /** The record of this id is about to go, and no other is given the id until `freeReserved`. */
  reserve(sessionId: number): void {
    this.reserved.add(sessionId);
  }

  freeReserved(sessionId: number): void {
    if (!this.reserved.delete(sessionId) || this.records.has(sessionId)) return;
    if (sessionId < this.frontier) this.freed.add(sessionId);
  }

  values(): Iterable<T> {
    return this.records.values();
  }
}
