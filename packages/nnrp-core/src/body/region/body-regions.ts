import { viewOf } from '../../bytes/view-of.js';
import { faultAt, type WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import {
  BODY_REGION_PRELUDE_BYTES,
  BODY_REGION_PRELUDE_OFFSETS,
  type BodyRegionPrelude,
} from '../../generated/preview3/body-region-prelude.js';
import { EXTENSION_FRAME_DESCRIPTOR_BYTES } from '../../generated/preview3/extension-frame-descriptor.js';
import type { ObjectReferenceBlock } from '../../generated/preview3/object-reference-block.js';
import {
  TYPED_PAYLOAD_DESCRIPTOR_BYTES,
  type TypedPayloadDescriptor,
} from '../../generated/preview3/typed-payload-descriptor.js';
import { brokenRule } from '../../rules/broken-rule.js';
import {
  checkExtensionFramesAt,
  type ExtensionFrame,
  type ExtensionFrameInput,
  extensionPayloadBytes,
  readExtensionFrames,
  writeExtensionFrames,
} from './extension-frames.js';
import {
  checkInlineObjectsAt,
  type InlineObject,
  type InlineObjectInput,
  inlineObjectBytes,
  readInlineObjects,
  writeInlineObjects,
} from './inline-objects.js';
import {
  checkObjectReferencesAt,
  objectReferenceBytes,
  readObjectReferences,
  writeObjectReferences,
} from './object-references.js';
import type { SubmitObjects } from './object-slots.js';
import { PREVIEW3_BODY, PREVIEW3_DECODERS, PREVIEW3_ENCODERS } from './preview3-codecs.js';
import type { BodyChecks, BodyDecoders, BodyEncoders, PlacedDescriptor } from './region-codecs.js';
import {
  checkTypedPayloadsAt,
  readTypedPayloads,
  type TypedPayloadCounts,
  type TypedPayloadFrame,
  type TypedPayloadInput,
  typedPayloadFrameBytes,
  writeTypedPayloads,
} from './typed-payload.js';

/**
 * The metadata a region body belongs to: a decoded RESULT_PUSH, or a decoded FRAME_SUBMIT, whose submit_mode and
 * object_ref_mask bring the rules on slots with them.
 */
export type BodyContext = TypedPayloadCounts | (TypedPayloadCounts & SubmitObjects);

/** A decoded region body; every payload is a subarray of the body. */
export interface BodyRegions<B = ObjectReferenceBlock, D = TypedPayloadDescriptor> {
  readonly prelude: BodyRegionPrelude;
  readonly inlineObjects: InlineObject[];
  readonly objectReferences: B[];
  readonly typedPayloads: TypedPayloadFrame<D>[];
  readonly extensions: ExtensionFrame[];
}

/** What a region body is made of; a part that is left out is empty. */
export interface BodyParts<B = ObjectReferenceBlock, D = TypedPayloadDescriptor> {
  readonly inlineObjects?: readonly InlineObjectInput[];
  readonly objectReferences?: readonly B[];
  readonly typedPayloads?: readonly TypedPayloadInput<D>[];
  readonly extensions?: readonly ExtensionFrameInput[];
}

const WHERE = 'BODY';

/**
 * Checks a region body without throwing. Nothing on the wire says that a body has regions: call it only where the
 * application knows.
 *
 * @param bytes - the whole body
 * @returns the first fault: the prelude, message_length_overflow, BODY-1, BODY-2, and then region by region the inline
 *   objects, the object references, the typed payloads and the extensions
 * @see NNRP/1-preview3 section 10.1
 */
export function checkBody(bytes: Uint8Array, context: BodyContext): WireFault | undefined {
  return checkBodyView(PREVIEW3_BODY, viewOf(bytes), context);
}

/** {@link checkBody} of any revision, for a caller that has a view over exactly the body. */
export function checkBodyView(codecs: BodyChecks, view: DataView, context: BodyContext): WireFault | undefined {
  const broken = codecs.prelude.check(view);
  if (broken !== -1) return faultAt(codecs.prelude.rules, broken, view, 0);
  const inlineLength = view.getUint32(BODY_REGION_PRELUDE_OFFSETS.inlineObjectBytes, true);
  const referenceLength = view.getUint32(BODY_REGION_PRELUDE_OFFSETS.objectReferenceBytes, true);
  const descriptorBytes = view.getUint32(BODY_REGION_PRELUDE_OFFSETS.typedPayloadDescriptorBytes, true);
  const frameLength = view.getUint32(BODY_REGION_PRELUDE_OFFSETS.typedPayloadFrameBytes, true);
  const extensionDescriptorBytes = view.getUint32(BODY_REGION_PRELUDE_OFFSETS.extensionDescriptorBytes, true);
  const extensionLength = view.getUint32(BODY_REGION_PRELUDE_OFFSETS.extensionPayloadBytes, true);

  const referencesStart = BODY_REGION_PRELUDE_BYTES + inlineLength;
  const typedStart = referencesStart + referenceLength;
  const extensionsStart = typedStart + descriptorBytes + frameLength;
  const end = extensionsStart + extensionDescriptorBytes + extensionLength;
  if (end - BODY_REGION_PRELUDE_BYTES > 0xffffffff) return { kind: 'message_length_overflow' };
  if (end !== view.byteLength) return brokenRule('BODY-1');
  if (extensionDescriptorBytes % EXTENSION_FRAME_DESCRIPTOR_BYTES !== 0) return brokenRule('BODY-2');

  const submit = submitOf(context);
  const { payloadKindBitmap, payloadFrameCount } = context;
  return (
    checkInlineObjectsAt(view, BODY_REGION_PRELUDE_BYTES, referencesStart, submit) ??
    checkObjectReferencesAt(codecs.objectReferences, view, referencesStart, typedStart, submit) ??
    checkTypedPayloadsAt(codecs.typedPayloads, view, typedStart, extensionsStart, {
      payloadKindBitmap,
      payloadFrameCount,
      descriptorBytes,
    }) ??
    checkExtensionFramesAt(view, extensionsStart, end, extensionDescriptorBytes)
  );
}

/**
 * Decodes a region body.
 *
 * @param bytes - the whole body; the payloads of the result are subarrays of it
 * @throws WireError with what {@link checkBody} finds
 * @see NNRP/1-preview3 section 10.1
 */
export function decodeBody(bytes: Uint8Array, context: BodyContext): BodyRegions {
  return decodeBodyOf(PREVIEW3_BODY, PREVIEW3_DECODERS, bytes, context);
}

/** {@link decodeBody} of any revision. */
export function decodeBodyOf<B, D extends PlacedDescriptor>(
  codecs: BodyChecks,
  [readPrelude, readReference, readPayload]: BodyDecoders<B, D>,
  bytes: Uint8Array,
  context: BodyContext,
): BodyRegions<B, D> {
  const view = viewOf(bytes);
  const fault = checkBodyView(codecs, view, context);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  const prelude = readPrelude(view);
  const referencesStart = BODY_REGION_PRELUDE_BYTES + prelude.inlineObjectBytes;
  const typedStart = referencesStart + prelude.objectReferenceBytes;
  const extensionsStart = typedStart + prelude.typedPayloadDescriptorBytes + prelude.typedPayloadFrameBytes;
  return {
    prelude,
    inlineObjects: readInlineObjects(bytes, view, BODY_REGION_PRELUDE_BYTES, referencesStart),
    objectReferences: readObjectReferences(
      codecs.objectReferences.bytes,
      readReference,
      view,
      referencesStart,
      typedStart,
    ),
    typedPayloads: readTypedPayloads(readPayload, bytes, view, typedStart, context.payloadFrameCount),
    extensions: readExtensionFrames(bytes, view, extensionsStart, prelude.extensionDescriptorBytes),
  };
}

/**
 * Encodes a region body: the prelude and every region, in one allocation.
 *
 * @param context - the metadata of the message that will carry the body
 * @returns new bytes
 * @throws WireError when a value does not fit its field or {@link checkBody} would refuse the body
 * @see NNRP/1-preview3 section 10.1
 */
export function encodeBody(parts: BodyParts, context: BodyContext): Uint8Array {
  return encodeBodyOf(PREVIEW3_BODY, PREVIEW3_ENCODERS, parts, context);
}

/** {@link encodeBody} of any revision. */
export function encodeBodyOf<B, D extends PlacedDescriptor>(
  codecs: BodyChecks,
  [writePrelude, writeReference, writePayload]: BodyEncoders<B, D>,
  parts: BodyParts<B, D>,
  context: BodyContext,
): Uint8Array {
  const { inlineObjects = [], objectReferences = [], typedPayloads = [], extensions = [] } = parts;
  const prelude: BodyRegionPrelude = {
    inlineObjectBytes: inlineObjectBytes(inlineObjects),
    objectReferenceBytes: objectReferenceBytes(codecs.objectReferences, objectReferences),
    typedPayloadDescriptorBytes: typedPayloads.length * TYPED_PAYLOAD_DESCRIPTOR_BYTES,
    typedPayloadFrameBytes: typedPayloadFrameBytes(typedPayloads, context),
    extensionDescriptorBytes: extensions.length * EXTENSION_FRAME_DESCRIPTOR_BYTES,
    extensionPayloadBytes: extensionPayloadBytes(extensions),
  };
  const referencesStart = BODY_REGION_PRELUDE_BYTES + prelude.inlineObjectBytes;
  const typedStart = referencesStart + prelude.objectReferenceBytes;
  const extensionsStart = typedStart + prelude.typedPayloadDescriptorBytes + prelude.typedPayloadFrameBytes;
  const end = extensionsStart + prelude.extensionDescriptorBytes + prelude.extensionPayloadBytes;
  // body_len counts the prelude too, so a body that can be sent is shorter than the six lengths alone would allow.
  if (end > 0xffffffff) throw new WireError({ kind: 'message_length_overflow' }, WHERE);

  const bytes = new Uint8Array(end);
  const view = viewOf(bytes);
  writePrelude(prelude, view);
  writeInlineObjects(inlineObjects, bytes, view, BODY_REGION_PRELUDE_BYTES);
  writeObjectReferences(writeReference, objectReferences, view, referencesStart);
  writeTypedPayloads(writePayload, typedPayloads, bytes, view, typedStart);
  writeExtensionFrames(extensions, bytes, view, extensionsStart);
  const fault = checkBodyView(codecs, view, context);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return bytes;
}

function submitOf(context: BodyContext): SubmitObjects | undefined {
  return 'submitMode' in context ? context : undefined;
}
