import { viewOf } from '../../bytes/view-of.js';
import type { WireFault } from '../../faults/fault.js';
import {
  decodeObjectReferenceBlock,
  encodeObjectReferenceBlock,
  type ObjectReferenceBlock,
} from '../../generated/preview4/object-reference-block.js';
import {
  decodeTypedPayloadDescriptor,
  encodeTypedPayloadDescriptor,
  type TypedPayloadDescriptor,
} from '../../generated/preview4/typed-payload-descriptor.js';
import {
  type BodyContext,
  type BodyParts as BodyPartsOf,
  type BodyRegions as BodyRegionsOf,
  checkBodyView,
  decodeBodyOf,
  encodeBodyOf,
} from '../region/body-regions.js';
import {
  checkObjectReferencesAt,
  decodeObjectReferencesOf,
  encodeObjectReferencesOf,
  type ObjectReferenceOutcome as ObjectReferenceOutcomeOf,
  type RelatedIds,
  resolveObjectReferences as resolveReferences,
} from '../region/object-references.js';
import type { SubmitObjects } from '../region/object-slots.js';
import {
  checkTypedPayloadsAt,
  decodeTypedPayloadsOf,
  encodeTypedPayloadsOf,
  type TypedPayloadContext,
  type TypedPayloadCounts,
  type TypedPayloadFrame as TypedPayloadFrameOf,
  type TypedPayloadInput as TypedPayloadInputOf,
} from '../region/typed-payload.js';
import {
  PREVIEW4_BODY,
  PREVIEW4_DECODERS,
  PREVIEW4_ENCODERS,
  PREVIEW4_PAYLOADS,
  PREVIEW4_REFERENCES,
} from './codecs.js';

/** One typed payload: everything the wire says of it is in the descriptor, and the payload is a part of the body. */
export type TypedPayloadFrame = TypedPayloadFrameOf<TypedPayloadDescriptor>;
/** A typed payload to be written: the place of the payload in the region follows from the payloads. */
export type TypedPayloadInput = TypedPayloadInputOf<TypedPayloadDescriptor>;
/** A decoded region body; every payload is a subarray of the body. */
export type BodyRegions = BodyRegionsOf<ObjectReferenceBlock, TypedPayloadDescriptor>;
/** What a region body is made of; a part that is left out is empty. */
export type BodyParts = BodyPartsOf<ObjectReferenceBlock, TypedPayloadDescriptor>;
/** What became of the references of one body. */
export type ObjectReferenceOutcome<T> = ObjectReferenceOutcomeOf<T, ObjectReferenceBlock>;

/**
 * Checks a typed payload region, that is descriptors and then frames, without throwing.
 *
 * @param bytes - the whole region
 * @returns the first fault: field_out_of_range for a number in `context` that its field cannot hold, unknown kind bits,
 *   TPR-1, TPR-2, a bad descriptor, then per descriptor TPR-8, TPR-3, TPR-4, TPR-5, message_length_overflow and TPR-6, and
 *   at last TPR-7 and TPR-9
 * @see NNRP/1-preview4 section 10.4
 */
export function checkTypedPayloads(bytes: Uint8Array, context: TypedPayloadContext): WireFault | undefined {
  return checkTypedPayloadsAt(PREVIEW4_PAYLOADS, viewOf(bytes), 0, bytes.length, context);
}

/**
 * Decodes a typed payload region.
 *
 * @param bytes - the whole region
 * @returns the frames in order; their payloads are subarrays of `bytes`
 * @throws WireError with what {@link checkTypedPayloads} finds
 * @see NNRP/1-preview4 section 10.4
 */
export function decodeTypedPayloads(bytes: Uint8Array, context: TypedPayloadContext): TypedPayloadFrame[] {
  return decodeTypedPayloadsOf(PREVIEW4_PAYLOADS, decodeTypedPayloadDescriptor, bytes, context);
}

/**
 * Encodes a typed payload region: descriptors and then frames, in the order given.
 *
 * @param context - what the metadata of the message will say
 * @returns new bytes
 * @throws WireError when the count in `context` is not that of the frames, when a value does not fit its field or when
 *   {@link checkTypedPayloads} would refuse the region
 * @see NNRP/1-preview4 section 10.4
 */
