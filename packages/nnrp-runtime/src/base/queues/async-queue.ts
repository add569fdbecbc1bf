import { ClosedError, forCaller } from 'nnrp-core';
import { Line } from './line.js';

/** A call that waits for an item. */
export interface Waiter<T> {
  resolve(item: T): void;
  reject(reason: Error): void;
}

/**
 * Items that are awaited one by one, in order. After `end` the items already there are still handed out; then every
 * `next` rejects with the reason. No call takes longer because more waits: how much that is a peer may decide.
 */
export class AsyncQueue<T> {
  /** Made when something first waits, as is the list below: most queues have had nothing but one kind, or neither. */
  private items: Line<T> | undefined;
  private waiters: Line<Waiter<T>> | undefined;
  private reason: Error | undefined;

  get size(): number {
    return this.items?.size ?? 0;
  }

  get ended(): boolean {
    return this.reason !== undefined;
  }

  /** Does nothing after `end`. @returns whether the item waits in the queue, that is, no call was waiting for it */
  push(item: T): boolean {
    if (this.reason !== undefined) return false;
    const { waiters } = this;
    if (waiters === undefined || waiters.size === 0) {
      this.items ??= new Line();
      this.items.push(item);
      return true;
    }
    waiters.take().resolve(item);
    return false;
  }

  /** The next item if one waits. */
  tryTake(): T | undefined {
    const { items } = this;
    return items !== undefined && items.size > 0 ? items.take() : undefined;
  }

  next(): Promise<T> {
    const { items } = this;
    if (items !== undefined && items.size > 0) return Promise.resolve(items.take());
    const promise =
      this.reason === undefined
        ? new Promise<T>((resolve, reject) => this.enqueue({ resolve, reject }))
        : Promise.reject(forCaller(this.reason));
    // A caller that drops the promise need not hear how it ends; one that awaits it is told all the same.
    promise.catch(ignore);
    return promise;
  }

  /** Like `next` when nothing waits, for a call that may be taken back; after `end` it is rejected at once. */
  wait(waiter: Waiter<T>): void {
    if (this.reason === undefined) this.enqueue(waiter);
    else waiter.reject(forCaller(this.reason));
  }

  /** Takes back a call that waits: the next item is not for it. */
  withdraw(waiter: Waiter<T>): void {
    this.waiters?.remove(waiter);
  }

  /**
   * Puts items back that have been handed out, in their order: before all that wait, also after `end`.
   * @returns how many of them wait now, always the last ones; the others went to calls that were waiting
   */
  putBack(items: readonly T[]): number {
    let served = 0;
    const { waiters } = this;
    while (served < items.length && waiters !== undefined && waiters.size > 0)
      waiters.take().resolve(items[served++] as T);
    this.items ??= new Line();
    for (let at = items.length - 1; at >= served; at--) this.items.unshift(items[at] as T);
    return items.length - served;
  }

  /** Only the first reason counts. */
  end(reason: Error = new ClosedError('the queue has ended')): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    for (const waiter of this.waiters?.drain() ?? []) waiter.reject(forCaller(reason));
  }

  /** Takes an item out of the middle, if it waits. */
  remove(item: T): void {
    this.items?.remove(item);
  }

  /** Takes everything that waits. */
  drain(): T[] {
    return this.items?.drain() ?? [];
  }

  private enqueue(waiter: Waiter<T>): void {
    this.waiters ??= new Line();
    this.waiters.push(waiter);
  }
}

function ignore(): void {}
