import { INSPECT, type Inspect, inspected } from 'nnrp-core';
import type { AsyncItems } from '../../base/async-items.js';
import { ignoreRejection, rejection, type Settle } from '../../base/promises/settled.js';
import { Line } from '../../base/queues/line.js';
import { type Reader, ReadStep } from './read-step.js';

/** Where a {@link PushIterator} gets its items. */
export interface PushSource<T> {
  /** The next item, if one waits. */
  take(): T | undefined;
  /** Why no more items come: true after an orderly end, undefined while there may be more. */
  ending(): Error | true | undefined;
  /** The loop was left: it takes nothing any more. */
  left(): void;
  /** The item is on its way to the loop. @returns what is told when it is read; undefined when that does not matter */
  handed?(item: T): Reader<T> | undefined;
  /** The loop asks for more: what was on its way to it before it has read, or passed over. */
  asked?(): void;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

type Step<T> = IteratorResult<T, undefined>;

interface Waiter<T> extends Settle<Step<T>> {
  promise?: Promise<Step<T>>;
}

/**
 * An iterator over items that are pushed. A step costs one promise, which is resolved already when an item waits.
 * `next` may be called several times ahead; items go to the calls in order.
 */
export class PushIterator<T> implements AsyncItems<T> {
  private resolveNext: ((step: Step<T>) => void) | undefined;
  private rejectNext: ((error: Error) => void) | undefined;
  /** Of the first call that waits. */
  private awaited: Promise<Step<T>> | undefined;
  /** Calls behind the first one that waits. */
  private others: Line<Waiter<T>> | undefined;
  private finished = false;

  constructor(private readonly source: PushSource<T>) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step<T>> {
    if (this.finished) return Promise.resolve(DONE);
    this.source.asked?.();
    if (this.resolveNext === undefined) {
      const value = this.source.take();
      if (value !== undefined) {
        const reader = this.source.handed?.(value);
        // Each made where it is resolved with: V8 knows its class there, and need not look whether it has a `then`.
        return reader === undefined
          ? Promise.resolve<Step<T>>({ value, done: false })
          : Promise.resolve<Step<T>>(new ReadStep(value, value, reader));
      }
      const ending = this.source.ending();
      if (ending !== undefined) return this.finish(ending);
    }
    let behind: Waiter<T> | undefined;
    const promise = new Promise<Step<T>>((resolve, reject) => {
      if (this.resolveNext === undefined) {
        this.resolveNext = resolve;
        this.rejectNext = reject;
      } else {
        behind = { resolve, reject };
        this.others ??= new Line();
        this.others.push(behind);
      }
    });
    if (behind === undefined) this.awaited = promise;
    else (behind as Waiter<T>).promise = promise;
    return promise;
  }

  /** Leaves the loop. */
  return(): Promise<Step<T>> {
    this.leave();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<Step<T>> {
    this.leave();
    return Promise.reject(error);
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const waitingCalls = this.resolveNext === undefined ? 0 : 1 + (this.others?.size ?? 0);
    return { state: this.finished ? 'over' : 'open', waitingCalls };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('PushIterator', this.toJSON(), depth, options, inspect);
  }

  /** For the source: whether its loop knows that no more comes. */
  get isFinished(): boolean {
    return this.finished;
  }

  /** For the source: hands an item to the call that waits for one. @returns false when none does */
  deliver(value: T): boolean {
    const { resolveNext } = this;
    if (resolveNext === undefined) return false;
    const following = this.others?.first;
    if (following !== undefined) this.others?.take();
    this.resolveNext = following?.resolve;
    this.rejectNext = following?.reject;
    this.awaited = following?.promise;
    resolveNext(this.step(value));
    return true;
  }

  /** For the source: `ending` has something to say. The calls that wait are told. */
  ended(): void {
    if (this.resolveNext === undefined) return;
    const ending = this.source.ending();
    const { resolveNext, rejectNext, awaited } = this;
    this.finished = true;
    this.resolveNext = undefined;
    if (ending !== undefined && ending !== true) {
      // The others are not rejected: an iterator throws once.
      if (awaited !== undefined) ignoreRejection(awaited);
      rejectNext?.(ending);
    } else {
      resolveNext(DONE);
    }
    this.finishOthers();
  }

  private step(value: T): Step<T> {
    const reader = this.source.handed?.(value);
    return reader === undefined ? { value, done: false } : new ReadStep(value, value, reader);
  }

  private finish(ending: Error | true): Promise<Step<T>> {
    this.finished = true;
    return ending === true ? Promise.resolve(DONE) : rejection(ending);
  }

  private leave(): void {
    const isFirst = !this.finished;
    this.finished = true;
    this.resolveNext?.(DONE);
    this.resolveNext = undefined;
    this.finishOthers();
    // Last: the source may say at once why no more items come, and no call is to be told any more.
    if (isFirst) this.source.left();
  }

  private finishOthers(): void {
    for (const { resolve } of this.others?.drain() ?? []) resolve(DONE);
    this.others = undefined;
  }
}
