import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import { type CacheObjectKind, SubmitMode } from '../../generated/preview3/enums.js';
import { encodeErrorMessage } from '../../generated/preview3/error-message.js';
import type { ObjectReferenceBlock } from '../../generated/preview3/object-reference-block.js';
import {
  checkObjectReferences,
  decodeObjectReferences,
  encodeObjectReferences,
  resolveObjectReferences,
} from './object-references.js';

const block = (objectKind: number, key = 1): ObjectReferenceBlock => ({
  objectKind: objectKind as CacheObjectKind,
  cacheNamespace: 7,
  cacheKeyHi: 0x11223344,
  cacheKeyLo: key,
});
const mixed = (objectRefMask: number) => ({ submitMode: SubmitMode.Mixed, objectRefMask });
const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });

/** The fault of these kinds under this submit, which must be the same for check, decode and encode. */
function check(kinds: readonly number[], submit?: { submitMode: SubmitMode; objectRefMask: number }) {
  const blocks = kinds.map((kind) => block(kind));
  const bytes = encodeObjectReferences(blocks);
  const fault = checkObjectReferences(bytes, submit);
  if (fault === undefined) {
    expect(decodeObjectReferences(bytes, submit)).toEqual(blocks);
    expect(encodeObjectReferences(blocks, submit)).toEqual(bytes);
  } else {
    expect(faultOf(() => decodeObjectReferences(bytes, submit))).toEqual(fault);
    expect(faultOf(() => encodeObjectReferences(blocks, submit))).toEqual(fault);
  }
  return fault;
}

describe('object-reference region', () => {
  it('refuses a length that is not a multiple of 16 (OBJREF-1)', () => {
    expect(checkObjectReferences(new Uint8Array(17))).toEqual(rule('OBJREF-1'));
    expect(checkObjectReferences(new Uint8Array(15))).toEqual(rule('OBJREF-1'));
    expect(checkObjectReferences(new Uint8Array(0))).toBeUndefined();
  });

  it('refuses a bad block before the rules of the submit', () => {
    const bytes = encodeObjectReferences([block(1), block(2)]);
    bytes[16 + 2] = 1;
    const field = 'object_reference.ref_flags';
    expect(checkObjectReferences(bytes, mixed(0x10))).toEqual({ kind: 'nonzero_reserved_field', field });
    bytes[16 + 2] = 0;
    bytes[16] = 10;
    const unknown = { kind: 'unknown_enum_value', enum: 'cache_object_kind', value: 10 };
    expect(checkObjectReferences(bytes)).toEqual(unknown);
    expect(faultOf(() => encodeObjectReferences([block(10)]))).toEqual(unknown);
  });

  it('refuses unknown mask bits before the mode', () => {
    const submit = { submitMode: SubmitMode.Inline, objectRefMask: 0x10 };
    expect(check([], submit)).toEqual({ kind: 'reserved_bits_set', value: 0x10, allowed: 0x0f });
  });

  it('refuses a mask in inline mode (OBJREF-2)', () => {
    expect(check([1], { submitMode: SubmitMode.Inline, objectRefMask: 1 })).toEqual(rule('OBJREF-2'));
    expect(check([], { submitMode: SubmitMode.Inline, objectRefMask: 0 })).toBeUndefined();
  });

  it('refuses an empty mask in the other modes (OBJREF-3)', () => {
    expect(check([], mixed(0))).toEqual(rule('OBJREF-3'));
    expect(check([], { submitMode: SubmitMode.Reference, objectRefMask: 0 })).toEqual(rule('OBJREF-3'));
    expect(check([1], { submitMode: SubmitMode.Reference, objectRefMask: 1 })).toBeUndefined();
  });

  it('refuses slots out of order (OBJREF-4), a repeat among them too', () => {
    expect(check([2, 1], mixed(3))).toEqual(rule('OBJREF-4'));
    expect(check([6, 3], mixed(12))).toEqual(rule('OBJREF-4'));
    expect(check([1, 2, 1], mixed(3))).toEqual(rule('OBJREF-4'));
    expect(check([1, 2, 3, 6], mixed(15))).toBeUndefined();
  });

  it('refuses a slot twice (OBJREF-5)', () => {
    expect(check([1, 1], mixed(1))).toEqual(rule('OBJREF-5'));
  });

  it('refuses a slot whose bit is clear (OBJREF-6), and in inline mode every slot', () => {
    expect(check([1, 2], mixed(1))).toEqual(rule('OBJREF-6'));
    expect(check([1], { submitMode: SubmitMode.Inline, objectRefMask: 0 })).toEqual(rule('OBJREF-6'));
  });

  it('refuses a bit without a slot (OBJREF-7)', () => {
    expect(check([1], mixed(3))).toEqual(rule('OBJREF-7'));
    expect(check([], mixed(8))).toEqual(rule('OBJREF-7'));
  });

  it('skips kinds without a slot', () => {
    expect(check([9, 1, 4, 2, 5, 7, 8], mixed(3))).toBeUndefined();
    expect(check([7], { submitMode: SubmitMode.Inline, objectRefMask: 0 })).toBeUndefined();
  });

  it('takes 65535 blocks and refuses one more, before it looks at any', () => {
    const blocks = new Array<ObjectReferenceBlock>(65536).fill(block(9));
    const most = encodeObjectReferences(blocks.slice(1));
    expect(decodeObjectReferences(most)).toHaveLength(65535);
    const tooMany = { kind: 'too_many_items', limit: 65535, actual: 65536 };
    const longer = new Uint8Array(most.length + 16);
    expect(checkObjectReferences(longer)).toEqual(tooMany);
    expect(faultOf(() => decodeObjectReferences(longer))).toEqual(tooMany);
    expect(faultOf(() => encodeObjectReferences(blocks))).toEqual(tooMany);
    expect(checkObjectReferences(new Uint8Array(2 ** 24))).toEqual({ ...tooMany, actual: 2 ** 20 });
  });

  it('checks only the blocks without a submit', () => {
    expect(check([5, 4, 1, 1])).toBeUndefined();
  });
});

