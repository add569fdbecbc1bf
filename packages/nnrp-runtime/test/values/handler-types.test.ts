import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { SubmitOutcome } from '../../src/index.js';

describe('the types of handlers', () => {
  it('take every stream of results, and none that is not', () => {
    const taken: SubmitOutcome[] = [
      'text',
      ['one', new Uint8Array(1)],
      { body: 'x', metadata: { statusCode: 1 } },
      new Set(['a']),
      [{ body: 'a' }].values(),
      new ReadableStream<Uint8Array>(),
      new Response(),
      fetch('data:,x').catch(() => new Response()),
      Readable.from([]),
      Promise.resolve(new Set(['a']).values()),
      (async function* () {
        yield 'a';
        return { body: 'b' };
      })(),
      (function* () {
        yield 'a';
      })(),
    ];
    const refused: SubmitOutcome[] = [
      // @ts-expect-error a list of results
      [{ body: 'a' }],
      // @ts-expect-error a number
      1,
      // @ts-expect-error no field of results
      { metadata: { status: 429 } },
      // @ts-expect-error an iterable of numbers
      new Set([1]),
      // @ts-expect-error a last result that is none
      (async function* () {
        yield 'a';
        return 1;
      })(),
    ];
    expect(taken.length + refused.length).toBe(17);
  });
});
