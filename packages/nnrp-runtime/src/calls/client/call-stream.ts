import { CancelledError, forCaller, isNnrpError, UsageError } from 'nnrp-core';
import type { AsyncItems } from '../../base/async-items.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import type { CallSteps } from '../wire/steps.js';
import { unheard } from './unheard.js';

/**
 * A call whose answer comes in parts: iterate it for the partial results, then ask for the last one; or ask for that alone.
 * Nothing is sent before one of the two. Leaving the loop early gives the call up.
 */
export class CallStream<Partial, Answer> implements AsyncIterable<Partial> {
  readonly #steps: CallSteps<Partial, Answer>;
  #taken = false;
  readonly #answer: Promise<Answer>;
  #resolve: (answer: Answer) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  /** Made by `callStream` and its like. */
  constructor(steps: CallSteps<Partial, Answer>) {
    this.#steps = steps;
    this.#answer = ignoreRejection(
      new Promise<Answer>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      }),
    );
  }

  /**
   * The partial results in order, for one loop.
   * @throws UsageError for a second loop, or after `result()` has taken them; what the call fails with, see `call`
   */
  [Symbol.asyncIterator](): AsyncItems<Partial, void> {
    if (this.#taken)
      throw new UsageError('call: its partial results go to one loop, and result() or another loop has them');
    this.#taken = true;
    return unheard(this.#parts(), () => ignoreRejection(this.#leave()));
  }

  /**
   * The last result. While a loop takes the partial ones it waits for the end of that; without one they are passed over.
   * @throws (as a rejection) what the call fails with; CancelledError when its loop was left before the end
   */
  result(): Promise<Answer> {
    if (!this.#taken) {
      this.#taken = true;
      void this.#passOver();
    }
    return ignoreRejection(
      this.#answer.catch((error: unknown) => Promise.reject(isNnrpError(error) ? forCaller(error) : error)),
    );
  }

  async #passOver(): Promise<void> {
    try {
      for (;;) {
        const step = await this.#steps.next();
        if (step.done) return this.#resolve(step.value);
      }
    } catch (error) {
      this.#reject(error);
    }
  }

  async *#parts(): AsyncGenerator<Partial, void, void> {
    let isOver = false;
    try {
      for (;;) {
        const step = await this.#steps.next().catch((error: unknown) => {
          isOver = true;
          this.#reject(error);
          throw error;
        });
        if (step.done) {
          isOver = true;
          this.#resolve(step.value);
          return;
        }
        yield step.value;
      }
    } finally {
      // Left by return or throw of the iterator.
      if (!isOver) await this.#leave();
    }
  }

  async #leave(): Promise<void> {
    this.#reject(new CancelledError('the call was given up: its loop was left before the last result'));
    await this.#steps.return(undefined as never);
  }
}