export function encodeTypedPayloads(frames: readonly TypedPayloadInput[], context: TypedPayloadCounts): Uint8Array {
  return encodeTypedPayloadsOf(PREVIEW4_PAYLOADS, encodeTypedPayloadDescriptor, frames, context);
}

/**
 * Checks an object-reference region without throwing.
 *
 * @param bytes - the whole region
 * @param submit - the metadata of a submit; without it, as in a result, only OBJREF-1 and the blocks are checked
 * @returns the first fault: OBJREF-1, too_many_items beyond 65535, a bad block, then with `submit` unknown mask bits,
 *   OBJREF-2 or OBJREF-3, per block OBJREF-4, OBJREF-5 and OBJREF-6, and at last OBJREF-7
 * @see NNRP/1-preview4 section 10.3
 */
export function checkObjectReferences(bytes: Uint8Array, submit?: SubmitObjects): WireFault | undefined {
  return checkObjectReferencesAt(PREVIEW4_REFERENCES, viewOf(bytes), 0, bytes.length, submit);
}

/**
 * Decodes an object-reference region; the blocks share nothing with `bytes`.
 *
 * @throws WireError with what {@link checkObjectReferences} finds
 * @see NNRP/1-preview4 section 10.3
 */
export function decodeObjectReferences(bytes: Uint8Array, submit?: SubmitObjects): ObjectReferenceBlock[] {
  return decodeObjectReferencesOf(PREVIEW4_REFERENCES, decodeObjectReferenceBlock, bytes, submit);
}

/**
 * Encodes an object-reference region, in the order given.
 *
 * @returns new bytes
 * @throws WireError when a value does not fit its field or {@link checkObjectReferences} would refuse the region
 * @see NNRP/1-preview4 section 10.3
 */
export function encodeObjectReferences(blocks: readonly ObjectReferenceBlock[], submit?: SubmitObjects): Uint8Array {
  return encodeObjectReferencesOf(PREVIEW4_REFERENCES, encodeObjectReferenceBlock, blocks, submit);
}

/**
 * Looks every block up, and stops at the first that is absent.
 *
 * @param lookup - the cache; undefined means absent
 * @see NNRP/1-preview4 section 10.3
 */
export function resolveObjectReferences<T>(
  blocks: readonly ObjectReferenceBlock[],
  lookup: (block: ObjectReferenceBlock) => T | undefined,
  related: RelatedIds,
): ObjectReferenceOutcome<T> {
  return resolveReferences(blocks, lookup, related);
}

/**
 * Checks a region body without throwing. Nothing on the wire says that a body has regions: call it only where the
 * application knows.
 *
 * @param bytes - the whole body
 * @returns the first fault: the prelude, message_length_overflow, BODY-1, and then region by region the inline objects,
 *   the object references, the typed payloads and the extensions
 * @see NNRP/1-preview4 section 10.1
 */
export function checkBody(bytes: Uint8Array, context: BodyContext): WireFault | undefined {
  return checkBodyView(PREVIEW4_BODY, viewOf(bytes), context);
}

/**
 * Decodes a region body.
 *
 * @param bytes - the whole body; the payloads of the result are subarrays of it
 * @throws WireError with what {@link checkBody} finds
 * @see NNRP/1-preview4 section 10.1
 */
export function decodeBody(bytes: Uint8Array, context: BodyContext): BodyRegions {
  return decodeBodyOf(PREVIEW4_BODY, PREVIEW4_DECODERS, bytes, context);
}

/**
 * Encodes a region body: the prelude and every region, in one allocation.
 *
 * @param context - the metadata of the message that will carry the body
 * @returns new bytes
 * @throws WireError when a value does not fit its field or {@link checkBody} would refuse the body
 * @see NNRP/1-preview4 section 10.1
 */
export function encodeBody(parts: BodyParts, context: BodyContext): Uint8Array {
  return encodeBodyOf(PREVIEW4_BODY, PREVIEW4_ENCODERS, parts, context);
}
