import { fieldsOf, printExpression, type WideComparison } from '../expression.js';
import {
  type CheckLayout,
  FIELD_BYTES,
  type FieldLayout,
  type FieldType,
  type Layout,
  type StructLayout,
} from '../layout.js';
import { camel, constant, hex, pascal } from '../names.js';
import { docstring, generatedHeader, outsideEnum } from './emit-typescript.js';
import { emitView } from './emit-view.js';
import { fieldDoc, offsetText, readOf, typeOf, WRITE } from './struct-fields.js';

/** Structures that come with each frame, or that `bench codec` has a goal for: their decoders read no field twice, and their encoders call nothing. */
const OF_EACH_FRAME = new Set(['common_header', 'session_open', 'frame_submit', 'result_push', 'partial_result']);

/** What generated code may need of `bytes/codec`. */
const HELPERS = [
  'decodeFailed',
  'destinationTooShort',
  'encodeFailed',
  'NO_BYTES',
  'outOfRange',
  'requireI16',
  'requireU16',
  'requireU32',
  'requireU64',
  'requireU8',
  'sourceTooShort',
];

/** The codec of one structure, as a TypeScript module. */
export function emitStruct(layout: Layout, struct: StructLayout): string {
  const emitter = new StructEmitter(layout, struct);
  const code = [emitter.check(), emitter.decode(), emitter.encode(), emitView(struct)];
  return [
    generatedHeader(
      ['spec', struct.from ?? layout.revision, struct.folder, `${struct.id}.ksy`].filter(Boolean).join('/'),
    ),
    emitter.imports(code.join('\n')),
    emitter.constants(),
    emitter.interface(),
    ...code,
  ].join('\n');
}

class StructEmitter {
  private readonly name: string;
  private readonly prefix: string;
  private readonly values: readonly FieldLayout[];

  constructor(
    private readonly layout: Layout,
    private readonly struct: StructLayout,
  ) {
    this.name = pascal(struct.id);
    this.prefix = constant(struct.id);
    this.values = struct.fields.filter((field) => field.role === 'value');
  }

  /** @param code - that uses what is imported */
  imports(code: string): string {
    const enums = [...new Set(this.values.filter((f) => f.closed).map((f) => pascal(f.enum ?? '')))].sort();
    const helpers = HELPERS.filter((helper) => new RegExp(`\\b${helper}\\b`).test(code));
    return [
      `import { ${helpers.join(', ')} } from '../../bytes/codec.js';`,
      `import { frozenRows } from '../../bytes/tables.js';`,
      `import type { WireRule } from '../../faults/fault.js';`,
      ...(enums.length > 0 ? [`import type { ${enums.join(', ')} } from './enums.js';`] : []),
      '',
    ].join('\n');
  }

  constants(): string {
    const { struct, prefix } = this;
    const offsets = struct.fields.map((field) => `  ${camel(field.id)}: ${field.offset},\n`).join('');
    const rules = [
      { text: `{ kind: 'source_too_short', bytes: ${struct.bytes} }` },
      ...struct.checks.map((check) => ({ text: this.rule(check) })),
    ];
    return [
      `/** Length of ${struct.wireName} in bytes. */`,
      `export const ${prefix}_BYTES = ${struct.bytes};`,
      '',
      `/** Offset of every field of ${struct.wireName}, in bytes from its start. */`,
      `export const ${prefix}_OFFSETS = /* @__PURE__ */ Object.freeze({\n${offsets}} as const);`,
      '',
      `/** What {@link check${this.name}} tests, in fault order; its result is an index into this table. */`,
      `export const ${prefix}_RULES: readonly WireRule[] = /* @__PURE__ */ frozenRows<WireRule>([`,
      ...rules.map(({ text }) => `  ${text},`),
      ']);',
      '',
    ].join('\n');
  }

  interface(): string {
    const fields = this.values.map(
      (field) => `${docstring(fieldDoc(field), '  ')}  readonly ${camel(field.id)}: ${typeOf(field)};\n`,
    );
    return `${docstring([this.struct.doc, `@see ${this.struct.docRef}`])}export interface ${this.name} {\n${fields.join('')}}\n`;
  }

