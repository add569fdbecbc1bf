import type { StructCodec, StructField } from 'nnrp-core';
import { flagNames } from 'nnrp-core/preview3';
import type { CodecRevision } from './codec-revision.js';
import type { JsonObject } from './json-object.js';
import { jsonType, RequestError } from './request-error.js';

/** Names of the values of a revision. */
export type ValueNames = Pick<CodecRevision, 'enumNames' | 'flagNames'>;

/** More digits than any u64 can have; longer texts are not worth parsing. */
const DECIMAL = /^-?\d{1,40}$/;

/**
 * Decodes one structure to its JSON form: names of the wire, u64 as decimal strings, all else as numbers. Bytes after
 * the structure are ignored.
 *
 * @param names - of a revision: adds `<field>_name` (null when the value has none) after each enum, `<field>_names` after each
 *   flag set
 * @throws WireError
 */
export function structToJson(struct: StructCodec, view: DataView, start: number, names?: ValueNames): JsonObject {
  const value = struct.decode(view, start);
  const json: Record<string, unknown> = {};
  for (const field of struct.fields) {
    const number = value[field.property] ?? 0;
    json[field.name] = typeof number === 'bigint' ? number.toString() : number;
    if (names !== undefined && typeof number === 'number') addNames(json, field, number, names);
  }
  return json;
}

/**
 * The object a structure is encoded from. Every field must be there, and nothing else; whether the numbers fit is for
 * the encoder to say.
 *
 * @param path - put in front of field names in errors, such as `header.`
 * @throws RequestError unknown_field, missing_field or invalid_field
 */
export function structFromJson(struct: StructCodec, json: JsonObject, path = ''): Record<string, number | bigint> {
  for (const name of Object.keys(json)) {
    if (!struct.fields.some((field) => field.name === name)) {
      throw new RequestError({ kind: 'unknown_field', field: path + name });
    }
  }
  const value: Record<string, number | bigint> = {};
  for (const field of struct.fields) {
    if (!Object.hasOwn(json, field.name)) throw new RequestError({ kind: 'missing_field', field: path + field.name });
    value[field.property] = numberOf(field, json[field.name], path);
  }
  return value;
}

/** @throws RequestError invalid_field when the value is not a JSON object */
export function requireObject(value: unknown, field: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new RequestError({ kind: 'invalid_field', field, expected: 'object', actual: jsonType(value) });
}

function numberOf(field: StructField, value: unknown, path: string): number | bigint {
  if (field.type !== 'u64') {
    if (typeof value === 'number') return value;
  } else if (
    typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && DECIMAL.test(value)
  ) {
    return BigInt(value as number | string);
  }
  const expected = field.type === 'u64' ? 'decimal string' : 'number';
  throw new RequestError({ kind: 'invalid_field', field: path + field.name, expected, actual: jsonType(value) });
}

function addNames(json: Record<string, unknown>, field: StructField, value: number, names: ValueNames): void {
  if (field.enum !== undefined) json[`${field.name}_name`] = names.enumNames[field.enum]?.[value] ?? null;
  if (field.flags !== undefined) json[`${field.name}_names`] = flagNames(names.flagNames[field.flags] ?? {}, value);
}
