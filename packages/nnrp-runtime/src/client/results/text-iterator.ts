import { INSPECT, type Inspect, inspected } from 'nnrp-core';
import type { AsyncItems } from '../../base/async-items.js';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import type { PushIterator } from '../streams/push-iterator.js';
import { ReadStep } from '../streams/read-step.js';
import type { NnrpResult } from './nnrp-result.js';
import { unfinishedCharacter } from './unfinished-character.js';

type Step = IteratorResult<string, undefined>;

/** How far a text has been read. */
export interface TextRead {
  /** All of it up to the end of the result that this packet has brought ... */
  readonly position: number;
  /** ... but for these bytes of a character whose rest has not come. */
  readonly tail: Uint8Array;
}

/** Wants to know how far a text has been read. */
export interface TextReader {
  received(read: TextRead): void;
  /** A result had no piece. @param given - which packet has brought the last piece, 0 = none @param isLast - no more comes */
  gaveNothing(read: TextRead, given: number, isLast: boolean): void;
}

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
  /** Which packet has brought the last piece. */
  private given = 0;

  /**
   * @param before - the tail of the text that another client has read; undefined where this is its beginning
   * @param reader - is told how far the loop has read; undefined when no other reader gets these results before its end
   */
  constructor(
    private readonly results: PushIterator<NnrpResult>,
    before: Uint8Array | undefined,
    private readonly reader: TextReader | undefined,
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
    const { body, partial, position } = result;
    const text = this.decoder.decode(body, { stream: partial });
    const tail = partial ? unfinishedCharacter(this.tail, body) : EMPTY_BYTES;
    this.tail = tail;
    const { reader } = this;
    if (reader !== undefined && position > 0) return this.told(reader, text, { position, tail }, !partial);
    return text === '' ? this.step() : { value: text, done: false };
  };

  private told(reader: TextReader, text: string, read: TextRead, isLast: boolean): Step | Promise<Step> {
    if (text === '') {
      reader.gaveNothing(read, this.given, isLast);
      return this.step();
    }
    this.given = read.position;
    return new ReadStep(text, read, reader);
  }
}
