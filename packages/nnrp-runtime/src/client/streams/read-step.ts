import { INSPECT } from 'nnrp-core';

/** Is told when the value of a step is read. */
export interface Reader<Place> {
  received(place: Place): void;
}

/**
 * One step of a loop that tells when its value is read: between the step and that, code of other loops may run. Both accessors
 * are the class's own: an object with one of its own costs more than all else that a step does.
 */
export class ReadStep<T, Place> implements IteratorYieldResult<T> {
  /** @param place - up to where the loop has read with this value; told each time that it is read */
  constructor(
    private readonly item: T,
    private readonly place: Place,
    private readonly reader: Reader<Place>,
  ) {}

  get done(): false {
    return false;
  }

  get value(): T {
    this.reader.received(this.place);
    return this.item;
  }

  /** As a step looks anywhere else. A log reads nothing on behalf of the loop. */
  toJSON(): IteratorYieldResult<T> {
    return { value: this.item, done: false };
  }

  [INSPECT](): IteratorYieldResult<T> {
    return this.toJSON();
  }
}
