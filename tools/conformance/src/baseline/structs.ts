import type { StructCodec } from 'nnrp-core';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import { type JsonFields, objectOf as objectOfStruct, structNamed as structOf } from '../golden-vectors.js';

/** The codec of a structure of preview3 by wire name, which must exist. */
export function structNamed(name: string | undefined): StructCodec {
  return structOf(STRUCTS, name);
}

/** The object that a structure of preview3 decodes to, from the fields of a vector. */
export function objectOf(structName: string, json: JsonFields): Record<string, number | bigint> {
  return objectOfStruct(structNamed(structName), json);
}
