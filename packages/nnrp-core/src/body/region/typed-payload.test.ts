import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import {
  encodeTypedPayloadDescriptor,
  type TypedPayloadDescriptor,
} from '../../generated/preview3/typed-payload-descriptor.js';
import {
  checkTypedPayloads,
  decodeTypedPayloads,
  encodeTypedPayloads,
  type TypedPayloadInput,
} from './typed-payload.js';

const TOKENS = 0x02;
const TENSOR = 0x01;
const OPAQUE = 0x40;

function descriptor(over: Partial<TypedPayloadDescriptor> = {}): TypedPayloadDescriptor {
  const base = { profileId: 2, descriptorFlags: 2, schemaId: 4097, schemaVersion: 3, streamSemantics: 2 };
  return { ...base, offset: 0, length: 0, ...over };
}

/** A region written field by field, so that it can break any rule. */
function region(descriptors: readonly Partial<TypedPayloadDescriptor>[], frames: Uint8Array | number): Uint8Array {
  const frameBytes = typeof frames === 'number' ? new Uint8Array(frames) : frames;
  const bytes = new Uint8Array(descriptors.length * 24 + frameBytes.length);
  const view = new DataView(bytes.buffer);
  descriptors.forEach((fields, index) => {
    encodeTypedPayloadDescriptor(descriptor(fields), view, index * 24);
  });
  bytes.set(frameBytes, descriptors.length * 24);
  return bytes;
}

function check(bytes: Uint8Array, payloadFrameCount: number, payloadKindBitmap = TOKENS, descriptorBytes?: number) {
  const context = { payloadKindBitmap, payloadFrameCount, descriptorBytes: descriptorBytes ?? payloadFrameCount * 24 };
  const fault = checkTypedPayloads(bytes, context);
  // The throwing form must never disagree with the silent one.
  if (fault === undefined) expect(decodeTypedPayloads(bytes, context)).toHaveLength(payloadFrameCount);
  else expect(faultOf(() => decodeTypedPayloads(bytes, context))).toEqual(fault);
  return fault;
}

const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
const input = (payload: Uint8Array, over: Partial<TypedPayloadDescriptor> = {}): TypedPayloadInput => {
  const { offset: _offset, length: _length, ...fields } = descriptor(over);
  return { descriptor: fields, payload };
};

