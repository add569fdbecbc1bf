import { DEFAULT_MAX_PACKET_BYTES } from 'nnrp-core';
import {
  CacheErrorCode,
  CacheErrorCodeName,
  SchemaErrorCode,
  SchemaErrorCodeName,
  SessionErrorCode,
  SessionErrorCodeName,
  TOKEN_DELTA_SCHEMA_HASH,
  TOKEN_DELTA_SCHEMA_ID,
  TOKEN_DELTA_SCHEMA_VERSION,
} from 'nnrp-core/preview4';
import { formatHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { RequestError } from '../json/request-error.js';

const U32_BYTES = 4;
const U64_BYTES = 8;

/** By the names of the vectors: `family.name`, where a family does not say its own name twice. */
const CONSTANTS: ReadonlyMap<string, number | bigint> = new Map<string, number | bigint>([
  ...family('session', SessionErrorCode, SessionErrorCodeName),
  ...family('cache', CacheErrorCode, CacheErrorCodeName),
  ...family('schema', SchemaErrorCode, SchemaErrorCodeName),
  ['token_delta.schema_id', TOKEN_DELTA_SCHEMA_ID],
  ['token_delta.schema_version', TOKEN_DELTA_SCHEMA_VERSION],
  ['token_delta.schema_hash', TOKEN_DELTA_SCHEMA_HASH],
  ['packet_limit', DEFAULT_MAX_PACKET_BYTES],
]);

function family(
  name: string,
  values: Readonly<Record<string, number>>,
  names: Readonly<Record<number, string | undefined>>,
): [string, number][] {
  const prefix = `${name}_`;
  return Object.values(values).flatMap((value) => {
    const own = names[value] ?? String(value);
    const short = own.startsWith(prefix) ? own.slice(prefix.length) : own;
    return [...new Set([short, own])].map((each): [string, number] => [`${name}_error.${each}`, value]);
  });
}

/** A number of the protocol, in decimal and as little-endian bytes. @throws RequestError for a name that is none */
export function constantNamed(name: string): JsonObject {
  const value = CONSTANTS.get(name);
  if (value === undefined) {
    const known = [...CONSTANTS.keys()].join(', ');
    throw new RequestError({ kind: 'invalid_field', field: 'name', expected: known, actual: `'${name.slice(0, 40)}'` });
  }
  const bytes = new Uint8Array(typeof value === 'bigint' ? U64_BYTES : U32_BYTES);
  const view = new DataView(bytes.buffer);
  if (typeof value === 'bigint') view.setBigUint64(0, value, true);
  else view.setUint32(0, value, true);
  return { value: String(value), hex: formatHex(bytes) };
}
