import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import {
  type ControlExtension,
  checkControlExtensions,
  controlExtensionBytes,
  decodeControlExtensions,
  encodeControlExtensions,
} from './control-extensions.js';

const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
const extension = (type: number, critical: boolean, ...payload: number[]): ControlExtension => ({
  type,
  critical,
  payload: Uint8Array.from(payload),
});
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** What the check finds; decoding has to agree. */
function check(bytes: Uint8Array) {
  const fault = checkControlExtensions(bytes);
  if (fault === undefined) decodeControlExtensions(bytes);
  else expect(faultOf(() => decodeControlExtensions(bytes))).toEqual(fault);
  return fault;
}

describe('control extension block', () => {
  it('is a head of 8 bytes, the payload, and zeros up to a multiple of 8, for each entry', () => {
    const extensions = [
      extension(0x0101, true, 1, 2, 3),
      extension(0xffff, false),
      extension(2, false, 1, 2, 3, 4, 5, 6, 7, 8),
    ];
    const bytes = encodeControlExtensions(extensions);
    expect(bytes).toEqual(
      hex('0101 0100 03000000 010203 0000000000 ffff 0000 00000000 0200 0000 08000000 0102030405060708'),
    );
    expect(decodeControlExtensions(bytes)).toEqual(extensions);
    expect(controlExtensionBytes(extensions)).toBe(bytes.length);
  });

  it('may be empty', () => {
    expect([check(new Uint8Array(0)), decodeControlExtensions(new Uint8Array(0))]).toEqual([undefined, []]);
    expect(encodeControlExtensions([])).toEqual(new Uint8Array(0));
  });

  it('reads payloads in place, wherever the block lies in its buffer', () => {
    const block = encodeControlExtensions([extension(7, false, 9, 8)]);
    const bytes = new Uint8Array(3 + block.length);
    bytes.set(block, 3);
    const [entry] = decodeControlExtensions(bytes.subarray(3));
    expect(entry?.payload).toEqual(Uint8Array.of(9, 8));
    expect(entry?.payload.buffer).toBe(bytes.buffer);
  });

  it('refuses an entry that is cut off anywhere (TLV-1)', () => {
    const bytes = encodeControlExtensions([extension(1, false, 1), extension(2, false, 1, 2, 3)]);
    for (let length = 1; length < bytes.length; length++) {
      expect(check(bytes.subarray(0, length))).toEqual(length === 16 ? undefined : rule('TLV-1'));
    }
  });

  it('refuses lengths near 4 GiB without wrapping', () => {
    expect(check(hex('0100 0000 ffffffff'))).toEqual(rule('TLV-1'));
    expect(check(hex('0100 0000 f8ffffff'))).toEqual(rule('TLV-1'));
  });

  it('refuses padding that is not zero (TLV-2)', () => {
    for (let at = 11; at < 16; at++) {
      const bytes = encodeControlExtensions([extension(1, false, 1, 2, 3)]);
      bytes[at] = 1;
      expect(check(bytes)).toEqual(rule('TLV-2'));
    }
  });

  it('refuses flags that are not assigned', () => {
    const bytes = encodeControlExtensions([extension(1, true)]);
    bytes[3] = 0x80;
    expect(check(bytes)).toEqual({ kind: 'reserved_bits_set', value: 0x8001, allowed: 1 });
  });

  it('takes 64 entries and refuses one more, before it looks at it', () => {
    const many = new Array<ControlExtension>(65).fill(extension(1, false));
    const tooMany = { kind: 'too_many_items', limit: 64, actual: 65 };
    const most = encodeControlExtensions(many.slice(1));
    expect(check(most)).toBeUndefined();
    expect(check(Uint8Array.of(...most, 1))).toEqual(tooMany);
    expect(faultOf(() => encodeControlExtensions(many))).toEqual(tooMany);
    expect(faultOf(() => controlExtensionBytes(many))).toEqual(tooMany);
  });

  it('refuses to write a type that is no u16, and more than 32 bits of payload', () => {
    for (const type of [-1, 0x10000, 0.5]) {
      const expected = { kind: 'field_out_of_range', field: 'ext_type', type: 'u16', value: String(type) };
      expect(faultOf(() => encodeControlExtensions([extension(type, false)]))).toEqual(expected);
    }
    const big = { ...extension(1, false), payload: new Uint8Array(2 ** 27) };
    expect(faultOf(() => encodeControlExtensions(new Array(32).fill(big)))).toEqual({
      kind: 'message_length_overflow',
    });
  });
});
