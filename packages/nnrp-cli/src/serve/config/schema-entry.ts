import { isWireError, shownValue } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';

const SCHEMA = STRUCTS['SCHEMA_DESCRIPTOR_HEADER']!;

/**
 * One entry of `schemas` in a configuration file: a pair [id, version], or an object with fields of a schema header in
 * camelCase or snake_case. What is left out is as in the standard token-delta schema; its hash only where id and version
 * are the standard's too.
 *
 * @param fail - throws; is given what is wrong, beginning with a colon or the key
 */
export function readSchema(entry: unknown, fail: (message: string) => never): preview3.SchemaDescriptorHeader {
  const given = Array.isArray(entry) ? pair(entry, fail) : fields(entry, fail);
  const { TOKEN_DELTA_SCHEMA: standard } = preview3;
  const isStandard = given['schemaId'] === standard.schemaId && given['schemaVersion'] === standard.schemaVersion;
  const schema = { ...standard, schemaHash: isStandard ? standard.schemaHash : 0n, ...given };
  try {
    SCHEMA.encode(schema, new DataView(new ArrayBuffer(SCHEMA.bytes)));
  } catch (error) {
    if (isWireError(error)) return fail(`: ${error.message.replace(/^\[\w+\] \w+: /, '')}`);
    throw error;
  }
  return schema;
}

function pair(entry: readonly unknown[], fail: (message: string) => never): Record<string, number | bigint> {
  const [schemaId, schemaVersion, ...rest] = entry;
  if (typeof schemaId !== 'number' || typeof schemaVersion !== 'number' || rest.length > 0) {
    return fail(`: takes [id, version], got ${shownValue(entry)}`);
  }
  return { schemaId, schemaVersion };
}

function fields(entry: unknown, fail: (message: string) => never): Record<string, number | bigint> {
  if (typeof entry !== 'object' || entry === null) {
    return fail(`: takes [id, version] or a schema header, got ${shownValue(entry)}`);
  }
  const given: Record<string, number | bigint> = {};
  for (const [key, value] of Object.entries(entry)) {
    const field = SCHEMA.fields.find(({ name, property }) => name === key || property === key);
    if (field === undefined) return fail(`.${key}: a schema header has no such field`);
    if (field.type === 'u64') {
      const isDecimal = typeof value === 'string' && /^\d{1,20}$/.test(value);
      if (!isDecimal && !Number.isSafeInteger(value)) return fail(`.${key}: takes a decimal string`);
      given[field.property] = BigInt(value as string | number);
    } else if (typeof value === 'number') {
      given[field.property] = value;
    } else {
      return fail(`.${key}: takes a number, got ${shownValue(value)}`);
    }
  }
  if (given['schemaId'] === undefined) return fail('.schema_id: is missing');
  if (given['schemaVersion'] === undefined) return fail('.schema_version: is missing');
  return given;
}