describe('resolving object references', () => {
  const related = { sessionId: 42, frameId: 7, viewId: 3 };

  it('returns an object for each block', () => {
    const outcome = resolveObjectReferences([block(1, 5), block(2, 6)], (b) => b.cacheKeyLo * 10, related);
    expect(outcome).toEqual({ outcome: 'resolved', objects: [50, 60] });
    expect(resolveObjectReferences([], () => undefined, related)).toEqual({ outcome: 'resolved', objects: [] });
  });

  it('takes a falsy object for an object', () => {
    expect(resolveObjectReferences([block(1)], () => 0, related)).toEqual({ outcome: 'resolved', objects: [0] });
  });

  it('stops at the first absent block with OBJREF-8 and the ERROR that tells the peer', () => {
    const asked: number[] = [];
    const outcome = resolveObjectReferences(
      [block(1, 1), block(2, 2), block(3, 3)],
      (b) => {
        asked.push(b.cacheKeyLo);
        return b.cacheKeyLo === 2 ? undefined : b;
      },
      related,
    );
    expect(asked).toEqual([1, 2]);
    if (outcome.outcome !== 'unresolved') throw new Error('resolved');
    expect(outcome.block).toEqual(block(2, 2));
    expect(outcome.fault).toEqual(rule('OBJREF-8'));
    expect(outcome.error).toEqual({
      errorCode: 0x00030001,
      errorScope: 2,
      isFatal: 0,
      retryAfterMs: 0,
      relatedSessionId: 42,
      relatedFrameId: 7,
      relatedViewId: 3,
      diagnosticBytes: 0,
    });
    expect(encodeErrorMessage(outcome.error, new DataView(new ArrayBuffer(32)))).toBe(32);
  });
});
