import { isWireError } from 'nnrp-core';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import { describe, expect, it } from 'vitest';
import type { OptionTable } from '../../src/base/option-kinds.js';
import { HELLO_FIELDS } from '../../src/client/hello/hello-fields.js';
import { SUBMIT_FIELDS } from '../../src/client/submits/submit-fields.js';
import { RESULT_FIELDS } from '../../src/server/contract/result-fields.js';

const TABLES: Readonly<Record<string, OptionTable>> = {
  FRAME_SUBMIT: SUBMIT_FIELDS,
  RESULT_PUSH: RESULT_FIELDS,
  CLIENT_HELLO: HELLO_FIELDS,
};
const VALUES: readonly unknown[] = [
  ...[0, 1, 2, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000],
  ...[-1, 1.5, Number.NaN, 1n, '1', true, null, {}],
];
/** Faults of one field alone. */
const OF_A_FIELD = ['field_out_of_range', 'unknown_enum_value', 'reserved_bits_set'];

function isRefused(name: string, property: string, value: unknown): boolean {
  const struct = STRUCTS[name];
  if (struct === undefined) throw new Error(`no structure ${name}`);
  const fields = Object.fromEntries(struct.fields.map((field) => [field.property, field.type === 'u64' ? 0n : 0]));
  try {
    struct.encode({ ...fields, [property]: value as never }, new DataView(new ArrayBuffer(struct.bytes)));
    return false;
  } catch (error) {
    return isWireError(error) && OF_A_FIELD.includes(error.fault.kind);
  }
}

describe.each(Object.entries(TABLES))('what each field of %s takes', (name, table) => {
  it.each([...table].filter(([, kind]) => kind !== undefined))(
    'is what its codec takes of it alone: %s',
    (property, kind) => {
      for (const value of VALUES) {
        expect([value, kind?.fits(value)]).toEqual([value, !isRefused(name, property, value)]);
      }
    },
  );
});
