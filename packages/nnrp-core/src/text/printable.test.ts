import { describe, expect, it } from 'vitest';
import { plainData } from './plain-data.js';
import { printable, printableUtf8 } from './printable.js';
import { shownAddress, shownPlain, shownValue, shownWord } from './shown-value.js';
import { utf8Prefix } from './utf8.js';

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe('a text for people', () => {
  it('is left as it is when nothing is wrong with it', () => {
    expect(printable('zażółć 漢字 😀 C:\\temp')).toBe('zażółć 漢字 😀 C:\\temp');
  });

  it.each([
    ['an escape sequence', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
    ['line ends', 'a\r\nnnrp: fake\u2028b\u2029c', 'a\\r\\nnnrp: fake\\u2028b\\u2029c'],
    ['controls of ISO 6429', '\x9b2J', '\\x9b2J'],
    ['bidirectional marks', 'a\u202eb\u2066c\u200f', 'a\\u202eb\\u2066c\\u200f'],
    ['what nobody sees', 'a\u200bb\ufeffc\u{e0041}', 'a\\u200bb\\ufeffc\\u{e0041}'],
    ['halves of a pair', '\ud800a\udc00', '\\ud800a\\udc00'],
  ])('shows %s as escapes', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it.each([16, 17, 18, 19, 20])('is cut between two characters to %d bytes', (maxBytes) => {
    const shown = printable('é😀漢'.repeat(20), maxBytes);
    expect(bytesOf(shown).length).toBeLessThanOrEqual(maxBytes);
    expect('é😀漢'.repeat(20).startsWith(shown.slice(0, -1))).toBe(true);
    expect(shown.endsWith('…')).toBe(true);
    expect(shown).not.toContain('\ufffd');
  });

  it('counts the escapes, and never cuts what just fits', () => {
    expect(printable('\x1b'.repeat(100), 19)).toBe('\\x1b\\x1b\\x1b\\x1b…');
    expect(printable('x'.repeat(20), 20)).toBe('x'.repeat(20));
    expect(printable('é'.repeat(10), 20)).toBe('é'.repeat(10));
  });

  it('of a peer is cut before the character that the limit goes through', () => {
    expect(printableUtf8(bytesOf('x'.repeat(1000) + '漢'.repeat(20)), 1003)).toBe(`${'x'.repeat(1000)}…`);
    expect(printableUtf8(bytesOf('漢字'))).toBe('漢字');
    expect(printableUtf8(Uint8Array.of(0x61, 0xff, 0x1b))).toBe('a\ufffd\\x1b');
  });

  it('becomes bytes that end with a whole character', () => {
    expect(new TextDecoder('utf-8', { fatal: true }).decode(utf8Prefix('漢字', 5))).toBe('漢');
    expect(utf8Prefix('ab', 5)).toEqual(bytesOf('ab'));
  });
});

describe('a wrong value', () => {
  const throwing = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no');
      },
      get: () => {
        throw new Error('no');
      },
    },
  );

  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [-1, '-1'],
    [5n, '5n'],
    ['a\nb', 'a string of 3 characters'],
    ['x', 'a string of 1 character'],
    ['', 'an empty string'],
    [() => 1, 'a function'],
    [Symbol('s'), 'Symbol(s)'],
    [[1, 'a', {}, null], '[1, a string, an object, null]'],
    [{ a: 1, 'b\x1b': 2 }, 'an object with a, b\\x1b'],
    [Object.create(null), 'an object'],
    [new Map([['secret', 1]]), 'an object of the kind Map'],
    [bytesOf('secret'), '6 bytes'],
    [throwing, 'a value that cannot be shown'],
  ])('is shown on one line whatever it is', (value, shown) => {
    expect(shownValue(value)).toBe(shown);
  });

  it('shows no text where none was expected', () => {
    for (const secret of ['S3CRETTOKEN', ['S3CRETTOKEN'], [1, ['S3CRETTOKEN']], { token: 'S3CRETTOKEN' }])
      expect(shownValue(secret)).not.toContain('S3CRET');
  });

  it('is a short word where a word was expected, and never a longer text', () => {
    expect(shownWord('TLSv1.1\n')).toBe("'TLSv1.1\\n'");
    expect(shownWord('x'.repeat(32))).toBe(`'${'x'.repeat(32)}'`);
    expect(shownWord('x'.repeat(33))).toBe('a string of 33 characters');
    expect(shownWord('RSA PRIVATE KEY')).toBe('a string of 15 characters');
    expect(shownWord(null)).toBe('null');
    expect(shownWord({ a: 'x' })).toBe('an object with a');
  });

  it.each<[unknown, string]>([
    ['5000', "'5000'"],
    ['-1', "'-1'"],
    ['1e3', "'1e3'"],
    ['0x10', "'0x10'"],
    ['30s', "'30s'"],
    ['1.5 MiB', "'1.5 MiB'"],
    ['5n\n', "'5n\\n'"],
    ['TRUE', "'TRUE'"],
    ['off', "'off'"],
    ['S3CRETTOKEN', 'a string of 11 characters'],
    ['5ecret', 'a string of 6 characters'],
    ['1'.repeat(25), 'a string of 25 characters'],
    ['', 'an empty string'],
    [-1, '-1'],
    [null, 'null'],
    [{ a: 1 }, 'an object with a'],
  ])('is shown where a number or a truth was expected, if it says one: %j', (value, shown) => {
    expect(shownPlain(value)).toBe(shown);
  });

  it.each([
    ['localhost', "'localhost'"],
    ['host:99999', "'host:99999'"],
    ['x://user:TOKEN@host:1', "'x://…@host:1'"],
    ['user:TO@KEN@host:1', "'…@host:1'"],
    ['x://user:TO/KEN@host:1', "'x://…@host:1'"],
    ['wss://host:1/path?token=TOKEN', "'wss://host:1…'"],
    ['host:1#TOKEN\nTOKEN', "'host:1…'"],
    [`-----BEGIN PRIVATE KEY-----`, 'a string of 27 characters'],
    ['x'.repeat(101), 'a string of 101 characters'],
    [5, '5'],
  ])('is shown without what only its owner should know where an address was expected: %j', (value, shown) => {
    expect(shownAddress(value)).toBe(shown);
  });

  it('is short', () => {
    expect(shownValue('x'.repeat(10_000)).length).toBeLessThan(130);
    expect(shownValue(Array.from({ length: 1000 }, (_, i) => i))).toBe('[0, 1, 2, 3, 4, 5, ... 1000 in all]');
  });
});

it('plain data of a graph with many ways through it is bounded', () => {
  const nodes: Record<string, unknown>[] = Array.from({ length: 12 }, () => ({}));
  for (const node of nodes) for (const [index, other] of nodes.entries()) node[`to${index}`] = other;
  expect(JSON.stringify(plainData(nodes[0])).length).toBeLessThan(1_000_000);
  expect(plainData({ tag: 5n })).toEqual({ tag: '5' });
});
