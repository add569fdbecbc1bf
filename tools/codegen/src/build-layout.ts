import { checkFields } from './checks/check-fields.js';
import { checkExportedNames, checkFieldNames } from './checks/check-names.js';
import type { Diagnostics } from './diagnostics.js';
import { ExpressionError, maskOf, type Operand, parseExpression } from './expression.js';
import {
  type BodyLength,
  type CheckLayout,
  type EnumLayout,
  FIELD_BYTES,
  type FieldLayout,
  type FieldType,
  type Layout,
  type MessageLayout,
  type StructLayout,
} from './layout.js';
import type { KsyEnum, KsyField, KsyFile } from './read-ksy.js';

const TYPES: Readonly<Record<string, FieldType>> = { u1: 'u8', u2: 'u16', u4: 'u32', u8: 'u64', s2: 'i16' };
const MAX_OF: Readonly<Record<FieldType, number>> = {
  u8: 0xff,
  u16: 0xffff,
  u32: 0xffffffff,
  u64: 0xffffffff,
  i16: 0x7fff,
};
const CHECK_CLASS: Readonly<Record<CheckLayout['kind'], number>> = {
  magic: 0,
  constant: 0,
  zero: 0,
  mask: 1,
  enum: 2,
  rule: 3,
};

/** Resolves schema files into the layout of one revision; everything doubtful is reported with its place. */
export function buildLayout(revision: string, files: readonly KsyFile[], diagnostics: Diagnostics): Layout {
  const enumFile = files.find((file) => file.enums.length > 0);
  const flagSetIds = new Set(enumFile?.flagSets ?? []);
  const enums = new Map((enumFile?.enums ?? []).map((entry) => [entry.id, entry]));
  const builder = new LayoutBuilder(enums, flagSetIds, revision, diagnostics);
  for (const file of files) {
    if (file !== enumFile && file.enums.length > 0) diagnostics.report(file.at, 'enums live in one file per revision');
    if (file.fields.length + file.enums.length === 0) diagnostics.report(file.at, 'schema: neither fields nor enums');
  }
  checkEnums(enumFile, flagSetIds, diagnostics);
  const structFiles = files.filter((file) => file.fields.length > 0);
  checkExportedNames(structFiles, enumFile?.enums ?? [], flagSetIds, diagnostics);
  const structs = structFiles.map((file) => builder.struct(file));
  const faultNames = new Map(structFiles.map(({ id, faultName }) => [id, faultName ?? id]));
  const toEnum = ({ id, values }: KsyEnum): EnumLayout => ({
    id,
    values: values.map(({ value, id: name, doc, docRef }) => ({ value, id: name, doc, docRef })),
  });
  const all = [...enums.values()];
  return {
    revision,
    enums: all.filter((entry) => !flagSetIds.has(entry.id)).map(toEnum),
    flagSets: all.filter((entry) => flagSetIds.has(entry.id)).map(toEnum),
    structs,
    messages: messages(enums.get('message_type'), structs, faultNames, diagnostics),
  };
}

class LayoutBuilder {
  constructor(
    private readonly enums: ReadonlyMap<string, KsyEnum>,
    private readonly flagSets: ReadonlySet<string>,
    private readonly revision: string,
    private readonly diagnostics: Diagnostics,
  ) {}

  struct(file: KsyFile): StructLayout {
    const fields: FieldLayout[] = [];
    const checks: { readonly id: string; readonly check: CheckLayout }[] = [];
    const seen = new Set<string>();
    let offset = 0;
    checkFields(file, this.enums, this.diagnostics);
    checkFieldNames(file, this.diagnostics);
    for (const field of file.fields) {
      if (seen.has(field.id)) this.diagnostics.report(field.at, `field ${field.id}: the id is used twice`);
      seen.add(field.id);
      if (field.rule !== undefined) {
        const check = this.rule(field, fields);
        if (check !== undefined) checks.push({ id: field.id, check });
        continue;
      }
      if (checks.some(({ check }) => check.kind === 'rule')) {
        this.diagnostics.report(field.at, `field ${field.id}: zero-size rule checks must stand last`);
      }
      const layout = this.field(field, offset);
      if (layout === undefined) continue;
      fields.push(layout);
      offset += FIELD_BYTES[layout.type];
      const check = this.check(file, field, layout, fields);
      if (check !== undefined) checks.push({ id: field.id, check });
    }
    const folder = folderOf(file.path);
    const from = file.path.split('/')[1];
    return {
      id: file.id,
      ...(folder === undefined ? {} : { folder }),
      ...(from === this.revision || from === undefined ? {} : { from }),
      wireName: file.wireName ?? file.id.toUpperCase(),
      doc: file.doc,
      docRef: file.docRef,
      bytes: offset,
      fields,
      checks: this.ordered(file, checks),
    };
  }

