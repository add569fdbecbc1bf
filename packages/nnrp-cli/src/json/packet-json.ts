import { decodePacket, type MessageInfo, PREVIEW3 } from 'nnrp-core';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import { formatHex, parseHex } from './hex.js';
import { jsonType, RequestError } from './request-error.js';
import { type JsonObject, requireObject, structFromJson, structToJson } from './struct-json.js';

/** Structure of the common header; a constant of the table. */
const HEADER = STRUCTS['HEADER']!;
const HEADER_BYTES = HEADER.bytes;
const HEADER_DEFAULTS: JsonObject = {
  ...Object.fromEntries(HEADER.fields.map((field) => [field.name, 0])),
  version_major: 1,
  header_len: HEADER_BYTES,
};
const PARTS = ['header', 'metadata', 'body_hex', 'message_type'];

/**
 * Decodes a whole packet: `{header, metadata, body_hex}`, without `metadata` for a message that has none.
 *
 * @throws WireError on any fault that decodePacket reports
 */
export function packetToJson(bytes: Uint8Array, names: boolean): JsonObject {
  const packet = decodePacket(bytes);
  const metadata = metadataStruct(PREVIEW3.messageInfo(packet.messageType));
  return {
    header: structToJson(HEADER, packet.view, 0, names),
    ...(metadata && { metadata: structToJson(metadata, packet.view, packet.metadataStart, names) }),
    body_hex: formatHex(packet.body),
  };
}

/**
 * Encodes a packet from the form that {@link packetToJson} gives. Header fields default to a plain header; lengths are
 * taken from the parts, whatever the header says of them.
 *
 * @param messageType - number or name, when the request gives it outside of the packet
 * @throws RequestError when a part is missing or unknown, WireError when the packet would be refused by decodePacket
 */
export function packetFromJson(json: JsonObject, messageType?: unknown): Uint8Array {
  for (const name of Object.keys(json)) {
    if (!PARTS.includes(name)) throw new RequestError({ kind: 'unknown_field', field: name });
  }
  const given = json['header'] === undefined ? {} : requireObject(json['header'], 'header');
  const code = oneMessageType([given['message_type'], json['message_type'], messageType]);
  const info = PREVIEW3.messageInfo(code);
  const body = bodyOf(json['body_hex']);
  const struct = metadataStruct(info);
  const metadata = metadataOf(struct, json['metadata']);
  const metaLen = struct?.bytes ?? 0;
  const header = structFromJson(
    HEADER,
    { ...HEADER_DEFAULTS, ...given, message_type: code, meta_len: 0, body_len: 0 },
    'header.',
  );

  const bytes = new Uint8Array(HEADER_BYTES + metaLen + body.length);
  const view = new DataView(bytes.buffer);
  HEADER.encode({ ...header, metaLen, bodyLen: body.length }, view);
  if (metadata !== undefined) struct?.encode(metadata, view, HEADER_BYTES);
  bytes.set(body, HEADER_BYTES + metaLen);
  // What may not be read must not be written either.
  decodePacket(bytes);
  return bytes;
}

function metadataStruct(info: MessageInfo | undefined) {
  return info?.metadata === undefined ? undefined : STRUCTS[info.metadata];
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
function oneMessageType(places: readonly unknown[]): number {
  const codes = places.filter((place) => place !== undefined).map(messageCode);
  const [first] = codes;
  if (first === undefined) throw new RequestError({ kind: 'missing_field', field: 'message_type' });
  const other = codes.find((code) => code !== first);
  if (other === undefined) return first;
  throw new RequestError({ kind: 'bad_request', message: `message_type is given as ${first} and as ${other}` });
}

function messageCode(value: unknown): number {
  if (typeof value === 'number') return value;
  const name = typeof value === 'string' ? value.toUpperCase() : undefined;
  const info = PREVIEW3.messages.find((message) => message.name === name);
  if (info !== undefined) return info.code;
  const actual = typeof value === 'string' ? `'${value.slice(0, 40)}'` : jsonType(value);
  throw new RequestError({ kind: 'invalid_field', field: 'message_type', expected: 'message name or number', actual });
}
