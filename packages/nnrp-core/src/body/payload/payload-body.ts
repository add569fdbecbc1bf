import { isUnsigned } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import { UsageError } from '../../errors.js';
import { BODY_REGION_PRELUDE_BYTES, encodeBodyRegionPrelude } from '../../generated/preview3/body-region-prelude.js';
import { ProfileId, StreamSemantics } from '../../generated/preview3/enums.js';
import { DescriptorFlags, PayloadKindFlags } from '../../generated/preview3/flags.js';
import type { PayloadKindFlagsName } from '../../generated/preview3/names.js';
import {
  encodeTypedPayloadDescriptor,
  TYPED_PAYLOAD_DESCRIPTOR_BYTES,
  type TypedPayloadDescriptor,
} from '../../generated/preview3/typed-payload-descriptor.js';
import { shownValue, shownWord } from '../../text/shown-value.js';
import { MAX_REGION_ITEMS } from '../region/item-limit.js';
import type { TypedPayloadCounts, TypedPayloadInput } from '../region/typed-payload.js';
import { type BodyChunks, bytesOrText, bytesTextOrJson, packedChunks } from './payload-data.js';
import { PAYLOAD_OPTIONS, type PayloadOptions } from './payload-options.js';
import { TOKEN_DELTA_SCHEMA_ID, TOKEN_DELTA_SCHEMA_VERSION } from './token-delta.js';

/** What a typed payload is, by its name on the wire. Tensors have bodies of another form: see encodeTensorSubmit. */
export type PayloadKind = Exclude<PayloadKindFlagsName, 'tensor'>;

/** One payload to be sent, as {@link tokenPayload} and its like make it. */
export interface PayloadInput extends TypedPayloadInput {
  readonly kind: PayloadKind;
}

/** A body and what the metadata must say of it: what a handler may return, and `submit` may be given. */
export interface EncodedPayloads {
  readonly body: BodyChunks;
  readonly metadata: TypedPayloadCounts;
}
const TOKEN_SCHEMA = /* @__PURE__ */ Object.freeze({
  schemaId: TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: TOKEN_DELTA_SCHEMA_VERSION,
});
const NO_SCHEMA = /* @__PURE__ */ Object.freeze({ schemaId: 0, schemaVersion: 0 });

/** Flags of the kinds that a typed payload may have. */
const KINDS: Readonly<Record<PayloadKind, number>> = /* @__PURE__ */ kindFlags();

/** A fragment of a stream of tokens: text, or bytes whose meaning the two sides agree on, such as token ids. */
export function tokenPayload(data: string | ArrayBufferView | ArrayBuffer, options?: PayloadOptions): PayloadInput {
  const partial = options?.terminal !== true;
  return make('token_chunk', bytesOrText(data, 'token'), options, StreamSemantics.Append, { partial });
}

/**
 * A tool call, or an update of one. What is neither bytes nor text is sent as JSON.
 * @example toolPayload({ id: 'call-1', name: 'search', arguments: { query: 'nnrp' } })
 */
export function toolPayload(data: unknown, options?: PayloadOptions): PayloadInput {
  return make('tool_delta', bytesTextOrJson(data, 'tool'), options, StreamSemantics.ToolUpdate);
}

/** A structured event. What is neither bytes nor text is sent as JSON. */
export function eventPayload(data: unknown, options?: PayloadOptions): PayloadInput {
  return make('structured_event', bytesTextOrJson(data, 'event'), options, StreamSemantics.Event);
}

/** A chunk of audio, in a coding that the two sides agree on. */
export function audioPayload(data: ArrayBufferView | ArrayBuffer, options?: PayloadOptions): PayloadInput {
  return make('audio_chunk', bytesOrText(data, 'audio'), options, StreamSemantics.Default);
}

/** A chunk of video, in a coding that the two sides agree on. */
export function videoPayload(data: ArrayBufferView | ArrayBuffer, options?: PayloadOptions): PayloadInput {
  return make('video_chunk', bytesOrText(data, 'video'), options, StreamSemantics.Default);
}

/** Bytes or text of which the protocol says nothing. */
export function opaquePayload(data: string | ArrayBufferView | ArrayBuffer, options?: PayloadOptions): PayloadInput {
  return make('opaque_bytes', bytesOrText(data, 'opaque'), options, StreamSemantics.Default);
}

/**
 * Encodes typed payloads as a region body with the counts of its metadata.
 *
 * The wire does not say which of several payloads has which kind. A reader goes by the stream semantics and the profile,
 * see {@link decodePayloads}; with audio, video and opaque bytes in one body it is told by your own schemas.
 *
 * @param payloads - in order, at most 65535
 * @returns the body in chunks, of which those over 4096 bytes are the caller's memory, not copied: it must not change
 *   before it is sent. The metadata is right for FRAME_SUBMIT and for RESULT_PUSH.
 * @throws UsageError for what {@link tokenPayload} and its like have not made, and for a body of 4 GiB or more
 * @example return encodePayloads([tokenPayload('Let me look. '), toolPayload({ name: 'search' })]);
 * @see NNRP/1-preview3 section 10.4
 */
export function encodePayloads(payloads: readonly PayloadInput[]): EncodedPayloads {
  return encodePayloadsOf(encodeTypedPayloadDescriptor, payloads);
}

/** Writes a descriptor whose payload has this one kind. */
export type WriteDescriptor = (
  descriptor: TypedPayloadDescriptor,
  view: DataView,
  start: number,
  kind: number,
) => number;

