import { decodePacket, type MessageInfo, type StructCodec } from 'nnrp-core';
import { type CodecRevision, metadataOf as metadataStructOf } from './codec-revision.js';
import { formatHex, parseHex } from './hex.js';
import type { JsonObject } from './json-object.js';
import { jsonType, RequestError } from './request-error.js';
import { requireObject, structFromJson, structToJson } from './struct-json.js';

const HEADER_BYTES = 40;
const PARTS = ['header', 'metadata', 'body_hex', 'message_type'];

/**
 * Decodes a whole packet: `{header, metadata, body_hex}`, without `metadata` for a message that has none.
 *
 * @param names - adds the names of enum values and flags
 * @throws WireError on any fault that decodePacket reports
 */
export function packetToJson(revision: CodecRevision, bytes: Uint8Array, names: boolean): JsonObject {
  const packet = decodePacket(bytes, revision.wire);
  const metadata = metadataStructOf(revision, packet);
  const tables = names ? revision : undefined;
  return {
    header: structToJson(headerOf(revision), packet.view, 0, tables),
    ...(metadata && { metadata: structToJson(metadata, packet.view, packet.metadataStart, tables) }),
    body_hex: formatHex(packet.body),
  };
}

/** Structure of the common header. */
function headerOf({ structs }: CodecRevision): StructCodec {
  const header = structs['HEADER'];
  if (header === undefined) throw new Error('the table of structures has no HEADER');
  return header;
}

function headerDefaults(header: StructCodec): JsonObject {
  const zeros = Object.fromEntries(header.fields.map((field) => [field.name, 0]));
  return { ...zeros, version_major: 1, header_len: HEADER_BYTES };
}

/**
 * Encodes a packet from the form that {@link packetToJson} gives. Header fields default to a plain header; lengths are
 * taken from the parts, whatever the header says of them.
 *
 * @param messageType - number or name, when the request gives it outside of the packet
 * @throws RequestError when a part is missing or unknown, WireError when the packet would be refused by decodePacket
 */
export function packetFromJson(revision: CodecRevision, json: JsonObject, messageType?: unknown): Uint8Array {
  for (const name of Object.keys(json)) {
    if (!PARTS.includes(name)) throw new RequestError({ kind: 'unknown_field', field: name });
  }
  const given = json['header'] === undefined ? {} : requireObject(json['header'], 'header');
  const code = oneMessageType(revision, [given['message_type'], json['message_type'], messageType]);
  const headerStruct = headerOf(revision);
  const info = revision.wire.messageInfo(code);
  const body = bodyOf(json['body_hex']);
  const struct = metadataStruct(revision, info);
  const metadata = metadataOf(struct, json['metadata']);
  const metaLen = struct?.bytes ?? 0;
  const header = structFromJson(
    headerStruct,
    { ...headerDefaults(headerStruct), ...given, message_type: code, meta_len: 0, body_len: 0 },
    'header.',
  );

  const bytes = new Uint8Array(HEADER_BYTES + metaLen + body.length);
  const view = new DataView(bytes.buffer);
  headerStruct.encode({ ...header, metaLen, bodyLen: body.length }, view);
  if (metadata !== undefined) struct?.encode(metadata, view, HEADER_BYTES);
  bytes.set(body, HEADER_BYTES + metaLen);
  // What may not be read must not be written either.
  decodePacket(bytes, revision.wire);
  return bytes;
}

function metadataStruct({ structs }: CodecRevision, info: MessageInfo | undefined) {
  return info?.metadata === undefined ? undefined : structs[info.metadata];
}

function metadataOf(struct: ReturnType<typeof metadataStruct>, json: unknown) {
  if (struct !== undefined) {
    if (json === undefined) throw new RequestError({ kind: 'missing_field', field: 'metadata' });
    return structFromJson(struct, requireObject(json, 'metadata'), 'metadata.');
  }
  const [extra] = Object.keys(json === undefined || json === null ? {} : requireObject(json, 'metadata'));
  if (extra !== undefined) throw new RequestError({ kind: 'unknown_field', field: `metadata.${extra}` });
  return undefined;
}

function bodyOf(value: unknown): Uint8Array {
  if (value === undefined) return new Uint8Array(0);
  if (typeof value === 'string') return parseHex(value);
  throw new RequestError({ kind: 'invalid_field', field: 'body_hex', expected: 'hex string', actual: jsonType(value) });
}

/** The message type from any of the places where it may stand; those that are given must agree. */
function oneMessageType(revision: CodecRevision, places: readonly unknown[]): number {
  const codes = places.filter((place) => place !== undefined).map((place) => messageCode(revision, place));
  const [first] = codes;
  if (first === undefined) throw new RequestError({ kind: 'missing_field', field: 'message_type' });
  const other = codes.find((code) => code !== first);
  if (other === undefined) return first;
  throw new RequestError({ kind: 'bad_request', message: `message_type is given as ${first} and as ${other}` });
}

function messageCode({ wire }: CodecRevision, value: unknown): number {
  if (typeof value === 'number') return value;
  const name = typeof value === 'string' ? value.toUpperCase() : undefined;
  const info = wire.messages.find((message) => message.name === name);
  if (info !== undefined) return info.code;
  const actual = typeof value === 'string' ? `'${value.slice(0, 40)}'` : jsonType(value);
  throw new RequestError({ kind: 'invalid_field', field: 'message_type', expected: 'message name or number', actual });
}
