import * as preview3 from 'nnrp-core/preview3';
import type { ClientOperation } from 'nnrp-runtime';
import { describe, expect, it } from 'vitest';
import { readTokens, TokenCount } from './token-stream.js';

/** An operation that was answered with these fragments, the last one empty. */
function answered(...fragments: string[]): ClientOperation {
  const results = [...fragments, ''].map((fragment, index) => {
    const terminal = index === fragments.length;
    const body = preview3.encodeTokenDeltaBody(Buffer.from(fragment), terminal);
    return { body, partial: !terminal, byteLength: 104 + body.length };
  });
  return { frameId: 1, [Symbol.asyncIterator]: () => each(results) } as unknown as ClientOperation;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void, void> {
  yield* items;
}

describe('readTokens', () => {
  it('hands on and counts fragments that are the text', async () => {
    const count = new TokenCount();
    const printed: string[] = [];
    await readTokens(answered('ab', 'c'), Buffer.from('abc'), count, async (fragment) => {
      printed.push(Buffer.from(fragment).toString());
    });
    expect(printed).toEqual(['ab', 'c', '']);
    expect(count).toEqual({ texts: 1, tokens: 2, packets: 3, textBytes: 3, wireBytes: 3 * (104 + 56) + 3 });
  });

  it.each([
    ['differ', ['ab', 'd'], 'the tokens differ from the text at byte 2'],
    ['end early', ['ab'], '2 bytes came back of 3'],
    ['go on', ['ab', 'cd'], 'the tokens differ from the text at byte 2'],
  ])('refuses fragments that %s', async (_, fragments, message) => {
    await expect(readTokens(answered(...fragments), Buffer.from('abc'), new TokenCount())).rejects.toThrow(message);
  });
});
