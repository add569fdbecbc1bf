import { describe, expect, it } from 'vitest';
import { EventReader } from './event-reader.js';

const LIMIT = 1024;

/** What is read of a text that comes in pieces of so many bytes; undefined when it was refused. */
function readIn(pieceBytes: number, text: string): string[] | undefined {
  const reader = new EventReader(LIMIT);
  const bytes = Buffer.from(text);
  const seen: string[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const events = reader.read(bytes.subarray(at, at + pieceBytes));
    if (events === undefined) return undefined;
    seen.push(...events.map(({ data }) => data));
  }
  return [...seen, ...reader.end().map(({ data }) => data)];
}

describe.each([1, 2, 3, 7, 1000])('events in pieces of %i bytes', (pieceBytes) => {
  it.each([
    ['\n', 'LF'],
    ['\r\n', 'CRLF'],
    ['\r', 'CR'],
  ])('without data are none, however many there are: lines end by %j', (end) => {
    const idle = ['event: ping', 'id: 7', 'retry: 10', '', ''].join(end).repeat(200);
    const text = `\ufeff${idle}data: one${end}data: two${end}${end}${idle}data: ä${end}${end}`;
    expect(readIn(pieceBytes, text)).toEqual(['one\ntwo', 'ä']);
  });

  it('have ends of lines of all sorts among each other', () => {
    expect(readIn(pieceBytes, 'data: a\r\n\ndata: b\n\r\ndata: c\r\rdata: d\n\n:\r\n\r\n\ndata: e')).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
    ]);
  });

  it.each([
    ['a line without an end', 'data: '.padEnd(3000, 'x')],
    ['a comment without an end', ': '.padEnd(3000, 'x')],
    ['an id without an end', 'id: '.padEnd(3000, 'x')],
    ['fields without an empty line', 'id: 1\r\n'.repeat(500)],
    ['data without an empty line, behind events without any', `${'id: 1\n\n'.repeat(500)}${'data: 1\n'.repeat(500)}`],
    ['fields behind comments', 'id: 1\n: and\n'.repeat(500)],
  ])('are refused above the limit: %s', (_what, text) => {
    expect(readIn(pieceBytes, text)).toBeUndefined();
  });
});