describe('typed payload region', () => {
  it('refuses unknown kind bits before anything else', () => {
    expect(check(new Uint8Array(1), 9, 0x80)).toEqual({ kind: 'reserved_bits_set', value: 0x80, allowed: 0x7f });
    expect(check(region([{}], 0), 1, 0x7f)).toBeUndefined();
  });

  it.each([
    ['payloadKindBitmap', 'payload_kind_bitmap', 'u32', 2 ** 32],
    ['payloadFrameCount', 'payload_frame_count', 'u16', 2 ** 16],
    ['descriptorBytes', 'typed_payload_descriptor_bytes', 'u32', 2 ** 32],
  ])('refuses a %s that its field cannot hold, before anything else', (property, field, type, tooLarge) => {
    const context = { payloadKindBitmap: 0x80, payloadFrameCount: 9, descriptorBytes: 1 };
    for (const value of [tooLarge, -1, -(2 ** 32), 0.5, Number.NaN]) {
      const unfit = { ...context, [property]: value };
      const fault = { kind: 'field_out_of_range', field, type, value: String(value) };
      expect(checkTypedPayloads(new Uint8Array(1), unfit)).toEqual(fault);
      expect(faultOf(() => decodeTypedPayloads(new Uint8Array(1), unfit))).toEqual(fault);
    }
    expect(checkTypedPayloads(new Uint8Array(1), { ...context, [property]: tooLarge - 1 })).toMatchObject({
      kind: 'reserved_bits_set',
    });
  });

  it('refuses a descriptor length that does not fit the count (TPR-1)', () => {
    expect(check(region([{}], 0), 1, TOKENS, 23)).toEqual(rule('TPR-1'));
    expect(check(region([{}], 0), 1, TOKENS, 25)).toEqual(rule('TPR-1'));
    expect(check(region([{}], 0), 0, TOKENS, 24)).toEqual(rule('TPR-1'));
    expect(check(region([{}], 0), 1)).toBeUndefined();
  });

  it('refuses frames without a count (TPR-2) and takes an empty region', () => {
    expect(check(new Uint8Array(1), 0)).toEqual(rule('TPR-2'));
    expect(check(new Uint8Array(0), 0, 0)).toBeUndefined();
  });

  it('refuses a region shorter than its descriptors', () => {
    expect(check(new Uint8Array(23), 1)).toEqual({ kind: 'source_too_short', expected: 24, actual: 23 });
  });

  it('checks every descriptor before the rules between them', () => {
    const bytes = region([{ profileId: 1, length: 1 }, { offset: 1 }], 1);
    bytes[24 + 14] = 1;
    expect(check(bytes, 2)).toEqual({ kind: 'nonzero_reserved_field', field: 'typed_payload_descriptor.reserved0' });
    bytes[24 + 14] = 0;
    bytes[24 + 2] = 0x10;
    expect(check(bytes, 2)).toEqual({ kind: 'reserved_bits_set', value: 0x10, allowed: 0x0f });
  });

  it('refuses the tensor profile beside another kind (TPR-3)', () => {
    expect(check(region([{ profileId: 1 }], 0), 1, TENSOR | TOKENS)).toEqual(rule('TPR-3'));
    expect(check(region([{ profileId: 1 }], 0), 1, TOKENS)).toEqual(rule('TPR-3'));
    expect(check(region([{ profileId: 1 }], 0), 1, TENSOR)).toBeUndefined();
    expect(check(region([{ profileId: 1 }], 0), 1, 0)).toBeUndefined();
  });

  it('refuses another profile where only tokens are declared (TPR-4)', () => {
    expect(check(region([{ profileId: 0 }], 0), 1)).toEqual(rule('TPR-4'));
    expect(check(region([{ profileId: 9 }], 0), 1)).toEqual(rule('TPR-4'));
    expect(check(region([{ profileId: 9 }], 0), 1, TOKENS | OPAQUE)).toBeUndefined();
  });

  it('refuses gaps, overlaps and a first frame that does not start at 0 (TPR-5)', () => {
    expect(check(region([{ offset: 1, length: 1 }], 2), 1)).toEqual(rule('TPR-5'));
    expect(check(region([{ length: 2 }, { offset: 1, length: 1 }], 3), 2)).toEqual(rule('TPR-5'));
    expect(check(region([{ length: 1 }, { offset: 2, length: 1 }], 3), 2)).toEqual(rule('TPR-5'));
    expect(check(region([{ length: 2 }, { offset: 2, length: 1 }], 3), 2)).toBeUndefined();
  });

  it('refuses an end beyond 32 bits before one beyond the region (TPR-6)', () => {
    const huge = { offset: 1, length: 0xffffffff };
    expect(check(region([{ length: 1 }, huge], 1), 2)).toEqual({ kind: 'message_length_overflow' });
    expect(check(region([{ length: 1 }, { offset: 1, length: 0xfffffffe }], 1), 2)).toEqual(rule('TPR-6'));
    expect(check(region([{ length: 2 }], 1), 1)).toEqual(rule('TPR-6'));
  });

  it('refuses bytes that belong to no frame (TPR-7)', () => {
    expect(check(region([{ length: 1 }], 2), 1)).toEqual(rule('TPR-7'));
    expect(check(region([{ length: 2 }], 2), 1)).toBeUndefined();
  });

  it('decodes without copying, also inside a larger buffer', () => {
    const bytes = region([{ length: 2 }, { offset: 2, length: 3 }], new TextEncoder().encode('hello'));
    const chunk = new Uint8Array(bytes.length + 7);
    chunk.set(bytes, 7);
    const frames = decodeTypedPayloads(chunk.subarray(7), {
      payloadKindBitmap: TOKENS,
      payloadFrameCount: 2,
      descriptorBytes: 48,
    });
    expect(frames.map((frame) => new TextDecoder().decode(frame.payload))).toEqual(['he', 'llo']);
    expect(frames[1]?.payload.buffer).toBe(chunk.buffer);
    expect(frames[1]?.descriptor.offset).toBe(2);
  });
});

