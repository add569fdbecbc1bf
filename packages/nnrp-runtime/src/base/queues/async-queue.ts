import { ClosedError, forCaller } from 'nnrp-core';
import { Line } from './line.js';

/** One caller that waits for an item. */
export interface Waiter<T> {
  resolve(item: T): void;
  reject(reason: Error): void;
}

/**
 * Items that are awaited one by one, in order. After `end` the items already there are still handed out; then every
 * `next` rejects with the reason. No call takes longer because more waits: how much that is a peer may decide.
 */
export class AsyncQueue<T> {
  private readonly items = new Line<T>();
  private readonly waiters = new Line<Waiter<T>>();
  private reason: Error | undefined;

  get size(): number {
    return this.items.size;
  }

  get ended(): boolean {
    return this.reason !== undefined;
  }

  /** Does nothing after `end`. @returns whether the item waits in the queue, that is, no waiter took it */
  push(item: T): boolean {
    if (this.reason !== undefined) return false;
    if (this.waiters.size === 0) {
      this.items.push(item);
      return true;
    }
    this.waiters.take().resolve(item);
    return false;
  }

  /** The next item if one waits. */
  tryTake(): T | undefined {
    return this.size > 0 ? this.items.take() : undefined;
  }

  next(): Promise<T> {
    if (this.size > 0) return Promise.resolve(this.items.take());
    const promise =
      this.reason === undefined
        ? new Promise<T>((resolve, reject) => this.waiters.push({ resolve, reject }))
        : Promise.reject(forCaller(this.reason));
    // Marked as handled: dropping it raises no unhandledRejection; awaiting it still rejects.
    promise.catch(ignore);
    return promise;
  }

  /** Like `next` when nothing waits, for a waiter that may be withdrawn; after `end` it is rejected at once. */
  wait(waiter: Waiter<T>): void {
    if (this.reason === undefined) this.waiters.push(waiter);
    else waiter.reject(forCaller(this.reason));
  }

  /** Removes a waiter: it gets no item any more. */
  withdraw(waiter: Waiter<T>): void {
    this.waiters.remove(waiter);
  }

  /**
   * Puts items back that have been handed out, in their order: before all that wait, also after `end`.
   * @returns how many of them wait now, always the last ones; the others went to waiters
   */
  putBack(items: readonly T[]): number {
    let served = 0;
    while (served < items.length && this.waiters.size > 0) this.waiters.take().resolve(items[served++] as T);
    for (let at = items.length - 1; at >= served; at--) this.items.unshift(items[at] as T);
    return items.length - served;
  }

  /** Only the first reason counts. */
  end(reason: Error = new ClosedError('the queue has ended')): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    for (const waiter of this.waiters.drain()) waiter.reject(forCaller(reason));
  }

  /** Takes an item out of the middle, if it waits. */
  remove(item: T): void {
    this.items.remove(item);
  }

  /** Takes everything that waits. */
  drain(): T[] {
    return this.items.drain();
  }
}

function ignore(): void {}
