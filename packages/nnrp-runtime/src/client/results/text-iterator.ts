import { INSPECT, type Inspect, inspected } from 'nnrp-core';
import type { AsyncItems } from '../../base/async-items.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import type { NnrpResult } from './nnrp-result.js';
import type { PushIterator } from './push-iterator.js';

type Step = IteratorResult<string, undefined>;

/**
 * The text of an operation's results, piece by piece. A character whose bytes lie in two results comes whole, with the
 * second one; a result that completes no character gives no piece.
 */
export class TextIterator implements AsyncItems<string> {
  private readonly decoder = new TextDecoder();
  /** Calls are served one after another: each may need several results. */
  private before: Promise<unknown> | undefined;

  constructor(private readonly results: PushIterator<NnrpResult>) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    const own = ignoreRejection(this.before === undefined ? this.step() : this.before.then(this.step, this.step));
    this.before = own;
    return own;
  }

  /** Leaves the loop, which cancels the operation unless it is over. */
  return(): Promise<Step> {
    return this.results.return() as Promise<IteratorReturnResult<undefined>>;
  }

  throw(error: unknown): Promise<Step> {
    return this.results.throw(error) as Promise<never>;
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    return this.results.toJSON();
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('TextIterator', this.toJSON(), depth, options, inspect);
  }

  private readonly step = (): Promise<Step> => this.results.next().then(this.decoded);

  private readonly decoded = (step: IteratorResult<NnrpResult, undefined>): Step | Promise<Step> => {
    if (step.done === true) return step;
    const { body, partial } = step.value;
    const value = this.decoder.decode(body, { stream: partial });
    return value === '' ? this.step() : { done: false, value };
  };
}
