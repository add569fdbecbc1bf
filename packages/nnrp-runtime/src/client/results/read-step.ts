import { INSPECT } from 'nnrp-core';

/**
 * One step of a loop that tells when its value is read: between the step and that, code of other loops may run. The accessor is
 * the class's own, since an object with one of its own costs more than the whole rest of a step.
 */
export class ReadStep<T, Place> implements IteratorYieldResult<T> {
  readonly done = false;

  /** @param place - up to where the loop has read with this value; told each time that it is read */
  constructor(
    private readonly item: T,
    private readonly place: Place,
    private readonly reader: { received?(place: Place): void },
  ) {}

  get value(): T {
    this.reader.received?.(this.place);
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
