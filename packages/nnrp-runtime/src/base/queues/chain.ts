/** What can stand in a chain, one at a time. The fields belong to the chain. */
export interface Link<Self> {
  before: Self | undefined;
  after: Self | undefined;
  chain: { remove(link: Self): void } | undefined;
}

/**
 * First in, first out, and whatever stands in it may leave from where it stands. Every step costs the same however long the
 * chain is; a Set does not, since it steps over the holes that the first ones have left.
 */
export class Chain<T extends Link<T>> {
  first: T | undefined = undefined;
  last: T | undefined = undefined;

  get isEmpty(): boolean {
    return this.first === undefined;
  }

  /** @param link - stands in no chain */
  push(link: T): void {
    link.chain = this;
    link.before = this.last;
    if (this.last === undefined) this.first = link;
    else this.last.after = link;
    this.last = link;
  }

  /** @param link - stands in this chain */
  remove(link: T): void {
    const { before, after } = link;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    link.before = undefined;
    link.after = undefined;
    link.chain = undefined;
  }
}