  check(): string {
    const { name, struct } = this;
    const reader = (id: string) => readOf(this.field(id));
    return [
      docstring([
        `Checks the ${struct.bytes} bytes of ${struct.wireName} at \`start\` without throwing or allocating; bytes after them are ignored.`,
        `@returns the index in {@link ${this.prefix}_RULES} of the first broken rule, or -1`,
      ]).trimEnd(),
      `export function check${name}(view: DataView, start = 0): number {`,
      `  if (!(start >= 0 && start + ${struct.bytes} <= view.byteLength)) return 0;`,
      ...struct.checks.map((check, index) => `  if (${this.broken(check, reader, this.halves)}) return ${index + 1};`),
      '  return -1;',
      '}',
      '',
    ].join('\n');
  }

  decode(): string {
    return OF_EACH_FRAME.has(this.struct.id) ? this.decodeAtOnce() : this.decodeChecked();
  }

  /** Checks, then reads: some fields are read twice, and bundles hold each condition once. */
  private decodeChecked(): string {
    const { prefix, struct } = this;
    return [
      ...this.decodeHead(),
      `  const rule = check${this.name}(view, start);`,
      `  if (rule !== -1) throw decodeFailed(${prefix}_RULES, rule, view, start, '${struct.wireName}');`,
      '  return {',
      ...this.values.map((field) => {
        const type = typeOf(field);
        const cast = type === 'number' || type === 'bigint' ? '' : ` as ${type}`;
        return `    ${camel(field.id)}: ${readOf(field)}${cast},`;
      }),
      '  };',
      '}',
      '',
    ].join('\n');
  }

  private decodeHead(): string[] {
    const { name, prefix, struct } = this;
    return [
      docstring([
        `Decodes ${struct.wireName} at \`start\`; the result is a copy that shares nothing with the view.`,
        `@throws WireError when the view is too short or a rule of {@link ${prefix}_RULES} is broken`,
      ]).trimEnd(),
      `export function decode${name}(view: DataView, start = 0): ${name} {`,
    ];
  }

  /** Reads each field once. */
  private decodeAtOnce(): string {
    const { struct } = this;
    const needed = new Set(struct.checks.flatMap((check) => (check.kind === 'rule' ? [] : this.checkedFields(check))));
    const early = struct.fields.filter((f) => f.role === 'value' && (needed.has(f.id) || f.type !== 'u64'));
    const local = (id: string) => (this.field(id).role === 'value' ? camel(id) : readOf(this.field(id)));
    const late = this.values.filter((field) => !early.includes(field));
    return [
      ...this.decodeHead(),
      `  if (!(start >= 0 && start + ${struct.bytes} <= view.byteLength)) {`,
      `    throw sourceTooShort(${struct.bytes}, view, start, '${struct.wireName}');`,
      '  }',
      ...early.map((field) => `  const ${camel(field.id)} = ${readOf(field)};`),
      ...this.decodeChecks(local),
      '  return {',
      ...this.values.map((field) => {
        if (late.includes(field)) return `    ${camel(field.id)}: ${readOf(field)},`;
        const type = typeOf(field);
        return `    ${camel(field.id)}${type === 'number' ? '' : `: ${camel(field.id)} as ${type}`},`;
      }),
      '  };',
      '}',
      '',
    ].join('\n');
  }

  /** One throw for all rules: bundles of clients carry the decoders. */
  private decodeChecks(local: (id: string) => string): string[] {
    const { struct, prefix } = this;
    const failed = (rule: string) => `throw decodeFailed(${prefix}_RULES, ${rule}, view, start, '${struct.wireName}');`;
    const [first, ...others] = struct.checks;
    if (first === undefined) return [];
    if (others.length === 0) return [`  if (${this.broken(first, local, this.halves)}) ${failed('1')}`];
    return [
      '  const rule =',
      ...struct.checks.map((check, index) => `    ${this.broken(check, local, this.halves)} ? ${index + 1} :`),
      '    0;',
      `  if (rule !== 0) ${failed('rule')}`,
    ];
  }

