import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readLayeredLayout } from 'nnrp-codegen/generate';
import type { CheckLayout, EnumLayout, FieldLayout, StructLayout } from 'nnrp-codegen/layout';
import { readLayers } from 'nnrp-codegen/schema-layers';
import { MESSAGES as PREVIEW3_MESSAGES } from 'nnrp-core/preview3';
import { MESSAGES as PREVIEW4_MESSAGES } from 'nnrp-core/preview4';
import { describe, expect, it } from 'vitest';
import { type FactCheck, type FactStruct, readWireFacts } from '../src/wire-facts.js';

/*
 * Differential tests read the same schemas on both sides, so a schema that misstates the wire agrees with itself. Here
 * the schemas are held against tables that do not come from them.
 */

const spec = fileURLToPath(new URL('../../../spec/', import.meta.url));

const BITS: Readonly<Record<FieldLayout['type'], number>> = { u8: 8, u16: 16, u32: 32, u64: 64, i16: 16 };

/** The checks of a structure in the words of the facts; neighbouring rules count as one list. */
function checksOf(struct: StructLayout): FactCheck[] {
  const checks: FactCheck[] = [];
  for (const check of struct.checks) {
    const last = checks.at(-1);
    if (check.kind === 'rule' && last?.check === 'rule') {
      checks.splice(-1, 1, { check: 'rule', rules: [...last.rules, check.rule] });
    } else {
      checks.push(checkOf(struct, check));
    }
  }
  return checks;
}

function checkOf(struct: StructLayout, check: CheckLayout): FactCheck {
  const field = (id: string) => struct.fields.find((candidate) => candidate.id === id)!;
  switch (check.kind) {
    case 'magic':
      return { check: 'constant', field: check.field, kind: check.fault, value: field(check.field).contents ?? '' };
    case 'constant':
      return { check: 'constant', field: check.field, kind: check.fault, value: check.value };
    case 'mask':
      return { check: 'mask', field: check.field, allowed: check.allowed };
    case 'enum':
      return { check: 'enum', field: check.field, enum: check.enum };
    case 'rule':
      return { check: 'rule', rules: [check.rule] };
    case 'zero': {
      const fields = check.fields.map(field);
      const bits = fields.reduce((sum, { type }) => sum + BITS[type], 0);
      return { check: 'zero', offset: fields[0]!.offset, type: `u${bits}`, field: check.name };
    }
  }
}

function namesOf({ values }: EnumLayout): Record<number, string> {
  return Object.fromEntries(values.map(({ value, id }) => [value, id]));
}

function numbered(names: Readonly<Record<string, string>>): Record<number, string> {
  return Object.fromEntries(Object.entries(names).map(([value, name]) => [Number(value), name]));
}

const REVISIONS = [
  ['preview3', PREVIEW3_MESSAGES],
  ['preview4', PREVIEW4_MESSAGES],
] as const;

describe.each(REVISIONS)('the schemas of %s describe the wire', (revision, MESSAGES) => {
  const layout = readLayeredLayout(readLayers(spec, revision));
  const facts = readWireFacts(revision);
  const structs: readonly FactStruct[] = [facts.header, ...facts.structs];

  it('has every structure and no other', () => {
    expect(layout.structs.map(({ wireName }) => wireName).sort()).toEqual(structs.map(({ name }) => name).sort());
  });

  it.each(structs.map((fact) => [fact.name, fact] as const))(
    '%s: length, fields, checks and their order',
    (name, fact) => {
      const struct = layout.structs.find(({ wireName }) => wireName === name)!;
      expect(struct.bytes).toBe(fact.length);
      const values = struct.fields.filter(({ role }) => role === 'value');
      expect(values.map(({ offset, id, type }) => ({ offset, name: id, type }))).toEqual(fact.fields);
      expect(checksOf(struct)).toEqual(fact.checks);
    },
  );

  it('leaves no gap and no overlap between fields', () => {
    for (const { id, fields, bytes } of layout.structs) {
      let end = 0;
      for (const field of fields) {
        expect(field.offset, `${id}.${field.id}`).toBe(end);
        end += BITS[field.type] / 8;
      }
      expect(end, id).toBe(bytes);
    }
  });

  it('names the same enumerations with the same values', () => {
    const ours = Object.fromEntries(layout.enums.map((entry) => [entry.id, namesOf(entry)]));
    const theirs = Object.fromEntries(Object.entries(facts.enums).map(([id, names]) => [id, numbered(names)]));
    const types = facts.messages.map(({ code, name }) => [code, name.toLowerCase()]);
    expect(ours).toEqual({ ...theirs, message_type: Object.fromEntries(types) });
  });

  it('names the same flags', () => {
    const ours = Object.fromEntries(layout.flagSets.map((entry) => [entry.id, namesOf(entry)]));
    expect(ours).toEqual(Object.fromEntries(Object.entries(facts.flags).map(([id, bits]) => [id, numbered(bits)])));
  });

  it('has the same message table', () => {
    const rows = layout.messages.map(
      ({ code, id, metadata, metadataBytes, headerOnlyRule, direction, sessionId, frameId, body, bodyLengths }) => ({
        code,
        name: id.toUpperCase(),
        metadataBytes,
        headerOnly: headerOnlyRule !== undefined,
        metadata: layout.structs.find((struct) => struct.id === metadata)?.wireName,
        direction,
        sessionId,
        frameId,
        body,
        bodyLengths: bodyLengths?.map(({ field }) => field),
      }),
    );
    expect(rows).toEqual(facts.messages);
  });

  it('ships the same message table', () => {
    const shipped = MESSAGES.map(
      ({ code, name, metadataBytes, headerOnly, metadata, direction, sessionId, frameId, body, bodyLengths }) => ({
        code,
        name,
        metadataBytes,
        headerOnly,
        metadata,
        direction,
        sessionId,
        frameId,
        body,
        bodyLengths: bodyLengths?.map(({ field }) => field),
      }),
    );
    expect(shipped).toEqual(facts.messages);
    for (const { metadata, bodyLengths = [] } of MESSAGES) {
      const struct = facts.structs.find(({ name }) => name === metadata);
      const offsets = bodyLengths.map(
        ({ field }) => struct?.fields.find(({ name }) => field.endsWith(`.${name}`))?.offset,
      );
      expect(bodyLengths.map(({ offset }) => offset)).toEqual(offsets);
    }
  });

  it('ships the layout that the schemas give', () => {
    expect(JSON.parse(readFileSync(`${spec}${revision}/layout.json`, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify({ ...layout, base: undefined })),
    );
  });
});
