import { Chain, type Link } from './chain.js';

/** A place in a {@link LinkedQueue}. */
export class Place<T> implements Link<Place<T>> {
  before: Place<T> | undefined = undefined;
  after: Place<T> | undefined = undefined;
  chain: Link<Place<T>>['chain'] = undefined;

  constructor(readonly value: T) {}
}

/** A chain of anything, by places that are kept for `remove`: a value may stand in several queues. It knows its length. */
export class LinkedQueue<T> {
  private readonly chain = new Chain<Place<T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The item that has waited longest. */
  get oldest(): T | undefined {
    return this.chain.first?.value;
  }

  /** The item that has come last. */
  get newest(): T | undefined {
    return this.chain.last?.value;
  }

  /** @returns its place, for `remove` */
  push(value: T): Place<T> {
    const place = new Place(value);
    this.chain.push(place);
    this.count++;
    return place;
  }

  /** @param place - of this queue, not given up yet */
  remove(place: Place<T>): void {
    this.chain.remove(place);
    this.count--;
  }
}