  encode(): string {
    const { name, struct } = this;
    const local = (id: string) => camel(id);
    const checks = this.writeChecks().map(({ check, index }) => {
      const value = check.kind === 'rule' ? 'undefined' : camel(this.checkedFields(check).at(-1) ?? '');
      const condition = this.broken(this.onWrite(check), local, this.whole);
      return `  if (${condition}) throw encodeFailed(${this.prefix}_RULES, ${index}, ${value}, '${struct.wireName}');`;
    });
    return [
      docstring([
        `Writes ${struct.wireName} at \`start\`; reserved bytes are written as zero. Nothing is written when it throws.`,
        '@returns the offset after the structure',
        '@throws WireError when the view is too short, a value does not fit its field or a rule is broken',
      ]).trimEnd(),
      `export function encode${name}(value: ${name}, view: DataView, start = 0): number {`,
      `  if (!(start >= 0 && start + ${struct.bytes} <= view.byteLength)) {`,
      `    throw destinationTooShort(${struct.bytes}, view, start, '${struct.wireName}');`,
      '  }',
      `  const { ${this.values.map((field) => camel(field.id)).join(', ')} } = value;`,
      ...this.values.map((field) => this.rangeCheck(field)),
      ...checks,
      ...struct.fields.flatMap((field) => this.write(field)),
      `  return start + ${struct.bytes};`,
      '}',
      '',
    ].join('\n');
  }

  private field(id: string): FieldLayout {
    const field = this.struct.fields.find((candidate) => candidate.id === id);
    if (field === undefined) throw new Error(`${this.struct.id} has no field ${id}`);
    return field;
  }

  private checkedFields(check: CheckLayout): readonly string[] {
    if (check.kind === 'rule') return fieldsOf(check.accepted);
    return check.kind === 'zero' ? check.fields : [check.field];
  }

  /** The condition under which a check refuses. */
  private broken(
    check: CheckLayout,
    read: (id: string) => string,
    compareWide: (comparison: WideComparison) => string | undefined,
  ): string {
    switch (check.kind) {
      case 'magic':
        return `${read(check.field)} !== ${this.magic(this.field(check.field))}`;
      case 'constant':
        return `${read(check.field)} !== ${check.value}`;
      case 'mask':
        return `(${read(check.field)} & ~${hex(check.allowed)}) !== 0`;
      case 'enum':
        return outsideEnum(
          read(check.field),
          (this.layout.enums.find(({ id }) => id === check.enum)?.values ?? []).map(({ value }) => value),
        );
      case 'rule':
        return `!${printExpression(check.accepted, read, compareWide)}`;
      case 'zero':
        return check.fields.map((id) => this.nonZero(this.field(id), read)).join(' || ');
    }
  }

  private nonZero(field: FieldLayout, read: (id: string) => string): string {
    if (field.type !== 'u64') return `${read(field.id)} !== 0`;
    const half = (extra: number) => `view.getUint32(${offsetText(field.offset + extra)}, true)`;
    return `(${half(0)} | ${half(4)}) !== 0`;
  }

  /** Compares a 64-bit field by the halves of its bytes, so that checking makes no bigint. */
  private readonly halves = ({ field: id, operator }: WideComparison): string | undefined => {
    const field = this.field(id);
    if (field.type !== 'u64') return undefined;
    const high = `view.getUint32(${offsetText(field.offset + 4)}, true)`;
    if (operator === '<=' || operator === '>') return `(${high} ${operator === '>' ? '!==' : '==='} 0)`;
    return `((view.getUint32(${offsetText(field.offset)}, true) | ${high}) ${operator}= 0)`;
  };

  /** Compares the bigint of a 64-bit field. */
  private readonly whole = ({ field: id, operator }: WideComparison): string | undefined => {
    if (this.field(id).type !== 'u64') return undefined;
    const isZero = operator === '==' || operator === '!=';
    return `(${camel(id)} ${isZero ? `${operator}=` : operator} ${isZero ? '0n' : '0xffffffffn'})`;
  };

