import { describe, expect, it } from 'vitest';
import { textPieces } from './text-pieces.js';
import { loadTokenizer } from './tokenizer.js';

const PROSE = 'One two; three.\nFour (five) six, "seven" 8 + 9\n\n  ten\r\nélan vital /path/x ';

function pieces(text: string, maxBytes: number): string[] {
  const bytes = Buffer.from(text);
  let end = 0;
  const result: string[] = [];
  for (const [from, to] of textPieces(bytes, maxBytes)) {
    expect(from).toBe(end);
    expect(to - from).toBeLessThanOrEqual(maxBytes);
    result.push(bytes.toString('utf8', from, to));
    end = to;
  }
  expect(end).toBe(bytes.length);
  return result;
}

describe('textPieces', () => {
  it('cuts before a space or after a line feed', () => {
    expect(pieces('aa bb\ncc dd', 7)).toEqual(['aa bb\n', 'cc dd']);
    expect(pieces('aa bb cc', 7)).toEqual(['aa bb', ' cc']);
  });

  it('cuts between characters where there is neither', () => {
    expect(pieces('春眠不覺曉', 7)).toEqual(['春眠', '不覺', '曉']);
    expect(pieces('aaaaaaaaaa', 4)).toEqual(['aaaa', 'aaaa', 'aa']);
    expect(pieces('😀😀', 4)).toEqual(['😀', '😀']);
    expect(pieces('', 4)).toEqual([]);
  });

  it('leaves the tokens of ordinary text as they are', async () => {
    const tokenizer = await loadTokenizer();
    const text = PROSE.repeat(40);
    const whole = tokenizer(text, Buffer.byteLength(text));
    for (const maxBytes of [50, 64, 101, 999]) {
      expect(pieces(text, maxBytes).flatMap((piece) => tokenizer(piece, Buffer.byteLength(piece)))).toEqual(whole);
    }
  });
});
