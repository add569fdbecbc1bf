import { describe, expect, it } from 'vitest';
import { hexOfDump } from './hex-dump.js';

const HEX = '4e4e5250010020280000000000000000000000000000000000000000000000000000000000000041';

describe('a dump', () => {
  it.each([
    [
      'of hexdump -C',
      '00000000  4e 4e 52 50 01 00 20 28  00 00 00 00 00 00 00 00  |NNRP.. (........|\n00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n00000020  00 00 00 00 00 00 00 41                           |.......A|\n00000028\n',
    ],
    [
      'of xxd',
      '00000000: 4e4e 5250 0100 2028 0000 0000 0000 0000  NNRP.. (........\r\n00000010: 0000 0000 0000 0000 0000 0000 0000 0000  ................\r\n00000020: 0000 0000 0000 0041                      .......A\r\n',
    ],
    [
      'with colons',
      `${HEX.slice(0, 40).replaceAll(/(..)/g, '$1:')}\n${HEX.slice(40).replaceAll(/(..)(?=.)/g, '$1:')}\n`,
    ],
    ['of xxd -p, as it is', HEX],
  ])('%s becomes hex', (_, text) => expect(hexOfDump(text)).toBe(HEX));

  it('of which a part is repeated, and that begins elsewhere', () => {
    const zeros = '00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|';
    const text = `00000100  ${zeros}\n*\n00000140  41                                                |A|\n00000141\n`;
    expect(hexOfDump(text)).toBe(`${'00'.repeat(64)}41`);
  });

  it('may show what looks like bytes', () => {
    expect(hexOfDump('00000000  34 31 20 34 31 20 7c 20                           |41 41 | |')).toBe(
      '343120343120 7c20'.replace(' ', ''),
    );
    expect(hexOfDump('00000000: 3431 2034 31                             41 41')).toBe('3431203431');
  });

  it.each([
    ['00000000  41  |A|\nnonsense', 'hex: line 2 of the dump is no line of hexdump -C'],
    ['00000000  41  |A|\n00000010  41  |A|', 'hex: line 2 of the dump is at byte 16, and the one before ended at 1'],
    ['00000000: 4141  AA\nnonsense', 'hex: line 2 of the dump is no line of xxd'],
    ['00000000  41  |A|\n*\nf0000000', 'at most 134217728 are read'],
  ])('%j is refused', (text, message) => expect(() => hexOfDump(text)).toThrow(message));
});
