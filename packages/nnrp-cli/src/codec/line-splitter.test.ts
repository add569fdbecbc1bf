import { describe, expect, it } from 'vitest';
import { LINE_TOO_LONG, LineSplitter } from './line-splitter.js';

describe('LineSplitter', () => {
  it.each([1, 2, 3, 5, 100])('gives the same lines in chunks of %i bytes', (size) => {
    const bytes = Buffer.from('α\n\nbβγ\r\nthe last');
    const splitter = new LineSplitter(100);
    const lines: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.push(bytes.subarray(at, at + size)));
    expect([...lines, splitter.end()]).toEqual(['α', '', 'bβγ\r', 'the last']);
    expect(splitter.end()).toBeUndefined();
  });

  it.each([1, 4, 100])('skips a line that is too long and goes on, in chunks of %i bytes', (size) => {
    const bytes = Buffer.from('12345678\n123456789\nok\n1234567890');
    const splitter = new LineSplitter(8);
    const lines: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.push(bytes.subarray(at, at + size)));
    expect([...lines, splitter.end()]).toEqual(['12345678', LINE_TOO_LONG, 'ok', LINE_TOO_LONG]);
  });
});
