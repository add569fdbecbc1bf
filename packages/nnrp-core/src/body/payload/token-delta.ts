import { viewOf } from '../../bytes/view-of.js';
import type { WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import {
  BODY_REGION_PRELUDE_BYTES,
  BODY_REGION_PRELUDE_OFFSETS,
  encodeBodyRegionPrelude,
} from '../../generated/preview3/body-region-prelude.js';
import { ProfileId, StreamSemantics } from '../../generated/preview3/enums.js';
import { DescriptorFlags, PayloadKindFlags } from '../../generated/preview3/flags.js';
import type { SchemaDescriptorHeader } from '../../generated/preview3/schema-descriptor-header.js';
import {
  encodeTypedPayloadDescriptor,
  TYPED_PAYLOAD_DESCRIPTOR_BYTES,
  TYPED_PAYLOAD_DESCRIPTOR_OFFSETS,
} from '../../generated/preview3/typed-payload-descriptor.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { checkBodyView } from '../region/body-regions.js';
import { PREVIEW3_BODY } from '../region/preview3-codecs.js';
import type { BodyChecks } from '../region/region-codecs.js';

/** schema_id of the standard token-delta schema. */
export const TOKEN_DELTA_SCHEMA_ID = 0x1001;

/** schema_version of the standard token-delta schema. */
export const TOKEN_DELTA_SCHEMA_VERSION = 3;

/** schema_hash of the standard token-delta schema: the characters nnrptok3, most significant first. */
export const TOKEN_DELTA_SCHEMA_HASH = 0x6e6e7270746f6b33n;

/**
 * Header of the standard token-delta schema, the only schema that the protocol defines.
 * @see NNRP/1-preview3 section 12.2
 */
export const TOKEN_DELTA_SCHEMA: SchemaDescriptorHeader = /* @__PURE__ */ Object.freeze({
  schemaId: TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: TOKEN_DELTA_SCHEMA_VERSION,
  profileId: ProfileId.Token,
  schemaFlags: 0,
  minVersionMajor: 1,
  maxVersionMajor: 1,
  bodyBytes: 0,
  dependencyCount: 0,
  defaultStreamSemantics: StreamSemantics.Append,
  schemaHash: TOKEN_DELTA_SCHEMA_HASH,
});

/** What RESULT_PUSH says of a body with one token-delta frame. */
export const TOKEN_DELTA_COUNTS = /* @__PURE__ */ Object.freeze({
  payloadKindBitmap: PayloadKindFlags.TokenChunk,
  payloadFrameCount: 1,
} as const);

/** One fragment of a token stream. */
export interface TokenDelta {
  /** The fragment: a subarray of the body. Whether it is text or token ids is up to the application. */
  readonly payload: Uint8Array;
  /** Whether the stream ends with this fragment. */
  readonly terminal: boolean;
}

const WHERE = 'TOKEN_DELTA_BODY';
const HEAD_BYTES = BODY_REGION_PRELUDE_BYTES + TYPED_PAYLOAD_DESCRIPTOR_BYTES;
const FRAME_BYTES_AT = BODY_REGION_PRELUDE_OFFSETS.typedPayloadFrameBytes;
const FLAGS_AT = BODY_REGION_PRELUDE_BYTES + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.descriptorFlags;
const LENGTH_AT = BODY_REGION_PRELUDE_BYTES + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.length;

/** Everything before the payload of an empty fragment: copying it is cheaper than encoding it for each token. */
const EMPTY_HEAD: Uint8Array = /* @__PURE__ */ emptyHead();

/**
 * Encodes a region body with one token-delta frame, for a RESULT_PUSH with {@link TOKEN_DELTA_COUNTS}.
 *
 * @param payload - the fragment, any length; copied
 * @param terminal - whether the stream ends with it
 * @returns new bytes, 56 longer than the payload
 * @throws WireError message_length_overflow when the body does not fit 32 bits
 * @see NNRP/1-preview3 section 12.2
 */
export function encodeTokenDeltaBody(payload: Uint8Array, terminal: boolean): Uint8Array {
  return encodeTokenDeltaOf(EMPTY_HEAD, FLAGS_AT, payload, terminal);
}

/**
 * {@link encodeTokenDeltaBody} of any revision.
 * @param head - everything before the payload of an empty fragment
 * @param flagsAt - where in it the low byte of descriptor_flags is
 */
export function encodeTokenDeltaOf(
  head: Uint8Array,
  flagsAt: number,
  payload: Uint8Array,
  terminal: boolean,
): Uint8Array {
  const length = payload.length;
  if (length > 0xffffffff - HEAD_BYTES) throw new WireError({ kind: 'message_length_overflow' }, WHERE);
  const body = new Uint8Array(HEAD_BYTES + length);
  body.set(head);
  body[flagsAt] = terminal ? DescriptorFlags.Terminal : DescriptorFlags.Partial;
  // Byte by byte, because making a view for two integers costs more than all the rest.
  putUint32(body, FRAME_BYTES_AT, length);
  putUint32(body, LENGTH_AT, length);
  body.set(payload, HEAD_BYTES);
  return body;
}

/**
 * Decodes a region body with one token-delta frame. Inline objects, object references and extensions that are not
 * critical may stand beside the frame and are skipped.
 *
 * TOKEN-1 is a name of this implementation: the frame has another schema or version, or stream semantics that are
 * neither append nor the default.
 *
 * @param body - the whole body; the payload of the result is a subarray of it
 * @throws WireError when the body is not a region body with one token frame, or TOKEN-1
 * @see NNRP/1-preview3 section 12.2
 */
export function decodeTokenDeltaBody(body: Uint8Array): TokenDelta {
  return decodeTokenDeltaOf(PREVIEW3_BODY, FLAGS_AT, body);
}

/** {@link decodeTokenDeltaBody} of any revision; `flagsAt` as for {@link encodeTokenDeltaOf}. */
export function decodeTokenDeltaOf(codecs: BodyChecks, flagsAt: number, body: Uint8Array): TokenDelta {
  const view = viewOf(body);
  const fault = checkBodyView(codecs, view, TOKEN_DELTA_COUNTS);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  const descriptor =
    BODY_REGION_PRELUDE_BYTES +
    view.getUint32(BODY_REGION_PRELUDE_OFFSETS.inlineObjectBytes, true) +
    view.getUint32(BODY_REGION_PRELUDE_OFFSETS.objectReferenceBytes, true);
  const broken = checkTokenDescriptor(view, descriptor);
  if (broken !== undefined) throw new WireError(broken, WHERE);
  const flags = view.getUint8(descriptor - BODY_REGION_PRELUDE_BYTES + flagsAt);
  const length = view.getUint32(descriptor + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.length, true);
  const start = descriptor + TYPED_PAYLOAD_DESCRIPTOR_BYTES;
  return { payload: body.subarray(start, start + length), terminal: (flags & DescriptorFlags.Terminal) !== 0 };
}

function checkTokenDescriptor(view: DataView, start: number): WireFault | undefined {
  const schemaId = view.getUint32(start + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.schemaId, true);
  const schemaVersion = view.getUint32(start + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.schemaVersion, true);
  const semantics = view.getUint16(start + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.streamSemantics, true);
  const isTokenDelta =
    schemaId === TOKEN_DELTA_SCHEMA_ID &&
    schemaVersion === TOKEN_DELTA_SCHEMA_VERSION &&
    (semantics === StreamSemantics.Append || semantics === StreamSemantics.Default);
  return isTokenDelta ? undefined : brokenRule('TOKEN-1');
}

function emptyHead(): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = viewOf(head);
  const descriptorStart = encodeBodyRegionPrelude(
    {
      inlineObjectBytes: 0,
      objectReferenceBytes: 0,
      typedPayloadDescriptorBytes: TYPED_PAYLOAD_DESCRIPTOR_BYTES,
      typedPayloadFrameBytes: 0,
      extensionDescriptorBytes: 0,
      extensionPayloadBytes: 0,
    },
    view,
  );
  encodeTypedPayloadDescriptor(
    {
      profileId: ProfileId.Token,
      descriptorFlags: DescriptorFlags.Partial,
      schemaId: TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: TOKEN_DELTA_SCHEMA_VERSION,
      streamSemantics: StreamSemantics.Append,
      offset: 0,
      length: 0,
    },
    view,
    descriptorStart,
  );
  return head;
}

function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
