import { describe, expect, it } from 'vitest';
import { formatHex, parseHex } from './hex.js';

describe('hex', () => {
  it.each([
    ['', ''],
    ['00fF', '00ff'],
    ['0x00ff', '00ff'],
    [' 0X00\n\tff 0x0102\r\n', '00ff0102'],
    ['0 0 f f', '00ff'],
  ])('reads %j', (text, hex) => {
    expect(formatHex(parseHex(text))).toBe(hex);
  });

  it.each([
    ['0g', 'hex: "g" at digit 2 is not a hex digit'],
    ['00 😀', 'hex: "😀" at digit 3 is not a hex digit'],
    ['000', 'hex: odd number of digits (3)'],
    ['İ'.repeat(32), 'hex: "İ" at digit 1 is not a hex digit'],
    ['00\u0130\u0130', 'hex: "İ" at digit 3 is not a hex digit'],
    ['000x', 'hex: "x" at digit 4 is not a hex digit'],
  ])('refuses %j', (text, message) => {
    expect(() => parseHex(text)).toThrow(message);
  });
});
