import { isNnrpError, isWireError, WireError } from 'nnrp-core';
import { checkCapabilityTokens, decodeCapability, MESSAGES } from 'nnrp-core/preview4';
import type { RevisionName } from 'nnrp-runtime';
import { formatHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { RequestError } from '../json/request-error.js';
import { structFromJson, structToJson } from '../json/struct-json.js';
import { BODY_KINDS } from './body-kinds.js';
import { build } from './builders.js';
import { check } from './checks.js';
import { constantNamed } from './constants.js';
import { Members } from './members.js';
import { endpoint, select } from './routes.js';
import { runScript } from './scripts.js';
import { structNamed } from './values.js';

type Answer = (request: Members) => JsonObject;

/** What else `op` takes, beside decode and encode. */
const OPS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['check', check],
  ['build', build],
  ['run', runScript],
  ['select', select],
  ['endpoint', endpoint],
  ['constant', (request) => constantNamed(request.text('name'))],
]);
const MESSAGE = 'message';
const REVISION: RevisionName = 'preview4';

/** What `op` takes here. */
export const VECTOR_OPS = [...OPS.keys()];

/** What a request does that does not say so: each section of the vectors has a member of its own. */
export function impliedOp(request: JsonObject): string | undefined {
  if (Object.hasOwn(request, 'check')) return 'check';
  if (Object.hasOwn(request, 'builder')) return 'build';
  if (Object.hasOwn(request, 'machine')) return 'run';
  if (Object.hasOwn(request, 'input')) return 'select';
  return request['kind'] === 'application' || request['kind'] === 'provider' ? 'endpoint' : undefined;
}

/**
 * Answers a request that is about no single structure and no packet.
 *
 * @param op - decode, encode or one of {@link VECTOR_OPS}
 * @returns undefined for what is about a structure or a packet
 * @throws RequestError for what is no request, WireError for what breaks a rule
 */
export function answerVector(op: string, revision: unknown, json: JsonObject): JsonObject | undefined {
  const answer = OPS.get(op) ?? (op === 'decode' || op === 'encode' ? codecOf(op, json) : undefined);
  if (answer === undefined) return undefined;
  if (revision !== REVISION) {
    const what = OPS.has(op) ? `op ${op}` : `kind ${kindOf(json)}`;
    throw badRequest(`${what} is of ${REVISION}: name it as revision, or say --revision ${REVISION}`);
  }
  try {
    return answer(new Members(json, ''));
  } catch (error) {
    if (isWireError(error) || !isNnrpError(error)) throw error;
    throw badRequest(error.rawMessage);
  }
}

/** What is read or written, where it is no single structure. */
function kindOf({ kind, struct }: JsonObject): string | undefined {
  if (kind === MESSAGE || (typeof kind === 'string' && BODY_KINDS.has(kind))) return kind;
  return typeof struct === 'string' ? struct.toLowerCase() : undefined;
}

/** @returns undefined for a structure, the header or a packet */
function codecOf(op: 'decode' | 'encode', { kind, struct }: JsonObject): Answer | undefined {
  if (kind === MESSAGE) return op === 'decode' ? decodeMessage : encodeMessage;
  const name = kindOf({ kind, struct });
  const codec = name === undefined ? undefined : BODY_KINDS.get(name);
  if (codec === undefined) return undefined;
  return (request) => {
    const context = request.has('context') ? request.members('context') : new Members({}, 'context');
    if (op === 'decode') return { fields: codec.decode(request.bytes('hex'), context) };
    const fields = request.members('fields');
    const bytes = codec.encode(fields, context);
    fields.end();
    return { hex: formatHex(bytes) };
  };
}

/** Metadata, and behind it the body of its packet. */
function decodeMessage(request: Members): JsonObject {
  const name = request.text('struct').toUpperCase();
  const bytes = request.bytes('hex');
  const struct = structNamed(name);
  const metadata = structToJson(struct, viewOf(bytes), 0);
  const tail = bytes.subarray(struct.bytes);
  requireTail(name, bytes, tail);
  return { fields: { metadata, tail_hex: formatHex(tail) } };
}

function encodeMessage(request: Members): JsonObject {
  const name = request.text('struct').toUpperCase();
  const struct = structNamed(name);
  const fields = request.members('fields');
  const tail = fields.bytes('tail_hex');
  const metadata = structFromJson(struct, fields.members('metadata').json, 'fields.metadata.');
  fields.end();
  const bytes = new Uint8Array(struct.bytes + tail.length);
  struct.encode(metadata, viewOf(bytes));
  bytes.set(tail, struct.bytes);
  requireTail(name, bytes, tail);
  return { hex: formatHex(bytes) };
}

/** @throws WireError when the body is not as long as the metadata announces, or no list of capabilities where it has to be one */
function requireTail(name: string, bytes: Uint8Array, tail: Uint8Array): void {
  const info = MESSAGES.find(({ metadata }) => metadata === name);
  if (info === undefined) throw new RequestError({ kind: 'unknown_struct', struct: name });
  const view = viewOf(bytes);
  const lengths = info.bodyLengths ?? [];
  const declared = lengths.reduce((sum, { offset }) => sum + view.getUint32(offset, true), 0);
  if (declared !== tail.length) {
    const field = lengths.at(-1)?.field ?? 'body_len';
    throw new WireError({ kind: 'declared_length_mismatch', field, declared, actual: tail.length }, name);
  }
  if (name !== 'CAPABILITY') return;
  const fault = checkCapabilityTokens(tail, decodeCapability(view).capabilityCount);
  if (fault !== undefined) throw new WireError(fault, name);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function badRequest(message: string): RequestError {
  return new RequestError({ kind: 'bad_request', message });
}
