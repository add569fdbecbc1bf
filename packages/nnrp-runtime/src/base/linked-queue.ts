/** A place in a {@link LinkedQueue}. */
export interface Link<T> {
  readonly value: T;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
}

/** A queue whose places can be given up anywhere, in the same time however long it is. */
export class LinkedQueue<T> {
  private first: Link<T> | undefined;
  private last: Link<T> | undefined;
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Who has waited longest. */
  get oldest(): T | undefined {
    return this.first?.value;
  }

  /** @returns its place, for `remove` */
  push(value: T): Link<T> {
    const link: Link<T> = { value, before: this.last, after: undefined };
    if (this.last === undefined) this.first = link;
    else this.last.after = link;
    this.last = link;
    this.count++;
    return link;
  }

  /** @param link - a place of this queue that has not been given up */
  remove(link: Link<T>): void {
    const { before, after } = link;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    this.count--;
  }
}