/** {@link encodePayloads} of any revision. */
export function encodePayloadsOf(write: WriteDescriptor, payloads: readonly PayloadInput[]): EncodedPayloads {
  if (!Array.isArray(payloads))
    throw new UsageError(`payloads: expected a list of payloads, got ${shownValue(payloads)}`);
  const count = payloads.length;
  if (count > MAX_REGION_ITEMS) throw new UsageError(`payloads: expected at most ${MAX_REGION_ITEMS}, got ${count}`);
  let payloadKindBitmap = 0;
  let frameBytes = 0;
  for (const [index, payload] of payloads.entries()) {
    payloadKindBitmap |= flagOf(payload, index);
    frameBytes += payload.payload.length;
  }
  const headBytes = BODY_REGION_PRELUDE_BYTES + count * TYPED_PAYLOAD_DESCRIPTOR_BYTES;
  if (headBytes + frameBytes > 0xffffffff) {
    throw new UsageError(`payloads: a body holds at most 4294967295 bytes, got ${headBytes + frameBytes}`);
  }
  const head = new Uint8Array(headBytes);
  writeHead(write, head, payloads, frameBytes);
  return {
    body: packedChunks([head, ...payloads.map(({ payload }) => payload)]),
    metadata: { payloadKindBitmap, payloadFrameCount: count },
  };
}

function writeHead(
  write: WriteDescriptor,
  head: Uint8Array,
  payloads: readonly PayloadInput[],
  frameBytes: number,
): void {
  const view = viewOf(head);
  let at = encodeBodyRegionPrelude(
    {
      inlineObjectBytes: 0,
      objectReferenceBytes: 0,
      typedPayloadDescriptorBytes: payloads.length * TYPED_PAYLOAD_DESCRIPTOR_BYTES,
      typedPayloadFrameBytes: frameBytes,
      extensionDescriptorBytes: 0,
      extensionPayloadBytes: 0,
    },
    view,
  );
  let offset = 0;
  for (const { descriptor, payload, kind } of payloads) {
    at = write({ ...descriptor, offset, length: payload.length }, view, at, KINDS[kind]);
    offset += payload.length;
  }
}

function make(
  kind: PayloadKind,
  payload: Uint8Array,
  options: PayloadOptions = {},
  semantics: StreamSemantics,
  defaults: { readonly partial: boolean } = { partial: false },
): PayloadInput {
  checkOptions(kind, options);
  const { terminal = false, partial = defaults.partial, streamSemantics = semantics, schema } = options;
  if (terminal && partial) throw new UsageError(`${kind}: a payload is partial or terminal, not both`);
  const { schemaId, schemaVersion } = schema ?? (kind === 'token_chunk' ? TOKEN_SCHEMA : NO_SCHEMA);
  // A schema belongs to a profile, and that of tensors may not stand beside other payloads (TPR-3).
  const profileId = schemaId === 0 ? ProfileId.Unspecified : ProfileId.Token;
  const descriptorFlags = terminal ? DescriptorFlags.Terminal : partial ? DescriptorFlags.Partial : 0;
  return { kind, payload, descriptor: { profileId, descriptorFlags, schemaId, schemaVersion, streamSemantics } };
}

function checkOptions(kind: PayloadKind, options: PayloadOptions): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new UsageError(`${kind}: expected options, got ${shownValue(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !PAYLOAD_OPTIONS.includes(name));
  if (unknown !== undefined) throw new UsageError(`${kind}: there is no option ${shownWord(unknown)}`);
  const { terminal, partial, schema, streamSemantics } = options;
  for (const [name, value] of Object.entries({ terminal, partial })) {
    if (value !== undefined && typeof value !== 'boolean') {
      throw new UsageError(`${kind}: ${name} takes true or false, got ${shownValue(value)}`);
    }
  }
  if (streamSemantics !== undefined && !isUnsigned(streamSemantics, 0xffff)) {
    throw new UsageError(
      `${kind}: streamSemantics takes a value of StreamSemantics, got ${shownValue(streamSemantics)}`,
    );
  }
  if (schema === undefined) return;
  const { schemaId, schemaVersion } = schema ?? {};
  if (!isUnsigned(schemaId, 0xffffffff) || schemaId === 0 || !isUnsigned(schemaVersion, 0xffffffff)) {
    throw new UsageError(
      `${kind}: schema takes { schemaId, schemaVersion }, two u32 of which the id is not 0, got ${shownValue(schema)}`,
    );
  }
}

function flagOf(payload: PayloadInput, index: number): number {
  const flag = typeof payload === 'object' && payload !== null ? KINDS[payload.kind] : undefined;
  if (flag !== undefined && ArrayBuffer.isView(payload.payload)) return flag;
  throw new UsageError(
    `payloads: expected what tokenPayload() and its like return, got ${shownValue(payload)} at ${index}`,
  );
}

function kindFlags(): Readonly<Record<PayloadKind, number>> {
  return {
    token_chunk: PayloadKindFlags.TokenChunk,
    audio_chunk: PayloadKindFlags.AudioChunk,
    video_chunk: PayloadKindFlags.VideoChunk,
    structured_event: PayloadKindFlags.StructuredEvent,
    tool_delta: PayloadKindFlags.ToolDelta,
    opaque_bytes: PayloadKindFlags.OpaqueBytes,
  };
}
