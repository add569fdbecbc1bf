import type { RevisionName } from 'nnrp-runtime';
import { type CodecRevision, REVISION_NAMES, REVISIONS, revisionNamed } from '../json/codec-revision.js';
import { decodeGuessed } from '../json/guess-revision.js';
import { formatHex, parseHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { packetFromJson, packetToJson } from '../json/packet-json.js';
import { jsonType, RequestError } from '../json/request-error.js';
import { structFromJson, structToJson } from '../json/struct-json.js';
import { CAPABILITY_TOKENS } from '../vectors/body-kinds.js';
import { Members } from '../vectors/members.js';

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
  /**
   * preview3 or preview4; default preview3, but for decoding PACKET with `guess`, and for encoding what was decoded so: there
   * the fields say which.
   */
  readonly revision?: unknown;
  /** For decoding PACKET without a revision: finds it out, and adds it in front of the header. */
  readonly guess?: boolean;
}

/** `fields` of a decode, `hex` of an encode. */
export type CodecAnswer = { readonly fields: JsonObject } | { readonly hex: string };

const PACKET = 'PACKET';
/** The body of CAPABILITY_NEGOTIATION and DEGRADE_PROFILE of preview4, `{"tokens":[...]}`. */
const CAPABILITY_LIST = 'CAPABILITY_TOKENS';

/** Names that `struct` takes, by revision. */
export const STRUCT_NAMES: Readonly<Record<RevisionName, readonly string[]>> = {
  preview3: [PACKET, ...Object.keys(REVISIONS.preview3.structs)],
  preview4: [PACKET, CAPABILITY_LIST, ...Object.keys(REVISIONS.preview4.structs)],
};

/**
 * Decodes or encodes.
 *
 * @throws RequestError when the request is wrong, WireError when the bytes or values are
 */
export function performRequest(request: CodecRequest): CodecAnswer {
  return request.op === 'decode' ? { fields: decode(request) } : { hex: formatHex(encode(request)) };
}

function decode({ struct: name, hex, names = false, revision: given, guess = false }: CodecRequest): JsonObject {
  const revision = requireRevision(given);
  const struct = structNamed(revision, name);
  if (typeof hex !== 'string') throw wrongArgument('hex', 'string', hex);
  const bytes = parseHex(hex);
  if (struct === PACKET) {
    if (given !== undefined || !guess) return packetToJson(revision, bytes, names);
    const { revision: guessed, packet } = decodeGuessed(bytes, names);
    return { revision: guessed, ...packet };
  }
  if (struct === CAPABILITY_LIST) return CAPABILITY_TOKENS.decode(bytes, new Members({}, ''));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return structToJson(struct, view, 0, names ? revision : undefined);
}

function encode({ struct: name, fields, messageType, revision: given }: CodecRequest): Uint8Array {
  const revision = requireRevision(given ?? guessedRevision(name, fields));
  const struct = structNamed(revision, name);
  if (struct === PACKET) {
    const noFields = fields === undefined && messageType !== undefined;
    const { revision: _, ...packet } = noFields ? {} : fieldsObject(fields);
    return packetFromJson(revision, packet, messageType);
  }
  if (struct === CAPABILITY_LIST) return encodeTokens(new Members(fieldsObject(fields), ''));
  const value = structFromJson(struct, fieldsObject(fields));
  const bytes = new Uint8Array(struct.bytes);
  struct.encode(value, new DataView(bytes.buffer));
  return bytes;
}

function encodeTokens(fields: Members): Uint8Array {
  const bytes = CAPABILITY_TOKENS.encode(fields, new Members({}, ''));
  fields.end();
  return bytes;
}

function requireRevision(name: unknown = 'preview3'): CodecRevision {
  const revision = revisionNamed(name);
  if (revision !== undefined) return revision;
  const message = `revision takes ${REVISION_NAMES.join(' or ')}, got ${typeof name === 'string' ? `'${name.slice(0, 40)}'` : jsonType(name)}`;
  throw new RequestError({ kind: 'bad_request', message });
}

/** What a decoded packet says of its revision; of one that all read alike, nothing. */
function guessedRevision(name: string, fields: unknown): unknown {
  if (name.toUpperCase() !== PACKET || jsonType(fields) !== 'object') return undefined;
  const { revision } = fields as JsonObject;
  return revision === 'any' ? undefined : revision;
}

function structNamed({ name: revision, structs }: CodecRevision, name: string) {
  const upper = name.toUpperCase();
  if (upper === PACKET || (upper === CAPABILITY_LIST && revision === 'preview4')) return upper;
  const struct = Object.hasOwn(structs, upper) ? structs[upper] : undefined;
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