  private magic(field: FieldLayout): string {
    const bytes = Buffer.from(field.contents ?? '', 'latin1');
    return hex(bytes.readUInt32LE(0));
  }

  /**
   * Checks of a write: reserved bytes and the magic need none, being written here; a named field that must be zero is
   * tested last, after the rules that may explain it better.
   */
  private writeChecks(): { check: CheckLayout; index: number }[] {
    const numbered = this.struct.checks.map((check, index) => ({ check, index: index + 1 }));
    const named = numbered.filter(({ check }) => check.kind === 'zero' && this.onWrite(check).fields.length > 0);
    return [...numbered.filter(({ check }) => check.kind !== 'zero' && check.kind !== 'magic'), ...named];
  }

  private onWrite<C extends CheckLayout>(check: C): C {
    if (check.kind !== 'zero') return check;
    return { ...check, fields: check.fields.filter((id) => this.field(id).role === 'value') };
  }

  private rangeCheck(field: FieldLayout): string {
    const value = camel(field.id);
    const narrow = this.struct.checks.some(
      (check) =>
        (check.kind === 'enum' || check.kind === 'mask' || check.kind === 'constant') && check.field === field.id,
    );
    if (!OF_EACH_FRAME.has(this.struct.id)) {
      const type = narrow ? 'u32' : field.type;
      const named = type === field.type ? '' : `, '${field.type}'`;
      return `  require${type.toUpperCase()}(${value}, '${field.id}', '${this.struct.wireName}'${named});`;
    }
    const conditions: Readonly<Record<FieldType, string>> = {
      u8: `typeof ${value} !== 'number' || (${value} & 0xff) !== ${value}`,
      u16: `typeof ${value} !== 'number' || (${value} & 0xffff) !== ${value}`,
      u32: `typeof ${value} !== 'number' || ${value} >>> 0 !== ${value}`,
      u64: `typeof ${value} !== 'bigint' || BigInt.asUintN(64, ${value}) !== ${value}`,
      i16: `typeof ${value} !== 'number' || (${value} << 16) >> 16 !== ${value}`,
    };
    const condition = narrow ? conditions.u32 : conditions[field.type];
    return `  if (${condition}) throw outOfRange('${field.id}', '${field.type}', ${value}, '${this.struct.wireName}');`;
  }

  private write(field: FieldLayout): string[] {
    const little = field.type === 'u8' ? '' : ', true';
    if (field.role === 'magic') return [`  view.setUint32(${offsetText(field.offset)}, ${this.magic(field)}, true);`];
    if (field.role === 'reserved' && field.type === 'u64') {
      return [0, 4].map((extra) => `  view.setUint32(${offsetText(field.offset + extra)}, 0, true);`);
    }
    const value = field.role === 'reserved' ? '0' : camel(field.id);
    return [`  view.${WRITE[field.type]}(${offsetText(field.offset)}, ${value}${little});`];
  }

  private rule(check: CheckLayout): string {
    const place = (id: string) => {
      const field = this.field(id);
      return `field: '${id}', offset: ${field.offset}, size: ${FIELD_BYTES[field.type]}`;
    };
    switch (check.kind) {
      case 'magic':
        return `{ kind: '${check.fault}', offset: ${this.field(check.field).offset} }`;
      case 'constant':
        return `{ kind: '${check.fault}', ${place(check.field)} }`;
      case 'zero':
        return `{ kind: 'nonzero_reserved_field', field: '${check.name}', offset: ${this.field(check.fields[0] ?? '').offset} }`;
      case 'mask':
        return `{ kind: 'reserved_bits_set', ${place(check.field)}, allowed: ${hex(check.allowed)} }`;
      case 'enum':
        return check.fault === 'unknown_enum_value'
          ? `{ kind: '${check.fault}', ${place(check.field)}, enum: '${check.enum}' }`
          : `{ kind: '${check.fault}', ${place(check.field)} }`;
      case 'rule':
        return `{ kind: 'invalid_combination', rule: '${check.rule}' }`;
    }
  }
}