  private field(field: KsyField, offset: number): FieldLayout | undefined {
    const common = { id: field.id, offset, doc: field.doc, docRef: field.docRef };
    if (field.contents !== undefined) {
      if (field.contents.length !== 4) this.diagnostics.report(field.at, `field ${field.id}: contents takes 4 bytes`);
      return { ...common, type: 'u32', role: 'magic', contents: field.contents };
    }
    const type = TYPES[field.type ?? ''];
    if (type === undefined) {
      this.diagnostics.report(
        field.at,
        `field ${field.id}: type must be u1, u2, u4, u8 or s2, got ${field.type ?? 'none'}`,
      );
      return undefined;
    }
    if (field.enum !== undefined && !this.enums.has(field.enum)) {
      this.diagnostics.report(field.at, `field ${field.id}: enum '${field.enum}' does not exist`);
    }
    if (field.flags !== undefined && !this.flagSets.has(field.flags)) {
      this.diagnostics.report(field.at, `field ${field.id}: '${field.flags}' is not listed in flag-sets`);
    }
    const zero = field.valid?.kind === 'eq' && field.valid.value === 0;
    if (type === 'i16' && (field.enum !== undefined || field.flags !== undefined)) {
      this.diagnostics.report(field.at, `field ${field.id}: a signed field has neither enum nor flags`);
    }
    const reserved = zero && field.faultKind === undefined && field.faultName === undefined;
    return {
      ...common,
      type,
      role: reserved ? 'reserved' : 'value',
      ...(field.enum === undefined ? {} : { enum: field.enum, closed: field.valid?.kind === 'in-enum' }),
      ...(field.flags === undefined ? {} : { flags: field.flags }),
    };
  }

  private check(
    file: KsyFile,
    field: KsyField,
    layout: FieldLayout,
    fields: readonly FieldLayout[],
  ): CheckLayout | undefined {
    if (layout.role === 'magic') return { kind: 'magic', field: field.id, fault: field.faultKind ?? 'invalid_magic' };
    const { valid } = field;
    if (valid === undefined) return undefined;
    if (layout.type === 'i16') {
      this.diagnostics.report(valid.at, `field ${field.id}: a signed field takes no check`);
      return undefined;
    }
    if (layout.type === 'u64' && (valid.kind === 'in-enum' || field.faultKind !== undefined)) {
      this.diagnostics.report(valid.at, `field ${field.id}: a 64-bit field takes no other check than valid: 0`);
      return undefined;
    }
    if (valid.kind === 'in-enum') {
      if (field.enum === undefined) {
        this.diagnostics.report(valid.at, `field ${field.id}: in-enum without enum hangs the Kaitai compiler`);
        return undefined;
      }
      return { kind: 'enum', field: field.id, enum: field.enum, fault: field.faultKind ?? 'unknown_enum_value' };
    }
    if (valid.kind === 'eq') {
      if (!(valid.value >= 0 && valid.value <= MAX_OF[layout.type])) {
        this.diagnostics.report(valid.at, `field ${field.id}: ${valid.value} does not fit ${layout.type}`);
      }
      if (field.faultKind !== undefined) {
        return { kind: 'constant', field: field.id, value: valid.value, fault: field.faultKind };
      }
      if (valid.value !== 0) {
        this.diagnostics.report(valid.at, `field ${field.id}: a constant other than 0 needs -nnrp/kind`);
        return undefined;
      }
      const name = field.faultName ?? `${file.faultName ?? file.id}.${field.id}`;
      return { kind: 'zero', name, fields: [field.id] };
    }
    return this.mask(field, valid, fields, FIELD_BYTES[layout.type] * 8);
  }

