import fc from 'fast-check';
import { expect, it } from 'vitest';
import { unfinishedCharacter } from './unfinished-character.js';

it('is what a text that is cut into pieces lacks at the end of each', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.nat({ max: 6 })), (text, cuts) => {
      const bytes = new TextEncoder().encode(text);
      let tail: Uint8Array = new Uint8Array(0);
      let at = 0;
      for (const length of cuts) {
        tail = unfinishedCharacter(tail, bytes.subarray(at, at + length));
        at = Math.min(at + length, bytes.length);
        // A decoder that begins with the tail reads on as if it had read all.
        const read = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, at - tail.length));
        const rest = new Uint8Array([...tail, ...bytes.subarray(at)]);
        expect(read + new TextDecoder('utf-8', { ignoreBOM: true }).decode(rest)).toBe(text);
      }
    }),
  );
});

it.each([
  [[0x61], []],
  [[0xc3], [0xc3]],
  [
    [0xe2, 0x82],
    [0xe2, 0x82],
  ],
  [
    [0xf0, 0x9f, 0x98],
    [0xf0, 0x9f, 0x98],
  ],
  [[0x80], []],
  [[0xff], []],
  [[0xc3, 0xa4], []],
])('of %j is %j', (body, tail) => {
  expect([...unfinishedCharacter(new Uint8Array(0), new Uint8Array(body))]).toEqual(tail);
});
