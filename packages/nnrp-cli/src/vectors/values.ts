import type { StructCodec } from 'nnrp-core';
import { REVISIONS } from '../json/codec-revision.js';
import type { JsonObject } from '../json/json-object.js';
import { RequestError } from '../json/request-error.js';
import { structFromJson, structToJson } from '../json/struct-json.js';
import { Members } from './members.js';

type StructValue = Readonly<Record<string, number | bigint>>;

/** A structure of preview4 by its name. @throws RequestError when there is none */
export function structNamed(name: string): StructCodec {
  const { structs } = REVISIONS.preview4;
  const struct = Object.hasOwn(structs, name) ? structs[name] : undefined;
  if (struct === undefined) throw new RequestError({ kind: 'unknown_struct', struct: name });
  return struct;
}

/** A decoded structure as JSON. */
export function valueToJson(name: string, value: object): JsonObject {
  const struct = structNamed(name);
  const view = new DataView(new ArrayBuffer(struct.bytes));
  struct.encode(value as StructValue, view);
  return structToJson(struct, view, 0);
}

/** The member of that name as a structure. @param derived - fields that may be left out, since they follow from the rest */
export function valueIn<T>(members: Members, field: string, name: string, derived: readonly string[] = []): T {
  const { json } = members.members(field);
  const zeros = Object.fromEntries(derived.map((each) => [each, 0]));
  return structFromJson(structNamed(name), { ...zeros, ...json }, `${members.at(field)}.`) as T;
}

/** An item of a list as a structure. */
export function valueAt<T>(name: string): (value: unknown, path: string) => T {
  return (value, path) => structFromJson(structNamed(name), new Members(value, path).json, `${path}.`) as T;
}
