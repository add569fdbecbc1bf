import { checkUnsignedField } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import { faultAt, type WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import { PAYLOAD_KIND_FLAGS_MASK, PayloadKindFlags } from '../../generated/preview3/flags.js';
import {
  decodeTypedPayloadDescriptor,
  encodeTypedPayloadDescriptor,
  TYPED_PAYLOAD_DESCRIPTOR_BYTES,
  TYPED_PAYLOAD_DESCRIPTOR_OFFSETS,
  type TypedPayloadDescriptor,
} from '../../generated/preview3/typed-payload-descriptor.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { PREVIEW3_PAYLOADS } from './preview3-codecs.js';
import type { Decode, Encode, PlacedDescriptor, TypedPayloadCheck } from './region-codecs.js';

/**
 * What the metadata of FRAME_SUBMIT or RESULT_PUSH says about the typed payloads; the decoded metadata is one.
 * @see NNRP/1-preview3 section 10.4
 */
export interface TypedPayloadCounts {
  /** Kinds of payload in the body; bits: {@link PayloadKindFlags}. */
  readonly payloadKindBitmap: number;
  /** Number of frames, at most 65535. */
  readonly payloadFrameCount: number;
}

/** Where the typed payload region is divided, besides {@link TypedPayloadCounts}. */
export interface TypedPayloadContext extends TypedPayloadCounts {
  /** Length of the descriptors in bytes; the frames are the rest of the region. */
  readonly descriptorBytes: number;
}

/** One typed payload: everything the wire says of it is in the descriptor, and the payload is a part of the body. */
export interface TypedPayloadFrame<D = TypedPayloadDescriptor> {
  readonly descriptor: D;
  /** The payload: a subarray of the bytes it was read from, which must therefore not be reused while it is held. */
  readonly payload: Uint8Array;
}

/** A typed payload to be written: the place of the payload in the region follows from the payloads. */
export interface TypedPayloadInput<D = TypedPayloadDescriptor> {
  readonly descriptor: Omit<D, 'offset' | 'length'>;
  /** Copied when written. */
  readonly payload: Uint8Array;
}

const WHERE = 'TYPED_PAYLOAD_REGION';

/**
 * Checks a typed payload region, that is descriptors and then frames, without throwing.
 *
 * @param bytes - the whole region
 * @returns the first fault: field_out_of_range for a number in `context` that its field cannot hold, unknown kind bits,
 *   TPR-1, TPR-2, a bad descriptor, then per descriptor TPR-3, TPR-4, TPR-5, message_length_overflow and TPR-6, and at
 *   last TPR-7
 * @see NNRP/1-preview3 section 10.4
 */
export function checkTypedPayloads(bytes: Uint8Array, context: TypedPayloadContext): WireFault | undefined {
  return checkTypedPayloadsAt(PREVIEW3_PAYLOADS, viewOf(bytes), 0, bytes.length, context);
}

/**
 * Decodes a typed payload region.
 *
 * @param bytes - the whole region
 * @returns the frames in order; their payloads are subarrays of `bytes`
 * @throws WireError with what {@link checkTypedPayloads} finds
 * @see NNRP/1-preview3 section 10.4
 */
export function decodeTypedPayloads(bytes: Uint8Array, context: TypedPayloadContext): TypedPayloadFrame[] {
  return decodeTypedPayloadsOf(PREVIEW3_PAYLOADS, decodeTypedPayloadDescriptor, bytes, context);
}

/** {@link decodeTypedPayloads} of any revision. */
export function decodeTypedPayloadsOf<D extends PlacedDescriptor>(
  codec: TypedPayloadCheck,
  decode: Decode<D>,
  bytes: Uint8Array,
  context: TypedPayloadContext,
): TypedPayloadFrame<D>[] {
  const view = viewOf(bytes);
  const fault = checkTypedPayloadsAt(codec, view, 0, bytes.length, context);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return readTypedPayloads(decode, bytes, view, 0, context.payloadFrameCount);
}

/**
 * Encodes a typed payload region: descriptors and then frames, in the order given.
 *
 * @param context - what the metadata of the message will say
 * @returns new bytes
 * @throws WireError when the count in `context` is not that of the frames, when a value does not fit its field or when
 *   {@link checkTypedPayloads} would refuse the region
 * @see NNRP/1-preview3 section 10.4
 */
export function encodeTypedPayloads(frames: readonly TypedPayloadInput[], context: TypedPayloadCounts): Uint8Array {
  return encodeTypedPayloadsOf(PREVIEW3_PAYLOADS, encodeTypedPayloadDescriptor, frames, context);
}

/** {@link encodeTypedPayloads} of any revision. */
export function encodeTypedPayloadsOf<D extends PlacedDescriptor>(
  codec: TypedPayloadCheck,
  encode: Encode<D>,
  frames: readonly TypedPayloadInput<D>[],
  context: TypedPayloadCounts,
): Uint8Array {
  const frameBytes = typedPayloadFrameBytes(frames, context);
  const descriptorBytes = frames.length * TYPED_PAYLOAD_DESCRIPTOR_BYTES;
  const bytes = new Uint8Array(descriptorBytes + frameBytes);
  const view = viewOf(bytes);
  writeTypedPayloads(encode, frames, bytes, view, 0);
  const fault = checkTypedPayloadsAt(codec, view, 0, bytes.length, { ...counts(context), descriptorBytes });
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return bytes;
}

/** {@link checkTypedPayloads} of a region inside a larger view; `start` and `end` in bytes. */
export function checkTypedPayloadsAt(
  codec: TypedPayloadCheck,
  view: DataView,
  start: number,
  end: number,
  context: TypedPayloadContext,
): WireFault | undefined {
  const { payloadKindBitmap, payloadFrameCount, descriptorBytes } = context;
  const unfit =
    checkCounts(payloadKindBitmap, payloadFrameCount) ??
    checkUnsignedField('typed_payload_descriptor_bytes', 'u32', descriptorBytes);
  if (unfit !== undefined) return unfit;
  if ((payloadKindBitmap & ~PAYLOAD_KIND_FLAGS_MASK) !== 0) return unknownKinds(payloadKindBitmap);
  if (descriptorBytes !== payloadFrameCount * TYPED_PAYLOAD_DESCRIPTOR_BYTES) return brokenRule('TPR-1');
  const frameBytes = end - start - descriptorBytes;
  if (payloadFrameCount === 0) return frameBytes === 0 ? undefined : brokenRule('TPR-2');
  if (frameBytes < 0) return { kind: 'source_too_short', expected: descriptorBytes, actual: end - start };

  const descriptorsEnd = start + descriptorBytes;
  for (let at = start; at < descriptorsEnd; at += TYPED_PAYLOAD_DESCRIPTOR_BYTES) {
    const broken = codec.check(view, at);
    if (broken !== -1) return faultAt(codec.rules, broken, view, at);
  }

  let covered = 0;
  let kinds = 0;
  for (let at = start; at < descriptorsEnd; at += TYPED_PAYLOAD_DESCRIPTOR_BYTES) {
    const rule = codec.judge(view, at, payloadKindBitmap);
    if (rule !== undefined) return brokenRule(rule);
    kinds |= codec.kindAt?.(view, at) ?? 0;
    if (view.getUint32(at + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.offset, true) !== covered) return brokenRule('TPR-5');
    covered += view.getUint32(at + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.length, true);
    if (covered > 0xffffffff) return { kind: 'message_length_overflow' };
    if (covered > frameBytes) return brokenRule('TPR-6');
  }
  if (covered !== frameBytes) return brokenRule('TPR-7');
  const isTold = codec.kindAt === undefined || kinds === (payloadKindBitmap & ~PayloadKindFlags.Tensor);
  return isTold ? undefined : brokenRule('TPR-9');
}

/** The frames of a region that {@link checkTypedPayloadsAt} accepts; `view` is over `bytes`. */
export function readTypedPayloads<D extends PlacedDescriptor>(
  decode: Decode<D>,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  payloadFrameCount: number,
): TypedPayloadFrame<D>[] {
  const frames: TypedPayloadFrame<D>[] = [];
  const framesStart = start + payloadFrameCount * TYPED_PAYLOAD_DESCRIPTOR_BYTES;
  for (let at = start; at < framesStart; at += TYPED_PAYLOAD_DESCRIPTOR_BYTES) {
    const descriptor = decode(view, at);
    const payloadStart = framesStart + descriptor.offset;
    frames.push({ descriptor, payload: bytes.subarray(payloadStart, payloadStart + descriptor.length) });
  }
  return frames;
}

/**
 * Length of the frames without their descriptors, in bytes: what has to be known before anything is allocated.
 * @throws WireError when `context` does not fit its fields or the frames
 */
export function typedPayloadFrameBytes(
  frames: readonly Pick<TypedPayloadInput, 'payload'>[],
  context: TypedPayloadCounts,
): number {
  const { payloadKindBitmap, payloadFrameCount } = context;
  const unfit = checkCounts(payloadKindBitmap, payloadFrameCount);
  if (unfit !== undefined) throw new WireError(unfit, WHERE);
  if ((payloadKindBitmap & ~PAYLOAD_KIND_FLAGS_MASK) !== 0) throw new WireError(unknownKinds(payloadKindBitmap), WHERE);
  if (frames.length !== payloadFrameCount) throw new WireError(brokenRule('TPR-1'), WHERE);
  let total = 0;
  for (const frame of frames) total += frame.payload.length;
  if (total > 0xffffffff) throw new WireError({ kind: 'message_length_overflow' }, WHERE);
  return total;
}

/**
 * Writes descriptors and frames at `start`; `view` is over `bytes`, which are long enough.
 * @throws WireError when a value does not fit its field
 */
export function writeTypedPayloads<D extends PlacedDescriptor>(
  encode: Encode<D>,
  frames: readonly TypedPayloadInput<D>[],
  bytes: Uint8Array,
  view: DataView,
  start: number,
): void {
  const framesStart = start + frames.length * TYPED_PAYLOAD_DESCRIPTOR_BYTES;
  let at = start;
  let offset = 0;
  for (const { descriptor, payload } of frames) {
    // The compiler does not see that what was left out of any descriptor, and is put back, makes it whole.
    at = encode({ ...descriptor, offset, length: payload.length } as unknown as D, view, at);
    bytes.set(payload, framesStart + offset);
    offset += payload.length;
  }
}

/** Only the counts: a decoded metadata structure has getters or many other fields. */
function counts(context: TypedPayloadCounts): TypedPayloadCounts {
  return { payloadKindBitmap: context.payloadKindBitmap, payloadFrameCount: context.payloadFrameCount };
}

function checkCounts(payloadKindBitmap: number, payloadFrameCount: number): WireFault | undefined {
  return (
    checkUnsignedField('payload_kind_bitmap', 'u32', payloadKindBitmap) ??
    checkUnsignedField('payload_frame_count', 'u16', payloadFrameCount)
  );
}

function unknownKinds(value: number): WireFault {
  return { kind: 'reserved_bits_set', value, allowed: PAYLOAD_KIND_FLAGS_MASK };
}
