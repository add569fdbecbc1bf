import type { StructCodec, WireFault, WireRule } from 'nnrp-core';
import type { Schema, SchemaField } from './schema.js';

/** A generated flyweight: `at`, and one getter a field (two more for the halves of a u64). */
export interface Flyweight {
  at(view: DataView, start?: number): this;
}

/** Everything that is generated for one structure. */
export interface CodecUnderTest {
  readonly check: StructCodec['check'];
  readonly decode: StructCodec['decode'];
  readonly encode: StructCodec['encode'];
  readonly View: new (view?: DataView, start?: number) => Flyweight;
}

/** The decoded form, as tools see it. */
export type Values = Record<string, number | bigint>;

/** What a rule of a structure means in terms of its schema. */
export interface RuleMeaning {
  /** Indices into the schema's fields: the rule is broken when the check of one of them fails. */
  readonly fields: readonly number[];
  /** The fault that must be reported for these bytes. */
  fault(view: DataView): WireFault;
}

/**
 * Ties every rule after the length check to the schema fields that it must stand for. Only the order, and which rules
 * there are, come from `rules`: widths, offsets and values are the schema's.
 *
 * @throws when a rule fits no field, or a field's check fits no rule
 */
export function meaningsOf(schema: Schema, rules: readonly WireRule[]): RuleMeaning[] {
  const meanings = rules.slice(1).map((rule) => {
    const fields = schema.fields.flatMap((field, index) => (concerns(rule, field) ? [index] : []));
    const first = schema.fields[fields[0] ?? -1];
    if (first === undefined) throw new Error(`${schema.wireName}: no field for ${JSON.stringify(rule)}`);
    return { fields, fault: (view: DataView) => faultOf(rule, first, view) };
  });
  const covered = new Set(meanings.flatMap(({ fields }) => fields));
  schema.fields.forEach((field, index) => {
    const checked = field.contents ?? field.equal ?? field.mask ?? field.rule ?? (field.closed || undefined);
    if (checked !== undefined && !covered.has(index)) throw new Error(`${schema.wireName}: no rule for ${field.id}`);
  });
  return meanings;
}

function concerns(rule: WireRule, field: SchemaField): boolean {
  switch (rule.kind) {
    case 'source_too_short':
      return false;
    case 'invalid_magic':
      return field.contents !== undefined;
    case 'invalid_combination':
      return field.rule === rule.rule;
    case 'nonzero_reserved_field':
      return field.equal === 0 && field.faultKind === undefined && field.faultName === rule.field;
    case 'reserved_bits_set':
      return field.mask === rule.allowed && field.id === rule.field;
    case 'unknown_enum_value':
      return field.closed && field.faultKind === undefined && field.enum === rule.enum && field.id === rule.field;
    default:
      return field.faultKind === rule.kind && field.id === rule.field;
  }
}

function faultOf(rule: WireRule, field: SchemaField, view: DataView): WireFault {
  const value = () => Number(readField(view, field.offset, field.bytes));
  switch (rule.kind) {
    case 'source_too_short':
      return { kind: rule.kind, expected: rule.bytes, actual: view.byteLength };
    case 'invalid_magic':
      return { kind: rule.kind };
    case 'invalid_combination':
      return { kind: rule.kind, rule: rule.rule };
    case 'nonzero_reserved_field':
      return { kind: rule.kind, field: field.faultName };
    case 'reserved_bits_set':
      return { kind: rule.kind, value: value(), allowed: field.mask ?? Number.NaN };
    case 'unknown_enum_value':
      return { kind: rule.kind, enum: field.enum ?? '', value: value() };
    default:
      return { kind: rule.kind, value: value() };
  }
}

/** Reads an unsigned field of 1, 2, 4 or 8 bytes, least significant first; 8 bytes give a bigint. */
export function readField(view: DataView, offset: number, bytes: number): number | bigint {
  if (bytes === 8) return view.getBigUint64(offset, true);
  if (bytes === 4) return view.getUint32(offset, true);
  return bytes === 2 ? view.getUint16(offset, true) : view.getUint8(offset);
}

/** The fault carried by what a codec threw; undefined for any other error, which is a bug in itself. */
export function thrownFault(run: () => unknown): WireFault | 'nothing thrown' | Error {
  try {
    run();
    return 'nothing thrown';
  } catch (error) {
    const fault = (error as { fault?: WireFault }).fault;
    return fault ?? (error as Error);
  }
}
