import { basename, dirname } from 'node:path';
import { layeredEnums, layeredFiles, readLayers } from 'nnrp-codegen/schema-layers';
import { parse } from 'yaml';

/** One entry of a schema's `seq`, read straight from the YAML: nothing here comes from the code generator. */
export interface SchemaField {
  readonly id: string;
  /** Property of the decoded object, such as requestedSessionId. */
  readonly property: string;
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** 0 for a check that has no bytes of its own. */
  readonly bytes: 0 | 1 | 2 | 4 | 8;
  /** Two's complement. */
  readonly signed: boolean;
  readonly contents: Uint8Array | undefined;
  /** The only value accepted. */
  readonly equal: number | undefined;
  /** Bits accepted, of a bitmap. */
  readonly mask: number | undefined;
  /** Enum id without prefix, and whether other values are refused. */
  readonly enum: string | undefined;
  readonly closed: boolean;
  readonly enumValues: readonly number[];
  /** Rule of a zero-size check, such as HELLO-1, with the fields and numbers that its expression names. */
  readonly rule: string | undefined;
  readonly ruleFields: readonly string[];
  readonly ruleNumbers: readonly number[];
  /** Error kind of a failing constant. */
  readonly faultKind: string | undefined;
  /** Name under which a reserved field is reported. */
  readonly faultName: string;
  /** Whether the decoded object has it: reserved bytes and the magic are left out. */
  readonly isValue: boolean;
}

export interface Schema {
  readonly id: string;
  readonly wireName: string;
  readonly bytes: number;
  readonly fields: readonly SchemaField[];
}

/** Every schema of a revision: parsed YAML by file name without extension, and the fixed structures. */
export interface SchemaFolder {
  readonly yaml: ReadonlyMap<string, KsyYaml>;
  readonly structs: readonly Schema[];
}

/** What the YAML of a schema holds, as far as it is looked at here. */
export interface KsyYaml {
  readonly meta: {
    readonly id: string;
    readonly '-nnrp'?: { 'wire-name'?: string; 'fault-name'?: string; removes?: readonly string[] };
  };
  readonly doc?: string;
  readonly 'doc-ref'?: string;
  readonly seq?: readonly KsySeqYaml[];
  readonly enums?: Readonly<Record<string, Readonly<Record<string, KsyEnumValueYaml>>>>;
}

export interface KsyEnumValueYaml {
  readonly id: string;
  readonly doc?: string;
  readonly 'doc-ref'?: string;
  /** The row of the message table, on values of message_type. */
  readonly '-nnrp'?: {
    readonly metadata?: string;
    readonly body?: string;
    readonly 'header-only'?: string;
    readonly 'body-lengths'?: readonly string[];
  };
}

interface KsySeqYaml {
  readonly id: string;
  readonly type?: string;
  readonly contents?: string;
  readonly enum?: string;
  readonly valid?: number | { readonly eq?: string | number; readonly expr?: string; readonly 'in-enum'?: boolean };
  readonly doc?: string;
  readonly 'doc-ref'?: string;
  readonly '-nnrp'?: { kind?: string; fault?: string; rule?: string };
}

const SIZES: Readonly<Record<string, 1 | 2 | 4 | 8>> = { u1: 1, u2: 2, u4: 4, u8: 8, s2: 2 };

/**
 * Reads every .ksy of a revision: those of its folder, laid over those of the revision below.
 *
 * @param folder - of the revision, such as spec/preview4
 */
export function readSchemas(folder: string): SchemaFolder {
  const layers = readLayers(dirname(folder), basename(folder));
  const enumFiles = layeredEnums(layers).map(({ text }) => parse(text) as KsyYaml);
  const others = [...layeredFiles(layers).values()].map(({ text }) => parse(text) as KsyYaml);
  const files = [
    ...others,
    ...enumFiles.slice(1).reduce((below, file) => [laidOver(below[0], file)], enumFiles.slice(0, 1)),
  ];
  const yaml = new Map(files.map((file) => [file.meta.id, file]));
  const enums = new Map([...yaml.values()].flatMap((file) => Object.entries(file.enums ?? {})));
  const structs = [...yaml.values()].filter((file) => file.seq !== undefined && file.meta.id !== 'nnrp_packet');
  return { yaml, structs: structs.map((file) => toSchema(file, enums)) };
}

/** The enumerations of a layer over those below it, as one schema that stands alone. */
function laidOver(below: KsyYaml | undefined, file: KsyYaml): KsyYaml {
  const removes = file.meta['-nnrp']?.removes ?? [];
  const enums: Record<string, Readonly<Record<string, KsyEnumValueYaml>>> = {};
  for (const [id, values] of Object.entries(below?.enums ?? {})) if (!removes.includes(id)) enums[id] = values;
  for (const [id, values] of Object.entries(file.enums ?? {})) enums[id] = { ...enums[id], ...values };
  return { ...file, enums };
}

function toSchema(file: KsyYaml, enums: ReadonlyMap<string, Readonly<Record<string, unknown>>>): Schema {
  let offset = 0;
  const ids = (file.seq ?? []).map(({ id }) => id);
  const fields = (file.seq ?? []).map((entry) => {
    const field = toField(file, entry, offset, ids, enums);
    offset += field.bytes;
    return field;
  });
  return {
    id: file.meta.id,
    wireName: file.meta['-nnrp']?.['wire-name'] ?? file.meta.id.toUpperCase(),
    bytes: offset,
    fields,
  };
}

function toField(
  file: KsyYaml,
  entry: KsySeqYaml,
  offset: number,
  ids: readonly string[],
  enums: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): SchemaField {
  const { id, contents, valid } = entry;
  const vendor = entry['-nnrp'];
  const expression = typeof valid === 'object' ? (valid.expr ?? '') : '';
  const equal = typeof valid === 'number' ? valid : valid?.eq === undefined ? undefined : Number(valid.eq);
  const mask = maskOf(expression, SIZES[entry.type ?? ''] ?? 0);
  const enumId = entry.enum?.replace('nnrp_enums::', '');
  const reserved = equal === 0 && vendor?.kind === undefined && vendor?.fault === undefined;
  return {
    id,
    property: id.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    offset,
    bytes: contents === undefined ? (SIZES[entry.type ?? ''] ?? 0) : 4,
    signed: entry.type?.startsWith('s') ?? false,
    contents: contents === undefined ? undefined : new TextEncoder().encode(contents),
    equal,
    mask,
    enum: enumId,
    closed: typeof valid === 'object' && valid['in-enum'] === true,
    enumValues: Object.keys(enums.get(enumId ?? '') ?? {}).map(Number),
    rule: vendor?.rule,
    ruleFields: ids.filter((other) => new RegExp(`\\b${other}\\b`).test(expression)),
    ruleNumbers: (expression.match(/\b(?:0x[0-9a-f]+|\d+)\b/g) ?? []).map(Number),
    faultKind: vendor?.kind,
    faultName: vendor?.fault ?? `${file.meta['-nnrp']?.['fault-name'] ?? file.meta.id}.${id}`,
    isValue: contents === undefined && SIZES[entry.type ?? ''] !== undefined && !reserved,
  };
}

/** Bits that a flag field takes: `(_ & 0xf0) == 0` refuses those of the constant, `(_ & ~0x0f) == 0` all others. */
function maskOf(expression: string, bytes: number): number | undefined {
  const [, complement, constant] = /^\(_ & (~?)(0x[0-9a-f]+)\) == 0$/.exec(expression) ?? [];
  if (constant === undefined) return undefined;
  return complement === '~' ? Number(constant) : 2 ** (8 * bytes) - 1 - Number(constant);
}
