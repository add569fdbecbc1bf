import vocabulary from 'gpt-tokenizer/bpeRanks/o200k_base';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from './tokenizer.js';

describe('the tokenizer', () => {
  it.each([
    ['plain', 'Hello, world! It costs 1234567 $.'],
    ['line ends', 'a\r\nb\n\r\n\r\n  c\t\t\n'],
    ['byte order marks', '\uFEFFHello\uFEFF\uFEFF x \uFEFF'],
    ['characters of several tokens', '👩‍👩‍👧🏽 🏳️‍🌈 𝒩𝒩ℛ𝒫 𐍈 춈 e\u0301'],
    ['special tokens', '<|endoftext|><|im_start|>user<|endofprompt|>'],
    ['control characters', '\u0000\u0001\u007f\u2028\u200b\u00a0'],
    ['one long word', 'x'.repeat(2000)],
    ['many scripts', '春眠不覺曉 Ἄνδρα धर्मक्षेत्रे בְּרֵאשִׁית Я помню'],
  ])('gives the bytes of each token: %s', async (_, text) => {
    const tokenizer = await loadTokenizer();
    const bytes = Buffer.from(text);
    const lengths = tokenizer(text, bytes.length);
    let at = 0;
    const fragments = lengths.map((length) => {
      at += length;
      return bytes.subarray(at - length, at);
    });
    expect(at).toBe(bytes.length);
    const tokens = encode(text, { disallowedSpecial: new Set() });
    const expected = tokens.map((token) => Buffer.from((vocabulary[token] ?? []) as string & number[]));
    expect(fragments).toEqual(expected);
  });

  it('would rather not divide a text than lose a byte of it', async () => {
    const tokenizer = await loadTokenizer();
    expect(tokenizer('hello world', 12)).toEqual([12]);
  });
});