describe('building a typed payload region', () => {
  const tokens = (payloadFrameCount: number) => ({ payloadKindBitmap: TOKENS, payloadFrameCount });

  it('computes offsets and lengths and is read back', () => {
    const payloads = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)];
    const bytes = encodeTypedPayloads(
      payloads.map((payload) => input(payload)),
      tokens(3),
    );
    const frames = decodeTypedPayloads(bytes, { ...tokens(3), descriptorBytes: 72 });
    expect(frames.map(({ descriptor: { offset, length } }) => [offset, length])).toEqual([
      [0, 2],
      [2, 0],
      [2, 1],
    ]);
    expect(frames.map((frame) => [...frame.payload])).toEqual([[1, 2], [], [3]]);
  });

  it('refuses what the reader would refuse', () => {
    const one = Uint8Array.of(1);
    expect(faultOf(() => encodeTypedPayloads([input(one)], { payloadKindBitmap: 0x80, payloadFrameCount: 1 }))).toEqual(
      {
        kind: 'reserved_bits_set',
        value: 0x80,
        allowed: 0x7f,
      },
    );
    expect(faultOf(() => encodeTypedPayloads([input(one)], tokens(2)))).toEqual(rule('TPR-1'));
    expect(faultOf(() => encodeTypedPayloads([input(one)], tokens(0)))).toEqual(rule('TPR-1'));
    expect(faultOf(() => encodeTypedPayloads([input(one, { profileId: 1 })], tokens(1)))).toEqual(rule('TPR-3'));
    expect(faultOf(() => encodeTypedPayloads([input(one, { profileId: 0 })], tokens(1)))).toEqual(rule('TPR-4'));
    expect(faultOf(() => encodeTypedPayloads([input(one, { descriptorFlags: 0x10 })], tokens(1)))).toEqual({
      kind: 'reserved_bits_set',
      value: 0x10,
      allowed: 0x0f,
    });
  });

  it('refuses kinds that the bitmap cannot hold', () => {
    for (const payloadKindBitmap of [2 ** 32 + TOKENS, -1, 0.5]) {
      const context = { payloadKindBitmap, payloadFrameCount: 1 };
      expect(faultOf(() => encodeTypedPayloads([input(Uint8Array.of(1))], context))).toEqual({
        kind: 'field_out_of_range',
        field: 'payload_kind_bitmap',
        type: 'u32',
        value: String(payloadKindBitmap),
      });
    }
  });

  it('refuses more frames than the count can hold', () => {
    const frames = new Array<TypedPayloadInput>(65536).fill(input(new Uint8Array(0)));
    expect(faultOf(() => encodeTypedPayloads(frames, tokens(65536)))).toEqual({
      kind: 'field_out_of_range',
      field: 'payload_frame_count',
      type: 'u16',
      value: '65536',
    });
    expect(encodeTypedPayloads(frames.slice(1), tokens(65535))).toHaveLength(65535 * 24);
  });

  it('refuses more than 32 bits of payload before it allocates', () => {
    const big = new Uint8Array(2 ** 26);
    const frames = new Array<TypedPayloadInput>(64).fill(input(big));
    expect(faultOf(() => encodeTypedPayloads(frames, tokens(64)))).toEqual({ kind: 'message_length_overflow' });
  });
});
