import { describe, expect, it } from 'vitest';
import {
  ExpressionError,
  fieldsOf,
  maskOf,
  parseExpression,
  printExpression,
  type WideComparison,
} from './expression.js';

const OPERANDS = new Map([
  ['a', { wide: false, isEnum: false }],
  ['b', { wide: false, isEnum: false }],
  ['wide', { wide: true, isEnum: false }],
  ['kind', { wide: false, isEnum: true }],
]);

const print = (source: string): string =>
  printExpression(parseExpression(source, undefined, OPERANDS), (id) => `v.${id}`);

/** The condition as JavaScript computes it. */
function evaluate(source: string, values: Readonly<Record<string, number | bigint>>): unknown {
  return new Function('v', `return ${print(source)};`)(values);
}

describe('expressions', () => {
  it.each([
    ['a == 1 or b == 2 and a == 3', '((v.a === 1) || ((v.b === 2) && (v.a === 3)))'],
    ['(a == 1 or b == 2) and a != 3', '(((v.a === 1) || (v.b === 2)) && (v.a !== 3))'],
    ['a + b * 2 == 7', '((v.a + (v.b * 2)) === 7)'],
    ['a - b - 1 == 0', '(((v.a - v.b) - 1) === 0)'],
    ['a % 16 == 0', '((v.a % 16) === 0)'],
    ['(a & ~0x0f) == 0', '((v.a & ~15) === 0)'],
    ['(a | b & 1) != 0', '((v.a | (v.b & 1)) !== 0)'],
    ['not a == 1 and b == 2', '(!((v.a === 1)) && (v.b === 2))'],
    ['kind.to_i >= 2', '(v.kind >= 2)'],
    ['a<=1 and b>=0x10', '((v.a <= 1) && (v.b >= 16))'],
  ])('prints %s with the precedence of Kaitai', (source, printed) => {
    expect(print(source)).toBe(printed);
  });

  it.each([
    ['a % 16 == 0', { a: 32 }, true],
    ['a % 16 == 0', { a: 24 }, false],
    ['(a & 1) != 0 or b == 0', { a: 2, b: 0 }, true],
    ['(a & 1) != 0 or b == 0', { a: 2, b: 1 }, false],
    ['(a & ~0x7f) == 0', { a: 0x80000000 }, false],
    ['not (a == 1 or b == 1)', { a: 0, b: 2 }, true],
  ])('%s of %o is %s', (source, values, expected) => {
    expect(evaluate(source, values)).toBe(expected);
  });

  it.each([
    ['', "unexpected 'end'"],
    ['a', 'is not a condition'],
    ['a &', "unexpected 'end'"],
    ['a == 1 ? b : 2', "unexpected '?'"],
    ['a.size == 1', 'only .to_i'],
    ['kind == 1', 'use kind.to_i'],
    ['other == 1', 'not an earlier field'],
    ['_ == 1', 'has no value'],
    ['(wide & 1) == 0', "'&' on the 64-bit field 'wide'"],
    ['~wide == 0', "'~' on the 64-bit field 'wide'"],
    ['wide == 1', "'==' on the 64-bit field 'wide'"],
    ['wide < 0xffffffff', "'<' on the 64-bit field 'wide'"],
    ['0 == wide', "'==' on the 64-bit field 'wide'"],
    ['wide + 1 == 2', "'+' on the 64-bit field 'wide'"],
    ['((a == 1) & (a == 2)) == 0', "'&' takes numbers"],
    ['~(a == 1) == 0', "'~' takes numbers"],
    ['(a & 1) == 1', 'compared with 0'],
    ['(a & 1) < (b & 1)', 'compared with 0'],
    ['(a & 1) * 2 == 0', 'signed'],
    ['(a == 1) == (b == 1)', 'takes numbers'],
    ['not a', 'takes conditions'],
    ['a and b == 1', 'takes conditions'],
  ])('refuses %j', (source, message) => {
    expect(() => parseExpression(source, undefined, OPERANDS)).toThrow(ExpressionError);
    expect(() => parseExpression(source, undefined, OPERANDS)).toThrow(message);
  });

  it.each([
    ['wide == 0', '<wide ==>'],
    ['wide != 0 and a == 1', '(<wide !=> && (v.a === 1))'],
    ['not wide <= 0xffffffff', '!(<wide <=>)'],
    ['wide > 0xffffffff', '<wide >>'],
  ])('lets %s be compared by halves', (source, printed) => {
    const compareWide = ({ field, operator }: WideComparison) =>
      OPERANDS.get(field)?.wide ? `<${field} ${operator}>` : undefined;
    expect(printExpression(parseExpression(source, undefined, OPERANDS), (id) => `v.${id}`, compareWide)).toBe(printed);
  });

  it('names the fields that are read', () => {
    expect(fieldsOf(parseExpression('(a & 1) != 0 or not b == kind.to_i', undefined, OPERANDS))).toEqual([
      'a',
      'b',
      'kind',
    ]);
  });

  it('reads the mask of a bitmap, and of nothing else', () => {
    const mask = (source: string) => maskOf(parseExpression(source, 'a', OPERANDS), 'a', 8);
    expect(mask('(_ & ~0x3f) == 0')).toBe(0x3f);
    expect(mask('(_ & 0xc0) == 0')).toBe(0x3f);
    for (const other of ['(_ & ~0x3f) != 0', '(b & ~0x3f) == 0', '_ == 0', '(_ & ~b) == 0']) {
      expect(mask(other), other).toBeUndefined();
    }
  });
});
