import { isDeepStrictEqual } from 'node:util';
import type { WireRule } from 'nnrp-core';
import { type CodecUnderTest, type RuleMeaning, thrownFault, type Values } from './codec-under-test.js';
import type { OracleParser } from './kaitai-oracle.js';
import type { Random } from './random.js';
import type { Schema, SchemaField } from './schema.js';
import { type StructInputs, writeField } from './struct-inputs.js';

interface WriteOptions {
  readonly schema: Schema;
  readonly codec: CodecUnderTest;
  readonly oracle: OracleParser;
  readonly rules: readonly WireRule[];
}

const GUARD = 0x5a;

/**
 * Checks what encode makes of values that were accepted and then changed: some fit their fields and may break rules,
 * some fit no field. `values` is changed.
 */
export function compareWrites(
  options: WriteOptions,
  meanings: readonly RuleMeaning[],
  values: Values,
  random: Random,
  source: StructInputs,
): string | undefined {
  const fields = options.schema.fields.filter((field) => field.isValue);
  const field = random.pick(fields);
  if (random.chance(40)) return refusesUnfit(options, field, values, random);
  for (const changed of [field, random.pick(fields)]) {
    const value = source.edge(changed);
    values[changed.property] =
      changed.bytes === 8 ? value : Number(changed.signed ? BigInt.asIntN(changed.bytes * 8, value) : value);
  }
  return comparePossible(options, meanings, values);
}

/** Values that fit: the oracle judges the bytes that a writer without any checks makes of them. */
function comparePossible(options: WriteOptions, meanings: readonly RuleMeaning[], values: Values): string | undefined {
  const { schema, codec, oracle, rules } = options;
  const bytes = new Uint8Array(schema.bytes);
  const plain = new DataView(bytes.buffer);
  for (const field of schema.fields) {
    if (field.contents !== undefined) bytes.set(field.contents, field.offset);
    else if (field.isValue) writeField(plain, field.offset, field.bytes, BigInt(values[field.property] ?? 0));
  }
  const target = new Uint8Array(schema.bytes).fill(GUARD);
  const view = new DataView(target.buffer);
  const shown = () => `writing ${showValues(values)}`;
  if (oracle.parse(bytes).accepted) {
    codec.encode(values, view);
    return Buffer.compare(target, bytes) === 0 ? undefined : `${shown()} gives ${Buffer.from(target).toString('hex')}`;
  }
  const fault = thrownFault(() => codec.encode(values, view));
  if (!target.every((byte) => byte === GUARD)) return `${shown()} was refused after a byte was written`;
  const broken = new Set(oracle.brokenChecks(bytes));
  const order = [...meanings.keys()].sort((a, b) => writeOrder(rules[a + 1]) - writeOrder(rules[b + 1]));
  const first = order.find((index) => meanings[index]?.fields.some((field) => broken.has(field))) ?? -1;
  const expected = meanings[first]?.fault(plain);
  if (isDeepStrictEqual(fault, expected)) return undefined;
  return `${shown()} reports ${JSON.stringify(fault)}, expected ${JSON.stringify(expected)}`;
}

/** On a write, a named field that must be zero is tested after the rules that may explain it better. */
function writeOrder(rule: WireRule | undefined): number {
  return rule?.kind === 'nonzero_reserved_field' ? 1 : 0;
}

/** Values that the field cannot hold are refused by name, before anything is written. */
function refusesUnfit(
  { schema, codec }: WriteOptions,
  field: SchemaField,
  values: Values,
  random: Random,
): string | undefined {
  const unfit: readonly unknown[] =
    field.bytes === 8
      ? [-1n, 1n << 64n, 1, undefined, '1', 0.5]
      : [...outside(field), 2 ** 32, 0.5, Number.NaN, 1n, '1', undefined];
  const value = random.pick(unfit);
  values[field.property] = value as number;
  const target = new Uint8Array(schema.bytes).fill(GUARD);
  const fault = thrownFault(() => codec.encode(values, new DataView(target.buffer)));
  const shown = `writing ${String(value)} as ${field.id}`;
  if (!target.every((byte) => byte === GUARD)) return `${shown} wrote bytes`;
  if (typeof fault === 'string' || fault instanceof Error) return `${shown}: ${String(fault)}`;
  if (fault.kind === 'field_out_of_range')
    return fault.field === field.id ? undefined : `${shown} blames ${fault.field}`;
  // Where a rule is narrower than the field, the rule may speak first; it has to report this very value.
  return 'value' in fault && fault.value === value ? undefined : `${shown} reports ${JSON.stringify(fault)}`;
}

/** The next values below and above what a field of less than 64 bits holds. */
function outside({ bytes, signed }: SchemaField): number[] {
  const values = 2 ** (bytes * 8);
  return signed ? [-values / 2 - 1, values / 2] : [-1, values];
}

function showValues(values: Values): string {
  return JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}
