import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import { formatHex, parseHex } from '../json/hex.js';
import { packetFromJson, packetToJson } from '../json/packet-json.js';
import { jsonType, RequestError } from '../json/request-error.js';
import { type JsonObject, structFromJson, structToJson } from '../json/struct-json.js';

/** One thing to decode or encode. */
export interface CodecRequest {
  readonly op: 'decode' | 'encode';
  /** Name of a structure, HEADER or PACKET; upper or lower case. */
  readonly struct: string;
  /** What to decode. */
  readonly hex?: unknown;
  /** What to encode. */
  readonly fields?: unknown;
  /** For encoding PACKET: the message, when neither the header nor the fields name it. */
  readonly messageType?: unknown;
  /** For decoding: adds the names of enum values and flags. */
  readonly names?: boolean;
}

/** `fields` of a decode, `hex` of an encode. */
export type CodecAnswer = { readonly fields: JsonObject } | { readonly hex: string };

/** Names that `struct` takes. */
export const STRUCT_NAMES: readonly string[] = ['PACKET', ...Object.keys(STRUCTS)];

/**
 * Decodes or encodes.
 *
 * @throws RequestError when the request is wrong, WireError when the bytes or values are
 */
export function performRequest(request: CodecRequest): CodecAnswer {
  return request.op === 'decode' ? { fields: decode(request) } : { hex: formatHex(encode(request)) };
}

function decode({ struct: name, hex, names = false }: CodecRequest): JsonObject {
  const struct = structNamed(name);
  if (typeof hex !== 'string') throw wrongArgument('hex', 'string', hex);
  const bytes = parseHex(hex);
  if (struct === 'PACKET') return packetToJson(bytes, names);
  return structToJson(struct, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, names);
}

function encode({ struct: name, fields, messageType }: CodecRequest): Uint8Array {
  const struct = structNamed(name);
  if (struct === 'PACKET') {
    const noFields = fields === undefined && messageType !== undefined;
    return packetFromJson(noFields ? {} : fieldsObject(fields), messageType);
  }
  const value = structFromJson(struct, fieldsObject(fields));
  const bytes = new Uint8Array(struct.bytes);
  struct.encode(value, new DataView(bytes.buffer));
  return bytes;
}

function structNamed(name: string) {
  const upper = name.toUpperCase();
  if (upper === 'PACKET') return upper;
  const struct = Object.hasOwn(STRUCTS, upper) ? STRUCTS[upper] : undefined;
  if (struct === undefined) throw new RequestError({ kind: 'unknown_struct', struct: name });
  return struct;
}

function fieldsObject(fields: unknown): JsonObject {
  if (jsonType(fields) === 'object') return fields as JsonObject;
  throw wrongArgument('fields', 'object', fields);
}

function wrongArgument(name: string, expected: string, actual: unknown): RequestError {
  const message = actual === undefined ? `${name} is missing` : `${name} takes a ${expected}, got ${jsonType(actual)}`;
  return new RequestError({ kind: 'bad_request', message });
}