  private mask(
    field: KsyField,
    valid: Extract<KsyField['valid'], { kind: 'expr' }>,
    fields: readonly FieldLayout[],
    bits: number,
  ): CheckLayout | undefined {
    const expression = this.parse(valid, field.id, fields);
    if (expression === undefined) return undefined;
    const allowed = maskOf(expression, field.id, bits);
    if (allowed === undefined) {
      this.diagnostics.report(valid.at, `field ${field.id}: valid/expr on a field must be (_ & refused bits) == 0`);
      return undefined;
    }
    const assigned = this.enums.get(field.flags ?? '')?.values.reduce((sum, { value }) => sum | value, 0);
    if (assigned === undefined) {
      this.diagnostics.report(valid.at, `field ${field.id}: a mask needs -nnrp/flags, the enum of its bits`);
    } else if (assigned >>> 0 !== allowed) {
      const hex = (value: number) => `0x${(value >>> 0).toString(16)}`;
      this.diagnostics.report(
        valid.at,
        `field ${field.id}: mask ${hex(allowed)} but '${field.flags}' has ${hex(assigned)}`,
      );
    }
    return { kind: 'mask', field: field.id, allowed };
  }

  private rule(field: KsyField, fields: readonly FieldLayout[]): CheckLayout | undefined {
    if (field.size !== 0 || field.valid?.kind !== 'expr') {
      this.diagnostics.report(field.at, `field ${field.id}: a rule is a field of size 0 with valid/expr`);
      return undefined;
    }
    const accepted = this.parse(field.valid, undefined, fields);
    return accepted && { kind: 'rule', rule: field.rule ?? '', accepted };
  }

  private parse(
    valid: Extract<KsyField['valid'], { kind: 'expr' }>,
    self: string | undefined,
    fields: readonly FieldLayout[],
  ) {
    const operands = new Map<string, Operand>(
      fields.map((field) => [field.id, { wide: field.type === 'u64', isEnum: field.enum !== undefined }]),
    );
    try {
      return parseExpression(valid.source, self, operands);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.diagnostics.report(valid.at, error.message);
      return undefined;
    }
  }

  /** Fault order: reserved and constant fields, masks, enums, rules; or what the schema lists. */
  private ordered(
    file: KsyFile,
    checks: readonly { readonly id: string; readonly check: CheckLayout }[],
  ): readonly CheckLayout[] {
    if (file.checks === undefined) {
      const sorted = [...checks].sort((a, b) => CHECK_CLASS[a.check.kind] - CHECK_CLASS[b.check.kind]);
      return mergeZeros(sorted.map(({ check }) => check));
    }
    const listed = file.checks.flatMap(({ id, at }) => {
      const found = checks.find((entry) => entry.id === id);
      if (found === undefined) this.diagnostics.report(at, `checks: '${id}' has no check`);
      return found ?? [];
    });
    for (const { id } of checks) {
      if (!listed.some((entry) => entry.id === id)) this.diagnostics.report(file.at, `checks: '${id}' is not listed`);
    }
    return mergeZeros(listed.map(({ check }) => check));
  }
}

/** Two zero checks with one name are one check over several fields. */
function mergeZeros(checks: readonly CheckLayout[]): CheckLayout[] {
  const merged: CheckLayout[] = [];
  for (const check of checks) {
    const earlier = check.kind === 'zero' ? merged.findIndex((m) => m.kind === 'zero' && m.name === check.name) : -1;
    const found = merged[earlier];
    if (check.kind === 'zero' && found?.kind === 'zero') {
      merged[earlier] = { ...found, fields: [...found.fields, ...check.fields] };
    } else {
      merged.push(check);
    }
  }
  return merged;
}

