import { INSPECT, type Inspect, inspected } from 'nnrp-core';
import type { AsyncItems } from '../../base/async-items.js';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import type { NnrpResult } from './nnrp-result.js';
import type { PushIterator } from './push-iterator.js';
import { unfinishedCharacter } from './unfinished-character.js';

type Step = IteratorResult<string, undefined>;

/**
 * The text of an operation's results, piece by piece. A character whose bytes lie in two results comes whole, with the
 * second one; a result that completes no character gives no piece.
 */
export class TextIterator implements AsyncItems<string> {
  /** Bytes of a character whose rest has not come. */
  private tail: Uint8Array = EMPTY_BYTES;
  private readonly decoder: InstanceType<typeof TextDecoder>;
  /** Calls are served one after another: each may need several results. */
  private before: Promise<unknown> | undefined;

  /**
   * @param before - the tail of the text that another client has read; undefined where this is its beginning
   * @param received - the loop has read the text up to the end of this result, but for the bytes of a character
   */
  constructor(
    private readonly results: PushIterator<NnrpResult>,
    before: Uint8Array | undefined,
    private readonly received: (upTo: NnrpResult, tail: Uint8Array) => void,
  ) {
    // In the middle of a text a byte order mark is a character.
    this.decoder = new TextDecoder('utf-8', { ignoreBOM: before !== undefined });
    if (before === undefined) return;
    this.tail = before;
    this.decoder.decode(before, { stream: true });
  }

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
    const result = step.value;
    const { body, partial } = result;
    const text = this.decoder.decode(body, { stream: partial });
    const tail = partial ? unfinishedCharacter(this.tail, body) : EMPTY_BYTES;
    this.tail = tail;
    if (text === '') return this.step();
    const { received } = this;
    return {
      done: false,
      get value() {
        received(result, tail);
        return text;
      },
    };
  };
}
