import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { errorJson } from './json-text.js';
import { errorText, printableLines, writeLine } from './terminal-text.js';

const HOSTILE = '\u001b]0;owned\u0007 \u001b[2J\nnnrp: fake\u202e\u009b1m\u2028';

describe('a line for people', () => {
  it('stays one line, and nothing in it is obeyed', () => {
    const stream = new PassThrough().setEncoding('utf8');
    writeLine(stream, HOSTILE);
    const written = stream.read() as string;
    expect(written).toBe('\\x1b]0;owned\\x07 \\x1b[2J\\nnnrp: fake\\u202e\\x9b1m\\u2028\n');
    expect(printableLines('a\u001b\nb\u202e\n')).toBe('a\\x1b\nb\\u202e\n');
  });

  it('is there for anything that can be thrown', () => {
    const odd = new Proxy(
      {},
      {
        has: () => {
          throw new Error('no');
        },
      },
    );
    const thrown = [new Error('a'), { message: 'b' }, 'c', 5n, null, undefined, Symbol('d'), Object.create(null), odd];
    expect(thrown.map(errorText)).toEqual([
      'a',
      'b',
      'c',
      '5',
      'null',
      'undefined',
      'Symbol(d)',
      'something was thrown that cannot be shown as text',
      'something was thrown that cannot be shown as text',
    ]);
  });
});

describe('an error in JSON', () => {
  it('has the same value, without a character that a terminal obeys', () => {
    const value = { error: { message: `${HOSTILE} \u{e0041} 😀` } };
    const json = errorJson(value);
    expect(JSON.parse(json)).toEqual(value);
    expect(json).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
    expect(json).toContain('😀');
  });
});