function checkEnums(file: KsyFile | undefined, flagSets: ReadonlySet<string>, diagnostics: Diagnostics): void {
  if (file === undefined) return;
  for (const id of flagSets) {
    if (!file.enums.some((entry) => entry.id === id)) diagnostics.report(file.at, `flag-sets: '${id}' does not exist`);
  }
  for (const entry of file.enums) {
    const ids = new Set<string>();
    for (const value of entry.values) {
      if (ids.has(value.id)) diagnostics.report(value.at, `enum ${entry.id}: '${value.id}' stands twice`);
      ids.add(value.id);
      if (!(value.value >= 0 && value.value <= 0xffffffff)) {
        diagnostics.report(value.at, `enum ${entry.id}: ${value.value} does not fit 32 bits`);
      }
      const oneBit = value.value > 0 && (value.value & (value.value - 1)) === 0;
      if (flagSets.has(entry.id) && !oneBit) {
        diagnostics.report(value.at, `flag set ${entry.id}: ${value.value} is not a single bit`);
      }
    }
  }
}

const DIRECTIONS: readonly string[] = ['client_to_server', 'server_to_client', 'both'];
const IDENTIFIER_RULES: readonly string[] = ['zero', 'required', 'any'];

function messages(
  types: KsyEnum | undefined,
  structs: readonly StructLayout[],
  faultNames: ReadonlyMap<string, string>,
  diagnostics: Diagnostics,
): MessageLayout[] {
  return (types?.values ?? []).flatMap((entry) => {
    const { message } = entry;
    if (message === undefined) {
      diagnostics.report(entry.at, `message ${entry.id}: -nnrp with its row of the message table is missing`);
      return [];
    }
    const expectOneOf = (what: string, value: string, allowed: readonly string[]) => {
      if (!allowed.includes(value)) {
        diagnostics.report(
          entry.at,
          `message ${entry.id}: ${what} must be one of ${allowed.join(', ')}, got '${value}'`,
        );
      }
    };
    if (!(entry.value >= 0 && entry.value <= 0xff)) {
      diagnostics.report(entry.at, `message ${entry.id}: the type ${entry.value} does not fit a byte`);
    }
    expectOneOf('direction', message.direction, DIRECTIONS);
    expectOneOf('session-id', message.sessionId, IDENTIFIER_RULES);
    expectOneOf('frame-id', message.frameId, IDENTIFIER_RULES);
    expectOneOf('body', message.body, ['any', 'none']);
    const struct = structs.find(({ id }) => id === message.metadata);
    if (message.metadata !== undefined && struct === undefined) {
      diagnostics.report(entry.at, `message ${entry.id}: no schema '${message.metadata}'`);
    }
    if (message.metadata === undefined && !message.headerOnlyRule && !message.noMetadataRule) {
      diagnostics.report(entry.at, `message ${entry.id}: without metadata it needs header-only or no-metadata`);
    }
    const bodyLengths = message.bodyLengths?.flatMap((id): BodyLength[] => {
      const field = struct?.fields.find((candidate) => candidate.id === id && candidate.type === 'u32');
      if (field !== undefined) return [{ field: `${faultNames.get(struct?.id ?? '')}.${id}`, offset: field.offset }];
      diagnostics.report(entry.at, `message ${entry.id}: body-lengths: '${id}' is no u4 of the metadata`);
      return [];
    });
    if (bodyLengths !== undefined && (message.body !== 'any' || bodyLengths.length === 0)) {
      diagnostics.report(entry.at, `message ${entry.id}: body-lengths needs a field, and body: any`);
    }
    return {
      code: entry.value,
      id: entry.id,
      doc: entry.doc,
      docRef: entry.docRef,
      direction: message.direction as MessageLayout['direction'],
      ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
      metadataBytes: struct?.bytes ?? 0,
      sessionId: message.sessionId as MessageLayout['sessionId'],
      frameId: message.frameId as MessageLayout['frameId'],
      body: message.body as MessageLayout['body'],
      ...(bodyLengths === undefined ? {} : { bodyLengths }),
      ...(message.headerOnlyRule === undefined ? {} : { headerOnlyRule: message.headerOnlyRule }),
      ...(message.noMetadataRule === undefined ? {} : { noMetadataRule: message.noMetadataRule }),
    };
  });
}

/** `extensions` of spec/REVISION/extensions/NAME.ksy; undefined of spec/REVISION/NAME.ksy. */
function folderOf(path: string): string | undefined {
  return path.split('/').slice(2, -1).join('/') || undefined;
}
