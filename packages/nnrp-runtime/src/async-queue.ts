import { ClosedError, forCaller } from 'nnrp-core';

interface Waiter<T> {
  resolve(item: T): void;
  reject(reason: Error): void;
}

/**
 * Items that are awaited one by one, in order. After `end` the items already there are still handed out; then every
 * `next` rejects with the reason.
 */
export class AsyncQueue<T> {
  private items: T[] = [];
  private head = 0;
  private waiters: Waiter<T>[] = [];
  private reason: Error | undefined;

  get size(): number {
    return this.items.length - this.head;
  }

  get ended(): boolean {
    return this.reason !== undefined;
  }

  /** Does nothing after `end`. @returns whether the item waits in the queue, that is, nobody was waiting for it */
  push(item: T): boolean {
    if (this.reason !== undefined) return false;
    const waiter = this.waiters.shift();
    if (waiter === undefined) this.items.push(item);
    else waiter.resolve(item);
    return waiter === undefined;
  }

  /** The next item if one waits. */
  tryTake(): T | undefined {
    return this.size > 0 ? this.take() : undefined;
  }

  next(): Promise<T> {
    if (this.size > 0) return Promise.resolve(this.take());
    const promise =
      this.reason === undefined
        ? new Promise<T>((resolve, reject) => this.waiters.push({ resolve, reject }))
        : Promise.reject(forCaller(this.reason));
    // Who drops the promise does not care how it ends; who awaits it is told all the same.
    promise.catch(ignore);
    return promise;
  }

  /** Only the first reason counts. */
  end(reason: Error = new ClosedError('the queue has ended')): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    for (const waiter of this.waiters) waiter.reject(forCaller(reason));
    this.waiters = [];
  }

  /** Takes an item out of the middle, if it waits. */
  remove(item: T): void {
    const index = this.items.indexOf(item, this.head);
    if (index >= 0) this.items.splice(index, 1);
    if (this.size === 0) this.drain();
  }

  /** Takes everything that waits. */
  drain(): T[] {
    const items = this.items.slice(this.head);
    this.items = [];
    this.head = 0;
    return items;
  }

  private take(): T {
    const item = this.items[this.head] as T;
    this.items[this.head++] = undefined as T;
    if (this.head === this.items.length) {
      this.items = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}

function ignore(): void {}
