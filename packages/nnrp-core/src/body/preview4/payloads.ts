import { viewOf } from '../../bytes/view-of.js';
import { BODY_REGION_PRELUDE_BYTES, encodeBodyRegionPrelude } from '../../generated/preview4/body-region-prelude.js';
import { PayloadKind as Kind, ProfileId, StreamSemantics } from '../../generated/preview4/enums.js';
import { DescriptorFlags } from '../../generated/preview4/flags.js';
import {
  encodeTypedPayloadDescriptor,
  TYPED_PAYLOAD_DESCRIPTOR_BYTES,
  TYPED_PAYLOAD_DESCRIPTOR_OFFSETS,
  type TypedPayloadDescriptor,
} from '../../generated/preview4/typed-payload-descriptor.js';
import { type EncodedPayloads, encodePayloadsOf, type PayloadInput } from '../payload/payload-body.js';
import { requireBytes } from '../payload/payload-data.js';
import { nameOf, Payload as PayloadOf } from '../payload/payload-reader.js';
import {
  decodeTokenDeltaOf,
  encodeTokenDeltaOf,
  TOKEN_DELTA_SCHEMA_ID,
  TOKEN_DELTA_SCHEMA_VERSION,
  type TokenDelta,
} from '../payload/token-delta.js';
import { type BodyContext, decodeBodyOf } from '../region/body-regions.js';
import { PREVIEW4_BODY, PREVIEW4_DECODERS } from './codecs.js';

/** One typed payload of a body; its kind is always known. */
export type Payload = PayloadOf<TypedPayloadDescriptor>;

/**
 * Encodes typed payloads as a region body with the counts of its metadata. Each descriptor names the kind of its payload.
 *
 * @param payloads - in order, at most 65535, as tokenPayload and its like make them
 * @returns the body in chunks, of which those over 4096 bytes are the caller's memory, not copied: it must not change
 *   before it is sent. The metadata is right for FRAME_SUBMIT and for RESULT_PUSH.
 * @throws UsageError for what tokenPayload and its like have not made, and for a body of 4 GiB or more
 * @see NNRP/1-preview4 section 10.4
 */
export function encodePayloads(payloads: readonly PayloadInput[]): EncodedPayloads {
  return encodePayloadsOf(
    (descriptor, view, start, kind) =>
      encodeTypedPayloadDescriptor({ ...descriptor, payloadKind: kind as Kind }, view, start),
    payloads,
  );
}

/**
 * Decodes the typed payloads of a region body.
 *
 * @param body - the whole body; the payloads are views of it
 * @param metadata - of the message that carried it
 * @throws WireError when the body is no region body or breaks its rules
 * @see NNRP/1-preview4 sections 7.4 and 10.4
 */
export function decodePayloads(body: Uint8Array, metadata: BodyContext): Payload[] {
  const { typedPayloads } = decodeBodyOf(PREVIEW4_BODY, PREVIEW4_DECODERS, requireBytes(body, 'body'), metadata);
  return typedPayloads.map(
    ({ descriptor, payload }) => new PayloadOf(nameOf(descriptor.payloadKind), payload, descriptor),
  );
}

const HEAD_BYTES = BODY_REGION_PRELUDE_BYTES + TYPED_PAYLOAD_DESCRIPTOR_BYTES;
const FLAGS_AT = BODY_REGION_PRELUDE_BYTES + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.descriptorFlags;

/** Everything before the payload of an empty fragment: copying it is cheaper than encoding it for each token. */
const EMPTY_HEAD: Uint8Array = /* @__PURE__ */ emptyHead();

/**
 * Encodes a region body with one token-delta frame, for a RESULT_PUSH with TOKEN_DELTA_COUNTS.
 *
 * @param payload - the fragment, any length; copied
 * @param terminal - whether the stream ends with it
 * @returns new bytes, 56 longer than the payload
 * @throws WireError message_length_overflow when the body does not fit 32 bits
 * @see NNRP/1-preview4 section 10.7
 */
export function encodeTokenDeltaBody(payload: Uint8Array, terminal: boolean): Uint8Array {
  return encodeTokenDeltaOf(EMPTY_HEAD, FLAGS_AT, payload, terminal);
}

/**
 * Decodes a region body with one token-delta frame. Inline objects, object references and extensions that are not
 * critical may stand beside the frame and are skipped.
 *
 * @param body - the whole body; the payload of the result is a subarray of it
 * @throws WireError when the body is not a region body with one token frame, or TOKEN-1: another schema or version, or
 *   stream semantics that are neither append nor the default
 * @see NNRP/1-preview4 section 10.7
 */
export function decodeTokenDeltaBody(body: Uint8Array): TokenDelta {
  return decodeTokenDeltaOf(PREVIEW4_BODY, FLAGS_AT, body);
}

function emptyHead(): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = viewOf(head);
  const none = { inlineObjectBytes: 0, objectReferenceBytes: 0, extensionDescriptorBytes: 0, extensionPayloadBytes: 0 };
  const lengths = { typedPayloadDescriptorBytes: TYPED_PAYLOAD_DESCRIPTOR_BYTES, typedPayloadFrameBytes: 0 };
  const at = encodeBodyRegionPrelude({ ...none, ...lengths }, view);
  encodeTypedPayloadDescriptor(
    {
      profileId: ProfileId.Token,
      payloadKind: Kind.TokenChunk,
      descriptorFlags: DescriptorFlags.Partial,
      schemaId: TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: TOKEN_DELTA_SCHEMA_VERSION,
      streamSemantics: StreamSemantics.Append,
      offset: 0,
      length: 0,
    },
    view,
    at,
  );
  return head;
}
