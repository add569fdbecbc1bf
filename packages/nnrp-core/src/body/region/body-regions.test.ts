import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import { BODY_REGION_PRELUDE_OFFSETS } from '../../generated/preview3/body-region-prelude.js';
import { SubmitMode } from '../../generated/preview3/enums.js';
import { type BodyContext, type BodyParts, checkBody, decodeBody, encodeBody } from './body-regions.js';

const SUBMIT = { payloadKindBitmap: 3, payloadFrameCount: 2, submitMode: SubmitMode.Mixed, objectRefMask: 2 };
const RESULT = { payloadKindBitmap: 2, payloadFrameCount: 0 };
const token = { profileId: 2, descriptorFlags: 2, schemaId: 4097, schemaVersion: 3, streamSemantics: 2 };
const PARTS = {
  inlineObjects: [{ header: { objectKind: 1, profileId: 1 }, payload: Uint8Array.of(0xc0) }],
  objectReferences: [{ objectKind: 2, cacheNamespace: 7, cacheKeyHi: 1, cacheKeyLo: 2 }],
  typedPayloads: [
    { descriptor: token, payload: Uint8Array.of(1, 2) },
    { descriptor: { ...token, descriptorFlags: 1 }, payload: Uint8Array.of(3) },
  ],
  extensions: [{ descriptor: { extensionKind: 9, extensionFlags: 0, profileId: 0 }, payload: Uint8Array.of(4) }],
} satisfies BodyParts;

const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });

function check(bytes: Uint8Array, context: BodyContext) {
  const fault = checkBody(bytes, context);
  if (fault === undefined) decodeBody(bytes, context);
  else expect(faultOf(() => decodeBody(bytes, context))).toEqual(fault);
  return fault;
}

/** The full body with one prelude field changed. */
function withLength(field: keyof typeof BODY_REGION_PRELUDE_OFFSETS, value: number): Uint8Array {
  const bytes = encodeBody(PARTS, SUBMIT);
  new DataView(bytes.buffer).setUint32(BODY_REGION_PRELUDE_OFFSETS[field], value, true);
  return bytes;
}

