/** Holds what must not appear in a log: no util.inspect, whatever its options, and no JSON shows what is in it. */
export class Hidden<T> {
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
  }
}
