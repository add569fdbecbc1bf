import { viewOf } from '../../bytes/view-of.js';
import { faultAt, type WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import {
  checkInlineObjectBlockHeader,
  decodeInlineObjectBlockHeader,
  encodeInlineObjectBlockHeader,
  INLINE_OBJECT_BLOCK_HEADER_BYTES,
  INLINE_OBJECT_BLOCK_HEADER_OFFSETS,
  INLINE_OBJECT_BLOCK_HEADER_RULES,
  type InlineObjectBlockHeader,
} from '../../generated/preview3/inline-object-block-header.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { checkItemCount } from './item-limit.js';
import { type SubmitObjects, slotOf } from './object-slots.js';

/** One object carried in the body. */
export interface InlineObject {
  readonly header: InlineObjectBlockHeader;
  /** The object: a subarray of the bytes it was read from, which must therefore not be reused while it is held. */
  readonly payload: Uint8Array;
}

/** An object to be written: its length follows from the payload. */
export interface InlineObjectInput {
  readonly header: Omit<InlineObjectBlockHeader, 'objectBytes'>;
  /** Copied when written. */
  readonly payload: Uint8Array;
}

const WHERE = 'INLINE_OBJECT_REGION';

/**
 * Checks an inline-object region without throwing.
 *
 * The reference has no such codec. INLINE-3 is a name of this implementation for the rule that a submit holds its slots
 * in the order camera block, tile index, section table, layout template, each once at most; kinds without a slot may
 * stand anywhere.
 *
 * @param bytes - the whole region
 * @param submit - the metadata of a submit; without it INLINE-3 is not checked
 * @returns the first fault, object by object: too_many_items from the 65536th, INLINE-1 (header cut off), a bad header,
 *   INLINE-1 (object or padding cut off), INLINE-2 (padding that is not zero), INLINE-3
 * @see NNRP/1-preview3 section 10.5
 */
export function checkInlineObjects(bytes: Uint8Array, submit?: SubmitObjects): WireFault | undefined {
  return checkInlineObjectsAt(viewOf(bytes), 0, bytes.length, submit);
}

/**
 * Decodes an inline-object region.
 *
 * @returns the objects in order, without their padding; their payloads are subarrays of `bytes`
 * @throws WireError with what {@link checkInlineObjects} finds
 * @see NNRP/1-preview3 section 10.5
 */
export function decodeInlineObjects(bytes: Uint8Array, submit?: SubmitObjects): InlineObject[] {
  const view = viewOf(bytes);
  const fault = checkInlineObjectsAt(view, 0, bytes.length, submit);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return readInlineObjects(bytes, view, 0, bytes.length);
}

/**
 * Encodes an inline-object region, in the order given and with zero padding.
 *
 * @returns new bytes
 * @throws WireError when a value does not fit its field or {@link checkInlineObjects} would refuse the region
 * @see NNRP/1-preview3 section 10.5
 */
export function encodeInlineObjects(objects: readonly InlineObjectInput[], submit?: SubmitObjects): Uint8Array {
  const bytes = new Uint8Array(inlineObjectBytes(objects));
  const view = viewOf(bytes);
  writeInlineObjects(objects, bytes, view, 0);
  const fault = checkInlineObjectsAt(view, 0, bytes.length, submit);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return bytes;
}

/** {@link checkInlineObjects} of a region inside a larger view; `start` and `end` in bytes. */
export function checkInlineObjectsAt(
  view: DataView,
  start: number,
  end: number,
  submit?: SubmitObjects,
): WireFault | undefined {
  let previousSlot = -1;
  let count = 0;
  let at = start;
  while (at < end) {
    count += 1;
    const tooMany = checkItemCount(count);
    if (tooMany !== undefined) return tooMany;
    if (at + INLINE_OBJECT_BLOCK_HEADER_BYTES > end) return brokenRule('INLINE-1');
    const broken = checkInlineObjectBlockHeader(view, at);
    if (broken !== -1) return faultAt(INLINE_OBJECT_BLOCK_HEADER_RULES, broken, view, at);
    const objectBytes = view.getUint32(at + INLINE_OBJECT_BLOCK_HEADER_OFFSETS.objectBytes, true);
    const objectEnd = at + INLINE_OBJECT_BLOCK_HEADER_BYTES + objectBytes;
    const next = objectEnd + paddingAfter(objectBytes);
    if (next > end) return brokenRule('INLINE-1');
    for (let pad = objectEnd; pad < next; pad++) if (view.getUint8(pad) !== 0) return brokenRule('INLINE-2');
    if (submit !== undefined) {
      const slot = slotOf(view.getUint16(at + INLINE_OBJECT_BLOCK_HEADER_OFFSETS.objectKind, true));
      if (slot !== -1 && slot <= previousSlot) return brokenRule('INLINE-3');
      if (slot !== -1) previousSlot = slot;
    }
    at = next;
  }
  return undefined;
}

/** The objects of a region that {@link checkInlineObjectsAt} accepts; `view` is over `bytes`. */
export function readInlineObjects(bytes: Uint8Array, view: DataView, start: number, end: number): InlineObject[] {
  const objects: InlineObject[] = [];
  let at = start;
  while (at < end) {
    const header = decodeInlineObjectBlockHeader(view, at);
    const payloadStart = at + INLINE_OBJECT_BLOCK_HEADER_BYTES;
    const payloadEnd = payloadStart + header.objectBytes;
    objects.push({ header, payload: bytes.subarray(payloadStart, payloadEnd) });
    at = payloadEnd + paddingAfter(header.objectBytes);
  }
  return objects;
}

/**
 * Length of the region that will hold these objects, in bytes.
 * @throws WireError too_many_items for more than 65535 objects, message_length_overflow when it does not fit 32 bits
 */
export function inlineObjectBytes(objects: readonly InlineObjectInput[]): number {
  const tooMany = checkItemCount(objects.length);
  if (tooMany !== undefined) throw new WireError(tooMany, WHERE);
  let total = 0;
  for (const { payload } of objects) {
    total += INLINE_OBJECT_BLOCK_HEADER_BYTES + payload.length + paddingAfter(payload.length);
  }
  if (total > 0xffffffff) throw new WireError({ kind: 'message_length_overflow' }, WHERE);
  return total;
}

/**
 * Writes the objects at `start`; `view` is over `bytes`, which are zero and long enough.
 * @throws WireError when a value does not fit its field
 */
export function writeInlineObjects(
  objects: readonly InlineObjectInput[],
  bytes: Uint8Array,
  view: DataView,
  start: number,
): void {
  let at = start;
  for (const { header, payload } of objects) {
    const payloadStart = encodeInlineObjectBlockHeader({ ...header, objectBytes: payload.length }, view, at);
    bytes.set(payload, payloadStart);
    at = payloadStart + payload.length + paddingAfter(payload.length);
  }
}

/** Zero bytes after an object; headers are 16 bytes, so counting from the object or from the region is the same. */
function paddingAfter(objectBytes: number): number {
  return (8 - (objectBytes % 8)) % 8;
}
