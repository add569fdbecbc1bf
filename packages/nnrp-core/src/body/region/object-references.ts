import { viewOf } from '../../bytes/view-of.js';
import { faultAt, type WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import { CacheErrorCode, ErrorScope, SubmitMode } from '../../generated/preview3/enums.js';
import type { ErrorMessage } from '../../generated/preview3/error-message.js';
import { OBJECT_REF_FLAGS_MASK } from '../../generated/preview3/flags.js';
import {
  decodeObjectReferenceBlock,
  encodeObjectReferenceBlock,
  OBJECT_REFERENCE_BLOCK_OFFSETS,
  type ObjectReferenceBlock,
} from '../../generated/preview3/object-reference-block.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { checkItemCount } from './item-limit.js';
import { type SubmitObjects, slotOf } from './object-slots.js';
import { PREVIEW3_REFERENCES } from './preview3-codecs.js';
import type { Decode, Encode, ReferenceCheck } from './region-codecs.js';

const WHERE = 'OBJECT_REFERENCE_REGION';

/**
 * Checks an object-reference region without throwing.
 *
 * @param bytes - the whole region
 * @param submit - the metadata of a submit; without it, as in a result, only OBJREF-1 and the blocks are checked
 * @returns the first fault: OBJREF-1, too_many_items beyond 65535, a bad block, then with `submit` unknown mask bits,
 *   OBJREF-2 or OBJREF-3, per block OBJREF-4, OBJREF-5 and OBJREF-6, and at last OBJREF-7
 * @see NNRP/1-preview3 section 10.3
 */
export function checkObjectReferences(bytes: Uint8Array, submit?: SubmitObjects): WireFault | undefined {
  return checkObjectReferencesAt(PREVIEW3_REFERENCES, viewOf(bytes), 0, bytes.length, submit);
}

/**
 * Decodes an object-reference region; the blocks share nothing with `bytes`.
 *
 * @throws WireError with what {@link checkObjectReferences} finds
 * @see NNRP/1-preview3 section 10.3
 */
export function decodeObjectReferences(bytes: Uint8Array, submit?: SubmitObjects): ObjectReferenceBlock[] {
  return decodeObjectReferencesOf(PREVIEW3_REFERENCES, decodeObjectReferenceBlock, bytes, submit);
}

/** {@link decodeObjectReferences} of any revision. */
export function decodeObjectReferencesOf<B>(
  codec: ReferenceCheck,
  decode: Decode<B>,
  bytes: Uint8Array,
  submit?: SubmitObjects,
): B[] {
  const view = viewOf(bytes);
  const fault = checkObjectReferencesAt(codec, view, 0, bytes.length, submit);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return readObjectReferences(codec.bytes, decode, view, 0, bytes.length);
}

/**
 * Encodes an object-reference region, in the order given.
 *
 * @returns new bytes
 * @throws WireError when a value does not fit its field or {@link checkObjectReferences} would refuse the region
 * @see NNRP/1-preview3 section 10.3
 */
export function encodeObjectReferences(blocks: readonly ObjectReferenceBlock[], submit?: SubmitObjects): Uint8Array {
  return encodeObjectReferencesOf(PREVIEW3_REFERENCES, encodeObjectReferenceBlock, blocks, submit);
}

/** {@link encodeObjectReferences} of any revision. */
export function encodeObjectReferencesOf<B>(
  codec: ReferenceCheck,
  encode: Encode<B>,
  blocks: readonly B[],
  submit?: SubmitObjects,
): Uint8Array {
  const bytes = new Uint8Array(objectReferenceBytes(codec, blocks));
  const view = viewOf(bytes);
  writeObjectReferences(encode, blocks, view, 0);
  const fault = checkObjectReferencesAt(codec, view, 0, bytes.length, submit);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return bytes;
}

/** {@link checkObjectReferences} of a region inside a larger view; `start` and `end` in bytes. */
export function checkObjectReferencesAt(
  codec: ReferenceCheck,
  view: DataView,
  start: number,
  end: number,
  submit?: SubmitObjects,
): WireFault | undefined {
  if ((end - start) % codec.bytes !== 0) return brokenRule('OBJREF-1');
  const tooMany = checkItemCount((end - start) / codec.bytes);
  if (tooMany !== undefined) return tooMany;
  for (let at = start; at < end; at += codec.bytes) {
    const broken = codec.check(view, at);
    if (broken !== -1) return faultAt(codec.rules, broken, view, at);
  }
  return submit === undefined ? undefined : checkSlots(codec.bytes, view, start, end, submit);
}

function checkSlots(
  blockBytes: number,
  view: DataView,
  start: number,
  end: number,
  submit: SubmitObjects,
): WireFault | undefined {
  const { submitMode, objectRefMask } = submit;
  if ((objectRefMask & ~OBJECT_REF_FLAGS_MASK) !== 0) {
    return { kind: 'reserved_bits_set', value: objectRefMask, allowed: OBJECT_REF_FLAGS_MASK };
  }
  if (submitMode === SubmitMode.Inline) {
    if (objectRefMask !== 0) return brokenRule('OBJREF-2');
  } else if (objectRefMask === 0) return brokenRule('OBJREF-3');

  let previous = -1;
  let seen = 0;
  for (let at = start; at < end; at += blockBytes) {
    const slot = slotOf(view.getUint16(at + OBJECT_REFERENCE_BLOCK_OFFSETS.objectKind, true));
    if (slot === -1) continue;
    if (slot < previous) return brokenRule('OBJREF-4');
    if (slot === previous) return brokenRule('OBJREF-5');
    if ((objectRefMask & (1 << slot)) === 0) return brokenRule('OBJREF-6');
    seen |= 1 << slot;
    previous = slot;
  }
  return seen === objectRefMask ? undefined : brokenRule('OBJREF-7');
}

/** The blocks of a region that {@link checkObjectReferencesAt} accepts. */
export function readObjectReferences<B>(
  blockBytes: number,
  decode: Decode<B>,
  view: DataView,
  start: number,
  end: number,
): B[] {
  const blocks: B[] = [];
  for (let at = start; at < end; at += blockBytes) blocks.push(decode(view, at));
  return blocks;
}

/**
 * Length of the region that will hold these blocks, in bytes.
 * @throws WireError too_many_items for more than 65535 blocks
 */
export function objectReferenceBytes(codec: ReferenceCheck, blocks: readonly unknown[]): number {
  const tooMany = checkItemCount(blocks.length);
  if (tooMany !== undefined) throw new WireError(tooMany, WHERE);
  return blocks.length * codec.bytes;
}

/**
 * Writes the blocks at `start` of a view that is long enough.
 * @throws WireError when a value does not fit its field
 */
export function writeObjectReferences<B>(encode: Encode<B>, blocks: readonly B[], view: DataView, start: number): void {
  let at = start;
  for (const block of blocks) at = encode(block, view, at);
}

/** The message whose references are resolved; its ids go into the ERROR that answers it. */
export interface RelatedIds {
  readonly sessionId: number;
  readonly frameId: number;
  readonly viewId: number;
}

/** What became of the references of one body. */
export type ObjectReferenceOutcome<T, B = ObjectReferenceBlock> =
  | {
      readonly outcome: 'resolved';
      /** What the lookup returned, one for each block. */
      readonly objects: T[];
    }
  | {
      readonly outcome: 'unresolved';
      /** The first block that is not in the cache. */
      readonly block: B;
      /** OBJREF-8. */
      readonly fault: WireFault;
      /** Metadata of the ERROR that tells the peer: a cache miss of frame scope, not fatal, without diagnostic. */
      readonly error: ErrorMessage;
    };

/**
 * Looks every block up, and stops at the first that is absent.
 *
 * @param lookup - the cache; undefined means absent
 * @see NNRP/1-preview3 section 10.3
 */
export function resolveObjectReferences<T, B = ObjectReferenceBlock>(
  blocks: readonly B[],
  lookup: (block: B) => T | undefined,
  related: RelatedIds,
): ObjectReferenceOutcome<T, B> {
  const objects: T[] = [];
  for (const block of blocks) {
    const object = lookup(block);
    if (object === undefined) {
      return { outcome: 'unresolved', block, fault: brokenRule('OBJREF-8'), error: cacheMiss(related) };
    }
    objects.push(object);
  }
  return { outcome: 'resolved', objects };
}

function cacheMiss(related: RelatedIds): ErrorMessage {
  return {
    errorCode: CacheErrorCode.CacheMiss,
    errorScope: ErrorScope.Frame,
    isFatal: 0,
    retryAfterMs: 0,
    relatedSessionId: related.sessionId,
    relatedFrameId: related.frameId,
    relatedViewId: related.viewId,
    diagnosticBytes: 0,
  };
}
