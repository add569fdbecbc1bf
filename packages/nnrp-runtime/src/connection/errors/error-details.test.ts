import { describe, expect, it } from 'vitest';
import { decodeDetails, diagnosticOf, type ErrorDetails, encodeDetails, errorBody } from './error-details.js';

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

describe('details of an ERROR', () => {
  it.each<[string, ErrorDetails]>([
    ['nothing', {}],
    ['a code', { code: 'quota used up' }],
    ['everything', { code: 'a', message: 'жур😀nal', details: { a: [null, 'x', { b: 1.5 }] }, retryable: true }],
    ['details that are no object', { details: null, retryable: false }],
    ['details as deep as they may be', { details: nested(32) }],
  ])('come out as they went in: %s', (_what, details) => {
    expect(decodeDetails(encodeDetails(details) as Uint8Array)).toEqual(details);
  });

  it.each<[string, unknown]>([
    ['a function', () => {}],
    ['a symbol', Symbol('x')],
    ['a bigint', { n: 1n }],
    ['more than 16 KiB', 'x'.repeat(16 * 1024)],
    ['more than 16 KiB of UTF-8', 'ж'.repeat(8 * 1024)],
    ['more than 32 levels', nested(33)],
    ['so many levels that nothing can walk them', nested(100_000)],
    [
      'a toJSON that throws',
      {
        toJSON() {
          throw new Error('no');
        },
      },
    ],
  ])('are not encoded when JSON cannot hold them: %s', (_what, details) => {
    expect(encodeDetails({ details })).toBeUndefined();
  });

  it('are not encoded when they contain themselves', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(encodeDetails({ details: circle })).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"code":'],
    ['a list', '[1]'],
    ['a number', '7'],
    ['null', 'null'],
    ['too many levels', JSON.stringify({ details: nested(40) })],
    ['too long', JSON.stringify({ code: 'a', details: 'x'.repeat(17_000) })],
    ['members of the wrong types', '{"code":5,"message":[],"retryable":"yes"}'],
    ['a code that a terminal obeys', '{"code":"a\\u001b[31m"}'],
    ['a code that is too long', `{"code":"${'a'.repeat(129)}"}`],
    ['an empty code', '{"code":""}'],
    ['a million brackets', '['.repeat(16_000)],
  ])('say nothing when they are malformed: %s', (_what, block) => {
    expect(decodeDetails(utf8(block))).toEqual({});
  });

  it('say nothing when they are no UTF-8', () => {
    expect(decodeDetails(Uint8Array.of(0x22, 0xff, 0x22))).toEqual({});
  });

  it('say what is well-formed when a member is not, and pass over unknown ones', () => {
    expect(decodeDetails(utf8('{"code":5,"details":{"a":1},"later":true}'))).toEqual({ details: { a: 1 } });
  });
});

describe('the diagnostic of an ERROR', () => {
  it.each([
    ['', '', false],
    ['short', 'short', false],
    ['x'.repeat(256), 'x'.repeat(256), false],
    ['x'.repeat(257), 'x'.repeat(256), true],
    [`a${'ж'.repeat(200)}`, `a${'ж'.repeat(127)}`, true],
    [`ab${'😀'.repeat(70)}`, `ab${'😀'.repeat(63)}`, true],
  ])('is cut between two characters (%#)', (whole, shown, isCut) => {
    const diagnostic = diagnosticOf(whole);
    expect([text(diagnostic.bytes), diagnostic.isCut]).toEqual([shown, isCut]);
  });
});

describe('the body of an ERROR', () => {
  const long = 'ж'.repeat(300);

  it('is the text alone for a peer that does not understand details, or when there are none', () => {
    for (const { body, diagnosticBytes } of [errorBody('x', { code: 'a' }, false), errorBody('x', undefined, true)]) {
      expect([text(body), diagnosticBytes]).toEqual(['x', 1]);
    }
  });

  it('has the details behind the text, and the whole text in them when it was cut', () => {
    const short = errorBody('x', { code: 'a' }, true);
    expect([text(short.body), short.diagnosticBytes]).toEqual(['x{"code":"a"}', 1]);
    const { body, diagnosticBytes } = errorBody(long, { code: 'a' }, true);
    expect(diagnosticBytes).toBe(256);
    expect(decodeDetails(body.subarray(256))).toEqual({ code: 'a', message: long });
  });

  it('leaves out what is too long for it', () => {
    const { body, diagnosticBytes } = errorBody('x'.repeat(20_000), { code: 'a' }, true);
    expect(decodeDetails(body.subarray(diagnosticBytes))).toEqual({ code: 'a' });
    const alone = errorBody('x', { details: 'y'.repeat(20_000) }, true);
    expect([text(alone.body), alone.diagnosticBytes]).toEqual(['x', 1]);
  });
});
