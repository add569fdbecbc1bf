import { WireError, type WireFault } from 'nnrp-core';
import {
  type BodyContext,
  type BodyParts,
  checkCapabilityTokens,
  decodeBody,
  decodeCapabilityTokens,
  decodeObjectReferences,
  decodeRecoveryTicket,
  decodeTypedPayloads,
  encodeBody,
  encodeCapabilityTokens,
  encodeObjectReferences,
  encodeRecoveryTicket,
  encodeTypedPayloads,
  type ObjectReferenceBlock,
  type TypedPayloadFrame,
  type TypedPayloadInput,
  unknownCapabilityToken,
} from 'nnrp-core/preview4';
import { formatHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { invalid, MAX_U16, MAX_U32, type Members, membersAt } from './members.js';
import { tensorParts } from './tensor-parts.js';
import { valueAt, valueIn, valueToJson } from './values.js';

/** How something that is no structure and no packet is read and written. */
interface BodyKind {
  /** @throws WireError, RequestError for a context that lacks something */
  decode(bytes: Uint8Array, context: Members): JsonObject;
  encode(fields: Members, context: Members): Uint8Array;
}

/** The body of CAPABILITY_NEGOTIATION and DEGRADE_PROFILE, `{"tokens":[...]}`. */
export const CAPABILITY_TOKENS: BodyKind = {
  decode: (bytes, context) => ({ tokens: tokensIn(bytes, context) }),
  encode: (fields) => encodeCapabilityTokens(fields.list('tokens', textAt)),
};

/** By the names of the vectors. */
export const BODY_KINDS: ReadonlyMap<string, BodyKind> = new Map<string, BodyKind>([
  [
    'typed_payload_region',
    {
      decode: (bytes, context) => ({ frames: decodeTypedPayloads(bytes, regionContext(context)).map(frameToJson) }),
      encode: (fields, context) => encodeTypedPayloads(framesIn(fields, 'frames'), bodyContext(context)),
    },
  ],
  [
    'object_reference_region',
    {
      decode: (bytes, context) => ({ blocks: decodeObjectReferences(bytes, submitOf(context)).map(blockToJson) }),
      encode: (fields, context) => encodeObjectReferences(blocksIn(fields, 'blocks'), submitOf(context)),
    },
  ],
  ['body', { decode: bodyToJson, encode: (fields, context) => encodeBody(partsIn(fields), bodyContext(context)) }],
  ['capability_tokens', CAPABILITY_TOKENS],
  ['recovery_ticket', { decode: ticketToJson, encode: (fields) => encodeRecoveryTicket(ticketIn(fields)) }],
]);

function frameToJson({ descriptor, payload }: TypedPayloadFrame): JsonObject {
  return { descriptor: valueToJson('TYPED_PAYLOAD_DESCRIPTOR', descriptor), payload_hex: formatHex(payload) };
}

function framesIn(fields: Members, name: string): TypedPayloadInput[] {
  return fields.list(
    name,
    membersAt((frame) => ({
      descriptor: valueIn<TypedPayloadInput['descriptor']>(frame, 'descriptor', 'TYPED_PAYLOAD_DESCRIPTOR', [
        'offset',
        'length',
      ]),
      payload: frame.bytes('payload_hex'),
    })),
  );
}

function blockToJson(block: ObjectReferenceBlock): JsonObject {
  return valueToJson('OBJECT_REFERENCE_BLOCK', block);
}

function blocksIn(fields: Members, name: string): ObjectReferenceBlock[] {
  return fields.list(name, valueAt<ObjectReferenceBlock>('OBJECT_REFERENCE_BLOCK'));
}

function bodyToJson(bytes: Uint8Array, context: Members): JsonObject {
  const counts = bodyContext(context);
  const body = decodeBody(bytes, counts);
  return {
    prelude: valueToJson('BODY_REGION_PRELUDE', body.prelude),
    inline_objects: body.inlineObjects.map(({ header, payload }) => ({
      header: valueToJson('INLINE_OBJECT_BLOCK_HEADER', header),
      payload_hex: formatHex(payload),
    })),
    object_references: body.objectReferences.map(blockToJson),
    typed_payloads: body.typedPayloads.map(frameToJson),
    extensions: body.extensions.map(({ descriptor, payload }) => ({
      descriptor: valueToJson('EXTENSION_FRAME_DESCRIPTOR', descriptor),
      payload_hex: formatHex(payload),
    })),
    ...(context.has('tile_count') && tensorParts(bytes, body.inlineObjects, counts, context)),
  };
}

function partsIn(fields: Members): BodyParts {
  for (const derived of ['prelude', 'tile_ids', 'sections']) fields.has(derived);
  return {
    inlineObjects: fields.list(
      'inline_objects',
      membersAt((object) => ({
        header: valueIn<{ objectKind: 1; profileId: number }>(object, 'header', 'INLINE_OBJECT_BLOCK_HEADER', [
          'object_bytes',
        ]),
        payload: object.bytes('payload_hex'),
      })),
      [],
    ),
    objectReferences: fields.has('object_references') ? blocksIn(fields, 'object_references') : [],
    typedPayloads: fields.has('typed_payloads') ? framesIn(fields, 'typed_payloads') : [],
    extensions: fields.list(
      'extensions',
      membersAt((frame) => ({
        descriptor: valueIn<NonNullable<BodyParts['extensions']>[number]['descriptor']>(
          frame,
          'descriptor',
          'EXTENSION_FRAME_DESCRIPTOR',
          ['payload_offset', 'payload_length'],
        ),
        payload: frame.bytes('payload_hex'),
      })),
      [],
    ),
  };
}

/** With `capability_count`, the tokens have to be so many; with `registered`, each has to be known or among `extensions`. */
function tokensIn(bytes: Uint8Array, context: Members): string[] {
  const count = context.has('capability_count') ? context.number('capability_count', MAX_U16) : seemingCount(bytes);
  const fault = checkCapabilityTokens(bytes, count);
  if (fault !== undefined) throw new WireError(fault, 'CAPABILITY_TOKENS');
  const tokens = decodeCapabilityTokens(bytes, count);
  const extensions = context.list('extensions', textAt, []);
  const unknown: WireFault | undefined = context.flag('registered', false)
    ? unknownCapabilityToken(tokens, extensions)
    : undefined;
  if (unknown !== undefined) throw new WireError(unknown, 'CAPABILITY_TOKENS');
  return tokens;
}

/** The tokens that a body seems to have, for callers without metadata that says it. */
function seemingCount(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  return Math.min(count, MAX_U16);
}

function textAt(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw invalid(path, 'string', typeof value);
}

function ticketToJson(bytes: Uint8Array): JsonObject {
  const { sessionId, resumeWindowMs, resumeFromOperationId, token } = decodeRecoveryTicket(bytes);
  return {
    session_id: sessionId,
    resume_window_ms: resumeWindowMs,
    resume_from_operation_id: resumeFromOperationId === undefined ? null : String(resumeFromOperationId),
    token_hex: formatHex(token),
  };
}

function ticketIn(fields: Members): Parameters<typeof encodeRecoveryTicket>[0] {
  return {
    sessionId: fields.number('session_id', MAX_U32),
    resumeWindowMs: fields.number('resume_window_ms', MAX_U32),
    ...(fields.has('resume_from_operation_id') && { resumeFromOperationId: fields.u64('resume_from_operation_id') }),
    token: fields.bytes('token_hex'),
  };
}

function regionContext(context: Members) {
  return { ...bodyContext(context), descriptorBytes: context.number('descriptor_region_bytes', MAX_U32) };
}

function bodyContext(context: Members): BodyContext {
  return {
    payloadKindBitmap: context.number('payload_kind_bitmap', MAX_U32),
    payloadFrameCount: context.number('payload_frame_count', MAX_U32),
    ...submitOf(context),
  };
}

function submitOf(context: Members) {
  if (!context.has('submit_mode')) return undefined;
  return {
    submitMode: context.oneOf('submit_mode', [0, 1, 2] as const),
    objectRefMask: context.number('object_ref_mask', MAX_U32),
  };
}