describe('region body', () => {
  it('reads every region back, without copying, inside a larger buffer', () => {
    const encoded = encodeBody(PARTS, SUBMIT);
    expect(encoded).toHaveLength(32 + 24 + 16 + 48 + 3 + 16 + 1);
    const chunk = new Uint8Array(encoded.length + 5);
    chunk.set(encoded, 5);
    const body = decodeBody(chunk.subarray(5), SUBMIT);
    expect(body.prelude).toEqual({
      inlineObjectBytes: 24,
      objectReferenceBytes: 16,
      typedPayloadDescriptorBytes: 48,
      typedPayloadFrameBytes: 3,
      extensionDescriptorBytes: 16,
      extensionPayloadBytes: 1,
    });
    expect(body.inlineObjects).toMatchObject(PARTS.inlineObjects);
    expect(body.objectReferences).toEqual(PARTS.objectReferences);
    expect(body.typedPayloads).toMatchObject(PARTS.typedPayloads);
    expect(body.extensions).toMatchObject(PARTS.extensions);
    for (const part of [body.inlineObjects, body.typedPayloads, body.extensions]) {
      expect(part[0]?.payload.buffer).toBe(chunk.buffer);
    }
  });

  it('takes a body that is only the prelude', () => {
    const bytes = encodeBody({}, RESULT);
    expect(bytes).toEqual(new Uint8Array(32));
    expect(decodeBody(bytes, RESULT)).toMatchObject({ inlineObjects: [], objectReferences: [], typedPayloads: [] });
  });

  it('refuses a bad prelude first', () => {
    expect(check(new Uint8Array(31), RESULT)).toEqual({ kind: 'source_too_short', expected: 32, actual: 31 });
    expect(check(withLength('objectReferenceBytes', 17), SUBMIT)).toEqual(rule('PRELUDE-1'));
    const field = 'body_region_prelude.body_flags';
    expect(check(withLength('bodyFlags', 1), SUBMIT)).toEqual({ kind: 'nonzero_reserved_field', field });
  });

  it('refuses lengths whose sum does not fit 32 bits', () => {
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    view.setUint32(BODY_REGION_PRELUDE_OFFSETS.inlineObjectBytes, 0xffffffff, true);
    expect(check(bytes, RESULT)).toEqual(rule('BODY-1'));
    view.setUint32(BODY_REGION_PRELUDE_OFFSETS.extensionPayloadBytes, 1, true);
    expect(check(bytes, RESULT)).toEqual({ kind: 'message_length_overflow' });
  });

  it('refuses lengths that do not add up to the body (BODY-1)', () => {
    const bytes = encodeBody(PARTS, SUBMIT);
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(check(longer, SUBMIT)).toEqual(rule('BODY-1'));
    expect(check(bytes.subarray(0, -1), SUBMIT)).toEqual(rule('BODY-1'));
    expect(check(withLength('extensionPayloadBytes', 2), SUBMIT)).toEqual(rule('BODY-1'));
  });

  it('refuses extension descriptors that are not a multiple of 16 (BODY-2), before the regions', () => {
    const bytes = withLength('extensionDescriptorBytes', 17);
    new DataView(bytes.buffer).setUint32(BODY_REGION_PRELUDE_OFFSETS.extensionPayloadBytes, 0, true);
    bytes[32] = 99;
    expect(check(bytes, SUBMIT)).toEqual(rule('BODY-2'));
  });

  it('reports the faults of the regions in their order', () => {
    const bytes = encodeBody(PARTS, SUBMIT);
    bytes[32 + 24 + 16 + 48 + 3 + 2] = 1;
    expect(check(bytes, SUBMIT)).toEqual(rule('EXT-3'));
    bytes[32 + 24 + 16 + 16] = 1;
    expect(check(bytes, SUBMIT)).toEqual(rule('TPR-5'));
    expect(check(bytes, { ...SUBMIT, payloadFrameCount: 1 })).toEqual(rule('TPR-1'));
    bytes[32 + 24] = 1;
    expect(check(bytes, SUBMIT)).toEqual(rule('OBJREF-6'));
    bytes[32 + 16 + 7] = 1;
    expect(check(bytes, SUBMIT)).toEqual(rule('INLINE-2'));
  });

  it('knows the slots only of a submit', () => {
    const bytes = encodeBody({ objectReferences: PARTS.objectReferences }, RESULT);
    const submit = { ...RESULT, submitMode: SubmitMode.Mixed };
    expect(check(bytes, { ...submit, objectRefMask: 2 })).toBeUndefined();
    expect(check(bytes, { ...submit, objectRefMask: 6 })).toEqual(rule('OBJREF-7'));
    expect(check(bytes, { ...submit, submitMode: SubmitMode.Inline, objectRefMask: 2 })).toEqual(rule('OBJREF-2'));
  });

  it('does not build what it would refuse', () => {
    expect(faultOf(() => encodeBody(PARTS, { ...SUBMIT, objectRefMask: 3 }))).toEqual(rule('OBJREF-7'));
    expect(faultOf(() => encodeBody(PARTS, { ...SUBMIT, payloadFrameCount: 3 }))).toEqual(rule('TPR-1'));
    const twice = { ...PARTS, inlineObjects: [...PARTS.inlineObjects, ...PARTS.inlineObjects] };
    expect(faultOf(() => encodeBody(twice, SUBMIT))).toEqual(rule('INLINE-3'));
  });

  it.each(['inlineObjects', 'objectReferences', 'extensions'] as const)('bounds %s at 65535', (part) => {
    const none = { ...RESULT, payloadKindBitmap: 0 };
    const item = { ...PARTS[part][0], payload: new Uint8Array(0) };
    const most = encodeBody({ [part]: new Array(65535).fill(item) }, none);
    expect(decodeBody(most, none)[part]).toHaveLength(65535);
    const fault = { kind: 'too_many_items', limit: 65535, actual: 65536 };
    expect(faultOf(() => encodeBody({ [part]: new Array(65536).fill(item) }, none))).toEqual(fault);

    const offsets = { inlineObjects: 0, objectReferences: 4, extensions: 16 };
    const longer = new Uint8Array(most.length + 16);
    longer.set(most);
    new DataView(longer.buffer).setUint32(offsets[part], 65536 * 16, true);
    expect(check(longer, none)).toEqual(fault);
  });

  it('refuses counts that the metadata cannot hold', () => {
    const context = { ...SUBMIT, payloadKindBitmap: 2 ** 32 + 3 };
    const fault = { kind: 'field_out_of_range', field: 'payload_kind_bitmap', type: 'u32', value: '4294967299' };
    expect(check(encodeBody(PARTS, SUBMIT), context)).toEqual(fault);
    expect(faultOf(() => encodeBody(PARTS, context))).toEqual(fault);
  });

  it('refuses a body over 32 bits before it allocates, although no region is', () => {
    const big = new Uint8Array(2 ** 26);
    const typedPayloads = new Array(63).fill({ descriptor: token, payload: big });
    const extensions = [{ ...PARTS.extensions[0]!, payload: big }];
    const context = { payloadKindBitmap: 2, payloadFrameCount: 63 };
    expect(faultOf(() => encodeBody({ typedPayloads, extensions }, context))).toEqual({
      kind: 'message_length_overflow',
    });
  });
});
