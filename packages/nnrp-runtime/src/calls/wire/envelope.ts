import { UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { viewOf } from '../../base/bytes.js';
import { isObject, jsonText, member, parsedJson, readJson } from '../../base/json.js';
import { type BodyInput, viewed } from '../../connection/body/body-bytes.js';
import type { RevisionName } from '../../connection/revision/revision-name.js';
import { types } from '../../platform/platform.js';
import { type CallMetadata, metadataMember, readMetadata } from './metadata.js';
import { type CallRoute, isRouteName } from './route.js';

/** What the envelope of a call says that it is: of any application, or of the profile for language models. */
export const CALL_SCHEMA = 'nnrp-call/1';
export const PROFILE_SCHEMA = 'openai-compatible/1';
export type CallSchema = typeof CALL_SCHEMA | typeof PROFILE_SCHEMA;

/** What a submit says that is a call. */
export interface RequestEnvelope {
  readonly schema: CallSchema;
  /** A number stands in the header of the submit. */
  readonly route: CallRoute;
  readonly requestId: string;
  readonly metadata: CallMetadata;
  /** What JSON can hold, or bytes. */
  readonly body: unknown;
}

/** A body, and what the metadata of its message must say of it. */
export interface EncodedEnvelope {
  readonly body: BodyInput;
  readonly payloadKindBitmap: number;
  readonly payloadFrameCount: number;
}

type Counts = Pick<preview3.FrameSubmit, 'payloadKindBitmap' | 'payloadFrameCount'>;

/** What a last result says that answers a call. */
export interface AnswerEnvelope {
  readonly metadata: CallMetadata;
  readonly body: unknown;
}

const SNAPSHOT = { streamSemantics: preview3.StreamSemantics.Snapshot };
const MAX_ID_LENGTH = 256;
const PARTIAL_TYPE = 'call.partial';
const LAST_TYPES: Readonly<Record<CallSchema, string>> = {
  [CALL_SCHEMA]: 'call.completed',
  [PROFILE_SCHEMA]: 'response.completed',
};
const OPENING_BRACE = 0x7b;
const PRELUDE_BYTES = 32;

/**
 * @param revision - of the session: descriptors of preview4 say the kind of their payload
 * @throws UsageError when JSON cannot hold the body, or it is memory that was transferred away
 */
export function encodeRequest(
  { schema, route, requestId, metadata, body }: RequestEnvelope,
  revision: RevisionName = 'preview3',
): EncodedEnvelope {
  const head = {
    schema_version: schema,
    ...(typeof route === 'string' && { operation: route }),
    request_id: requestId,
    ...metadataMember(metadata),
  };
  return encodeTyped(head, body, 'call: body', revision);
}

/**
 * Reads a submit.
 *
 * @param routeId - of its header
 * @param made - is told the bytes that its JSON takes besides its text
 * @returns undefined when it is no call at all; what is wrong, as text, when it is one that breaks the form
 */
export function decodeRequest(
  body: Uint8Array,
  context: preview3.FrameSubmit,
  routeId: number,
  made?: (bytes: number) => void,
): RequestEnvelope | string | undefined {
  const found = decodeTyped(body, context, made);
  if (found === undefined) return undefined;
  const schema = member(found.json, 'schema_version');
  if (schema !== CALL_SCHEMA && schema !== PROFILE_SCHEMA) return undefined;
  const route = routeOf(member(found.json, 'operation'), routeId);
  if (route === undefined) {
    return 'operation takes a name of 1 to 128 printable characters of ASCII, or none with a route_id in the header';
  }
  const requestId = member(found.json, 'request_id') ?? '';
  if (typeof requestId !== 'string' || requestId.length > MAX_ID_LENGTH) {
    return `request_id takes a text of at most ${MAX_ID_LENGTH} characters`;
  }
  const metadata = readMetadata(member(found.json, 'metadata'));
  if (typeof metadata === 'string') return metadata;
  return { schema, route, requestId, metadata, body: found.bytes ?? member(found.json, 'body') };
}

function routeOf(operation: unknown, routeId: number): CallRoute | undefined {
  if (operation === undefined) return routeId === 0 ? undefined : routeId;
  return isRouteName(operation) ? operation : undefined;
}

/** A partial result: of the profile one raw JSON object, of a call the same around its body. @throws as {@link encodeRequest} */
export function encodePartial(
  schema: CallSchema,
  value: unknown,
  revision: RevisionName = 'preview3',
): EncodedEnvelope {
  if (schema === CALL_SCHEMA && (viewed(value, 'partial result') !== undefined || types.isAnyArrayBuffer(value)))
    return encodeTyped({ type: PARTIAL_TYPE }, value, 'partial result', revision);
  checkKept(value, 'partial result');
  const object = schema === CALL_SCHEMA ? { type: PARTIAL_TYPE, body: value } : value;
  return { body: jsonText(object, 'partial result'), ...RAW };
}

/**
 * @param context - undefined when the message has no room for it: then one that is no raw JSON has bytes behind its event
 * @returns undefined when it breaks the form
 */
export function decodePartial(
  schema: CallSchema,
  body: Uint8Array,
  context: Counts | undefined,
): { readonly value: unknown } | undefined {
  const isRaw = body[0] === OPENING_BRACE;
  const found = isRaw ? { json: parsedJson(body), bytes: undefined } : decodeTyped(body, context ?? WITH_BYTES);
  if (found === undefined || !isObject(found.json)) return undefined;
  const type = member(found.json, 'type');
  if (schema === PROFILE_SCHEMA) return typeof type === 'string' ? { value: found.json } : undefined;
  return type === PARTIAL_TYPE ? { value: found.bytes ?? member(found.json, 'body') } : undefined;
}

/** The last result. @throws as {@link encodeRequest} */
export function encodeAnswer(
  schema: CallSchema,
  requestId: string,
  answer: AnswerEnvelope,
  revision: RevisionName = 'preview3',
): EncodedEnvelope {
  const head = {
    type: LAST_TYPES[schema],
    ...(requestId !== '' && { request_id: requestId }),
    ...metadataMember(answer.metadata),
  };
  return encodeTyped(head, answer.body, 'answer', revision);
}

/** @returns undefined when it breaks the form */
export function decodeAnswer(
  schema: CallSchema,
  body: Uint8Array,
  context: preview3.ResultPush,
): AnswerEnvelope | undefined {
  const found = decodeTyped(body, context);
  if (found === undefined || member(found.json, 'type') !== LAST_TYPES[schema]) return undefined;
  const metadata = readMetadata(member(found.json, 'metadata'));
  if (typeof metadata === 'string') return undefined;
  return { metadata, body: found.bytes ?? member(found.json, 'body') };
}

/** Raw JSON has no descriptor: it is of the kind of an event, and no typed payload. */
const RAW = { payloadKindBitmap: preview3.PayloadKindFlags.StructuredEvent, payloadFrameCount: 0 } as const;
const WITH_BYTES: Counts = {
  payloadKindBitmap: preview3.PayloadKindFlags.StructuredEvent | preview3.PayloadKindFlags.OpaqueBytes,
  payloadFrameCount: 2,
};

/** A structured event, and behind it the bytes of a body that is no JSON. */
function encodeTyped(head: object, body: unknown, what: string, revision: RevisionName): EncodedEnvelope {
  const bytes = viewed(body, what);
  // To JSON it is an object without members.
  if (bytes === undefined && types.isAnyArrayBuffer(body))
    throw new UsageError(`${what} takes shared memory as a view: new Uint8Array(body)`);
  checkKept(body, what);
  const event = preview3.eventPayload(jsonText(bytes === undefined ? { ...head, body } : head, what), SNAPSHOT);
  const payloads = bytes === undefined ? [event] : [event, preview3.opaquePayload(bytes)];
  // By their names: a bundle has all of a module that is chosen as a value.
  const encoded = revision === 'preview4' ? preview4.encodePayloads(payloads) : preview3.encodePayloads(payloads);
  return { body: encoded.body, ...encoded.metadata };
}

/** JSON leaves out a member that is one of these, as it does undefined. */
function checkKept(value: unknown, what: string): void {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new UsageError(`${what} takes what JSON can hold, or bytes, got a ${typeof value}`);
}

function decodeTyped(
  body: Uint8Array,
  context: Counts,
  made?: (bytes: number) => void,
): { readonly json: Readonly<Record<string, unknown>>; readonly bytes: Uint8Array | undefined } | undefined {
  const { payloadKindBitmap, payloadFrameCount } = context;
  const { StructuredEvent, OpaqueBytes } = preview3.PayloadKindFlags;
  const kinds = payloadFrameCount === 1 ? StructuredEvent : StructuredEvent | OpaqueBytes;
  if (payloadFrameCount < 1 || payloadFrameCount > 2 || payloadKindBitmap !== kinds) return undefined;
  const payloads = payloadsOf(body, context);
  const read = payloads[0] === undefined ? undefined : readJson(payloads[0].bytes);
  if (!isObject(read?.value)) return undefined;
  made?.(read.partBytes);
  return { json: read.value, bytes: payloads[1]?.bytes };
}

/** In the form of either revision, whichever the session speaks. */
function payloadsOf(body: Uint8Array, context: Counts): { readonly bytes: Uint8Array }[] {
  try {
    const view = viewOf(body);
    // The prelude begins with the lengths of what stands before the descriptors. One of preview4 says its kind, an event, where that of
    // preview3 has flags, which are smaller.
    const kind = body[PRELUDE_BYTES + view.getUint32(0, true) + view.getUint32(4, true) + 2];
    const isPreview4 = kind === RAW.payloadKindBitmap;
    return isPreview4 ? preview4.decodePayloads(body, context) : preview3.decodePayloads(body, context);
  } catch {
    return [];
  }
}
