import { INSPECT, type Inspect, inspected } from 'nnrp-core';
import type { AsyncItems } from '../../base/async-items.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import type { Waiter } from '../../base/queues/async-queue.js';

const OVER: IteratorReturnResult<void> = Object.freeze({ done: true, value: undefined });
/** Steps whose result was not read yet are looked through when so many are remembered. */
const MIN_REMEMBERED = 16;

/**
 * A loop over a queue that others may take from as well. It is written by hand, because an async generator costs three
 * promises for each item, and cannot be left while it waits: its `return` stands in line behind the `next` before.
 *
 * Nothing is lost when it is left. A call that waits in it is told that it is over, and takes nothing from later calls;
 * an item that was given to a `next` whose result was not read goes back to the queue.
 */
export abstract class QueueIterator<Item, Value> implements AsyncItems<Value, void> {
  private finished = false;
  /** Calls of `next` that wait: as a rule one, seldom others besides. */
  private waiting: WaitingStep<Item, Value> | undefined;
  private others: Set<WaitingStep<Item, Value>> | undefined;
  /** The last step, and those before it whose result was not read. */
  private newest: Step<Item, Value> | undefined;
  private unseen: Step<Item, Value>[] | undefined;
  private nextPruning = MIN_REMEMBERED;

  /** The next item, if one waits. */
  protected abstract take(): Item | undefined;
  /** Puts a waiter in line; where nothing can come any more it is rejected at once. */
  protected abstract wait(waiter: Waiter<Item>): void;
  protected abstract withdraw(waiter: Waiter<Item>): void;
  /** What the loop throws after such a rejection; undefined when it just ends. */
  protected abstract ending(reason: Error): Error | undefined;
  /** The loop is over. These items were not read and go back, in order. */
  protected abstract left(unseen: Item[]): void;
  /** What the loop shows of an item. */
  protected abstract shown(item: Item): Value;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Value, void>> {
    if (this.finished) return Promise.resolve(OVER);
    const item = this.take();
    if (item !== undefined) return Promise.resolve(this.step(item));
    // A loop that waits, perhaps for long, keeps no item alive.
    if (this.newest?.isSeen) this.newest = undefined;
    const waiting = new WaitingStep<Item, Value>(this);
    this.waits(waiting);
    this.wait(waiting);
    return waiting.promise;
  }

  /** Leaves the loop. */
  return(): Promise<IteratorResult<Value, void>> {
    this.leave();
    return Promise.resolve(OVER);
  }

  throw(error: unknown): Promise<IteratorResult<Value, void>> {
    this.leave();
    return Promise.reject(error);
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    return {
      state: this.finished ? 'over' : 'open',
      waitingCalls: (this.waiting === undefined ? 0 : 1) + (this.others?.size ?? 0),
    };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected(this.constructor.name, this.toJSON(), depth, options, inspect);
  }

  /** @internal For a step that waited: the item it gets. */
  arrived(waiting: WaitingStep<Item, Value>, item: Item): IteratorResult<Value, void> {
    this.waitsNoMore(waiting);
    return this.step(item);
  }

  /** @internal For a step that waited: nothing comes any more. @returns what the loop throws, once */
  ended(waiting: WaitingStep<Item, Value>, reason: Error): Error | undefined {
    this.waitsNoMore(waiting);
    if (this.finished) return undefined;
    this.finished = true;
    const ending = this.ending(reason);
    this.left([]);
    return ending;
  }

  private waits(waiting: WaitingStep<Item, Value>): void {
    if (this.waiting === undefined) {
      this.waiting = waiting;
    } else {
      this.others ??= new Set();
      this.others.add(waiting);
    }
  }

  private waitsNoMore(waiting: WaitingStep<Item, Value>): void {
    if (this.waiting === waiting) this.waiting = undefined;
    else this.others?.delete(waiting);
  }

  private step(item: Item): IteratorResult<Value, void> {
    const { newest } = this;
    if (newest !== undefined && !newest.isSeen) this.remember(newest);
    this.newest = new Step(item, this.shown(item));
    return this.newest as IteratorResult<Value, void>;
  }

  private remember(step: Step<Item, Value>): void {
    this.unseen ??= [];
    this.unseen.push(step);
    if (this.unseen.length < this.nextPruning) return;
    this.unseen = this.unseen.filter(({ isSeen }) => !isSeen);
    this.nextPruning = this.unseen.length * 2 + MIN_REMEMBERED;
  }

  private leaveStep(waiting: WaitingStep<Item, Value> | undefined): void {
    if (waiting === undefined) return;
    this.withdraw(waiting);
    waiting.finish();
  }

  private leave(): void {
    if (this.finished) return;
    this.finished = true;
    this.leaveStep(this.waiting);
    for (const waiting of this.others ?? []) this.leaveStep(waiting);
    this.waiting = undefined;
    this.others = undefined;
    const handed = this.unseen ?? [];
    if (this.newest !== undefined) handed.push(this.newest);
    this.newest = undefined;
    this.unseen = undefined;
    this.left(handed.filter(({ isSeen }) => !isSeen).map((step) => step.takenBack()));
  }
}

/** A result of `next` that knows whether it was read: before that, its item can be taken back. */
class Step<Item, Value> {
  isSeen = false;
  private isBack = false;

  constructor(
    private readonly item: Item,
    private readonly shown: Value,
  ) {}

  get done(): boolean {
    this.isSeen = true;
    return this.isBack;
  }

  get value(): Value | undefined {
    this.isSeen = true;
    return this.isBack ? undefined : this.shown;
  }

  /** From now on it is the end of the loop. */
  takenBack(): Item {
    this.isBack = true;
    return this.item;
  }

  /** As the plain object that it stands for; to log it does not count as reading it. */
  toJSON(): { done: boolean; value: Value | undefined } {
    return { done: this.isBack, value: this.isBack ? undefined : this.shown };
  }

  [INSPECT](): unknown {
    return this.toJSON();
  }
}

/** A `next` that waits. */
class WaitingStep<Item, Value> implements Waiter<Item> {
  readonly promise: Promise<IteratorResult<Value, void>>;
  private settle: (step: IteratorResult<Value, void>) => void = () => {};
  private fail: (error: Error) => void = () => {};

  constructor(private readonly loop: QueueIterator<Item, Value>) {
    this.promise = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
  }

  resolve(item: Item): void {
    this.settle(this.loop.arrived(this, item));
  }

  reject(reason: Error): void {
    const error = this.loop.ended(this, reason);
    if (error === undefined) {
      this.finish();
    } else {
      ignoreRejection(this.promise);
      this.fail(error);
    }
  }

  finish(): void {
    this.settle(OVER);
  }
}
