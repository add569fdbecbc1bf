import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import {
  type ExtensionFrameDescriptor,
  encodeExtensionFrameDescriptor,
} from '../../generated/preview3/extension-frame-descriptor.js';
import {
  checkExtensionFrames,
  decodeExtensionFrames,
  type ExtensionFrameInput,
  encodeExtensionFrames,
} from './extension-frames.js';

const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });

/** Regions written field by field, so that they can break any rule. */
function regions(descriptors: readonly Partial<ExtensionFrameDescriptor>[], payloadBytes: number): Uint8Array {
  const bytes = new Uint8Array(descriptors.length * 16 + payloadBytes);
  const base = { extensionKind: 5, extensionFlags: 0, profileId: 0, payloadOffset: 0, payloadLength: 0 };
  descriptors.forEach((fields, index) => {
    encodeExtensionFrameDescriptor({ ...base, ...fields }, new DataView(bytes.buffer), index * 16);
  });
  return bytes;
}

function check(descriptors: readonly Partial<ExtensionFrameDescriptor>[], payloadBytes: number) {
  const bytes = regions(descriptors, payloadBytes);
  const fault = checkExtensionFrames(bytes, descriptors.length * 16);
  if (fault === undefined) {
    expect(decodeExtensionFrames(bytes, descriptors.length * 16)).toHaveLength(descriptors.length);
  } else expect(faultOf(() => decodeExtensionFrames(bytes, descriptors.length * 16))).toEqual(fault);
  return fault;
}

const frame = (extensionKind: number, extensionFlags: number, ...payload: number[]): ExtensionFrameInput => ({
  descriptor: { extensionKind, extensionFlags, profileId: 2 },
  payload: Uint8Array.from(payload),
});

describe('extension regions', () => {
  it('refuses descriptors that are not a multiple of 16 (BODY-2)', () => {
    expect(checkExtensionFrames(new Uint8Array(8), 8)).toEqual(rule('BODY-2'));
    expect(checkExtensionFrames(new Uint8Array(0), 0)).toBeUndefined();
  });

  it('refuses fewer bytes than the descriptors take', () => {
    const expected = { kind: 'source_too_short', expected: 16, actual: 15 };
    expect(checkExtensionFrames(new Uint8Array(15), 16)).toEqual(expected);
  });

  it('refuses a bad descriptor before the rules between them', () => {
    const bytes = regions([{ payloadOffset: 9 }, {}], 0);
    bytes[16 + 2] = 2;
    expect(checkExtensionFrames(bytes, 32)).toEqual({ kind: 'reserved_bits_set', value: 2, allowed: 1 });
    bytes[16 + 6] = 1;
    const field = 'extension_frame.reserved0';
    expect(checkExtensionFrames(bytes, 32)).toEqual({ kind: 'nonzero_reserved_field', field });
  });

  it('refuses frames that overlap or go back (EXT-1), and takes gaps', () => {
    const first = { payloadOffset: 1, payloadLength: 2 };
    expect(check([first, { payloadOffset: 2, payloadLength: 1 }], 4)).toEqual(rule('EXT-1'));
    expect(check([first, { payloadOffset: 0, payloadLength: 1 }], 4)).toEqual(rule('EXT-1'));
    expect(check([first, { payloadOffset: 3, payloadLength: 1 }], 4)).toBeUndefined();
    expect(check([first, { payloadOffset: 4 }], 5)).toBeUndefined();
  });

  it('refuses an end beyond 32 bits before one beyond the region (EXT-2)', () => {
    expect(check([{ payloadOffset: 1, payloadLength: 0xffffffff }], 4)).toEqual({ kind: 'message_length_overflow' });
    expect(check([{ payloadOffset: 1, payloadLength: 0xfffffffe }], 4)).toEqual(rule('EXT-2'));
    expect(check([{ payloadOffset: 1, payloadLength: 4 }], 4)).toEqual(rule('EXT-2'));
    expect(check([{ payloadOffset: 1, payloadLength: 3 }], 4)).toBeUndefined();
  });

  it('refuses a critical frame (EXT-3) and reports the others', () => {
    expect(check([{}, { extensionFlags: 1 }], 0)).toEqual(rule('EXT-3'));
    expect(faultOf(() => encodeExtensionFrames([frame(1, 1)]))).toEqual(rule('EXT-3'));
  });

  it('writes frames back to back and reads them without copying', () => {
    const bytes = encodeExtensionFrames([frame(1, 0, 1, 2), frame(0xffff, 0), frame(2, 0, 3)]);
    const frames = decodeExtensionFrames(bytes, 48);
    expect(
      frames.map(({ descriptor, payload }) => [descriptor.extensionKind, descriptor.payloadOffset, ...payload]),
    ).toEqual([
      [1, 0, 1, 2],
      [0xffff, 2],
      [2, 2, 3],
    ]);
    expect(frames[0]?.payload.buffer).toBe(bytes.buffer);
  });

  it('refuses a length of descriptors that is no 32-bit length', () => {
    for (const descriptorBytes of [-16, -1, 0.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY]) {
      const value = String(descriptorBytes);
      const expected = { kind: 'field_out_of_range', field: 'extension_descriptor_bytes', type: 'u32', value };
      expect(checkExtensionFrames(new Uint8Array(16), descriptorBytes)).toEqual(expected);
      expect(faultOf(() => decodeExtensionFrames(new Uint8Array(16), descriptorBytes))).toEqual(expected);
    }
    const short = { kind: 'source_too_short', expected: 0xfffffff0, actual: 16 };
    expect(checkExtensionFrames(new Uint8Array(16), 0xfffffff0)).toEqual(short);
  });

  it('takes 65535 frames and refuses one more, before it looks at any', () => {
    const frames = new Array<ExtensionFrameInput>(65536).fill(frame(1, 0));
    const most = encodeExtensionFrames(frames.slice(1));
    expect(decodeExtensionFrames(most, most.length)).toHaveLength(65535);
    const tooMany = { kind: 'too_many_items', limit: 65535, actual: 65536 };
    const longer = new Uint8Array(most.length + 16).fill(0xff);
    expect(checkExtensionFrames(longer, longer.length)).toEqual(tooMany);
    expect(faultOf(() => decodeExtensionFrames(longer, longer.length))).toEqual(tooMany);
    expect(faultOf(() => encodeExtensionFrames(frames))).toEqual(tooMany);
  });

  it('refuses more than 32 bits of payload before it allocates', () => {
    const big = { ...frame(1, 0), payload: new Uint8Array(2 ** 26) };
    const frames = new Array<ExtensionFrameInput>(64).fill(big);
    expect(faultOf(() => encodeExtensionFrames(frames))).toEqual({ kind: 'message_length_overflow' });
  });
});
