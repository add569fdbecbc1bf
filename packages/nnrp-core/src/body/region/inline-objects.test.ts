import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import { type CacheObjectKind, SubmitMode } from '../../generated/preview3/enums.js';
import {
  checkInlineObjects,
  decodeInlineObjects,
  encodeInlineObjects,
  type InlineObjectInput,
} from './inline-objects.js';

const object = (objectKind: number, ...payload: number[]): InlineObjectInput => ({
  header: { objectKind: objectKind as CacheObjectKind, profileId: 1 },
  payload: Uint8Array.from(payload),
});
const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
const SUBMIT = { submitMode: SubmitMode.Inline, objectRefMask: 0 };

function check(bytes: Uint8Array) {
  const fault = checkInlineObjects(bytes);
  if (fault !== undefined) expect(faultOf(() => decodeInlineObjects(bytes))).toEqual(fault);
  return fault;
}

describe('inline-object region', () => {
  it.each([
    [0, 16],
    [1, 24],
    [7, 24],
    [8, 24],
    [9, 32],
  ])('pads an object of %i bytes to a region of %i', (length, expected) => {
    const bytes = encodeInlineObjects([object(1, ...new Array<number>(length).fill(0xaa))]);
    expect(bytes).toHaveLength(expected);
    expect(decodeInlineObjects(bytes)[0]?.header.objectBytes).toBe(length);
  });

  it('reads several objects back without copying', () => {
    const bytes = encodeInlineObjects([object(1, 1, 2, 3), object(2), object(9, 4)]);
    const objects = decodeInlineObjects(bytes);
    expect(objects.map(({ header, payload }) => [header.objectKind, header.profileId, ...payload])).toEqual([
      [1, 1, 1, 2, 3],
      [2, 1],
      [9, 1, 4],
    ]);
    expect(objects[0]?.payload.buffer).toBe(bytes.buffer);
    expect(decodeInlineObjects(new Uint8Array(0))).toEqual([]);
  });

  it('refuses a header, an object or a padding that is cut off (INLINE-1)', () => {
    const bytes = encodeInlineObjects([object(1, 1, 2, 3)]);
    for (const length of [1, 15, 16, 18, 19, 23]) expect(check(bytes.subarray(0, length))).toEqual(rule('INLINE-1'));
    expect(check(bytes)).toBeUndefined();
    new DataView(bytes.buffer).setUint32(8, 0xffffffff, true);
    expect(check(bytes)).toEqual(rule('INLINE-1'));
  });

  it('refuses padding that is not zero (INLINE-2)', () => {
    for (const at of [19, 23]) {
      const bytes = encodeInlineObjects([object(1, 1, 2, 3)]);
      bytes[at] = 1;
      expect(check(bytes)).toEqual(rule('INLINE-2'));
    }
  });

  it('refuses a bad header', () => {
    const reserved = encodeInlineObjects([object(1)]);
    reserved[12] = 1;
    expect(check(reserved)).toEqual({ kind: 'nonzero_reserved_field', field: 'inline_object.reserved1' });
    const kind = { kind: 'unknown_enum_value', enum: 'cache_object_kind', value: 10 };
    expect(faultOf(() => encodeInlineObjects([object(10)]))).toEqual(kind);
  });

  it('refuses the slots of a submit out of order or twice (INLINE-3)', () => {
    for (const kinds of [
      [2, 1],
      [6, 3],
      [1, 1],
    ]) {
      const objects = kinds.map((kind) => object(kind));
      expect(checkInlineObjects(encodeInlineObjects(objects), SUBMIT)).toEqual(rule('INLINE-3'));
      expect(faultOf(() => encodeInlineObjects(objects, SUBMIT))).toEqual(rule('INLINE-3'));
      expect(checkInlineObjects(encodeInlineObjects(objects))).toBeUndefined();
    }
    const inOrder = [9, 1, 7, 2, 7, 3, 6, 4].map((kind) => object(kind));
    expect(decodeInlineObjects(encodeInlineObjects(inOrder, SUBMIT), SUBMIT)).toHaveLength(8);
  });

  it('takes 65535 objects and refuses one more, before it looks at it', () => {
    const most = encodeInlineObjects(new Array<InlineObjectInput>(65535).fill(object(9)));
    expect(decodeInlineObjects(most)).toHaveLength(65535);
    const tooMany = { kind: 'too_many_items', limit: 65535, actual: 65536 };
    const longer = new Uint8Array(most.length + 1);
    longer.set(most);
    expect(check(longer)).toEqual(tooMany);
    expect(faultOf(() => encodeInlineObjects(new Array<InlineObjectInput>(65536).fill(object(9))))).toEqual(tooMany);
  });

  it('refuses a region of a million empty objects', () => {
    const bytes = new Uint8Array(2 ** 24);
    for (let at = 0; at < bytes.length; at += 16) bytes[at] = 9;
    expect(check(bytes)).toEqual({ kind: 'too_many_items', limit: 65535, actual: 65536 });
  });

  it('refuses more than 32 bits before it allocates', () => {
    const big = { ...object(1), payload: new Uint8Array(2 ** 26) };
    const objects = new Array<InlineObjectInput>(64).fill(big);
    expect(faultOf(() => encodeInlineObjects(objects))).toEqual({ kind: 'message_length_overflow' });
  });
});
