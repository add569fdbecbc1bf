import type { Layout, StructLayout } from '../layout.js';
import { camel, constant, hex, kebab, pascal } from '../names.js';
import { folderFrom, structOwner } from '../owners.js';
import { docstring, generatedHeader } from './emit-typescript.js';

/** The message table: one row per assigned message type. */
export function emitMessageTable(layout: Layout): string {
  const wire = (id: string | undefined) => layout.structs.find((struct) => struct.id === id)?.wireName;
  const used = layout.structs.filter(({ id }) => layout.messages.some(({ metadata }) => metadata === id));
  const rows = layout.messages.map((message) => {
    const metadata = wire(message.metadata);
    const parts = [
      `code: ${hex(message.code)}`,
      `name: '${constant(message.id)}'`,
      `direction: '${message.direction}'`,
      ...(metadata === undefined ? [] : [`metadata: '${metadata}'`]),
      `metadataBytes: ${message.metadataBytes}`,
      ...(message.metadata === undefined
        ? []
        : [`checkMetadata: check${pascal(message.metadata)}`, `metadataRules: ${constant(message.metadata)}_RULES`]),
      `headerOnly: ${message.headerOnlyRule !== undefined}`,
      `sessionId: '${message.sessionId}'`,
      `frameId: '${message.frameId}'`,
      `body: '${message.body}'`,
      ...(message.bodyLengths === undefined
        ? []
        : [
            `bodyLengths: /* @__PURE__ */ frozenRows([${message.bodyLengths.map(({ field, offset }) => `{ field: '${field}', offset: ${offset} }`).join(', ')}])`,
          ]),
      ...(message.headerOnlyRule === undefined ? [] : [`headerOnlyRule: '${message.headerOnlyRule}'`]),
      ...(message.noMetadataRule === undefined ? [] : [`noMetadataRule: '${message.noMetadataRule}'`]),
    ];
    return `${docstring([message.doc], '  ')}  {\n${parts.map((part) => `    ${part},\n`).join('')}  },\n`;
  });
  return [
    generatedHeader(`spec/${layout.revision}/nnrp_enums.ksy`),
    `import type { MessageInfo } from '../../bytes/message-info.js';`,
    `import { frozenRows } from '../../bytes/tables.js';`,
    ...used.map(
      (struct) =>
        `import { check${pascal(struct.id)}, ${constant(struct.id)}_RULES } from '${moduleOf(layout, struct)}';`,
    ),
    '',
    '/** Every message of this revision, by ascending code. */',
    'export const MESSAGES: readonly MessageInfo[] = /* @__PURE__ */ frozenRows<MessageInfo>([',
    `${rows.join('')}]);`,
    '',
  ].join('\n');
}

/** Every structure with its codec under its wire name, for tools that pick structures at run time. */
export function emitStructTable(layout: Layout): string {
  const imports = layout.structs.map((struct) => {
    const name = pascal(struct.id);
    const names = [`check${name}`, `decode${name}`, `encode${name}`, `${constant(struct.id)}_RULES`];
    return `import { ${names.join(', ')} } from '${moduleOf(layout, struct)}';`;
  });
  const rows = layout.structs.map((struct) => {
    const name = pascal(struct.id);
    const fields = struct.fields
      .filter((field) => field.role === 'value')
      .map((field) => {
        const parts = [
          `name: '${field.id}'`,
          `property: '${camel(field.id)}'`,
          `type: '${field.type}'`,
          `offset: ${field.offset}`,
          ...(field.enum === undefined ? [] : [`enum: '${field.enum}'`]),
          ...(field.flags === undefined ? [] : [`flags: '${field.flags}'`]),
        ];
        return `      { ${parts.join(', ')} },\n`;
      });
    return [
      `  ${struct.wireName}: /* @__PURE__ */ Object.freeze({`,
      `    name: '${struct.wireName}',`,
      `    bytes: ${struct.bytes},`,
      `    fields: /* @__PURE__ */ frozenRows<StructField>([\n${fields.join('')}    ]),`,
      `    rules: ${constant(struct.id)}_RULES,`,
      `    check: check${name},`,
      `    decode: decode${name} as unknown as StructCodec['decode'],`,
      `    encode: encode${name} as unknown as StructCodec['encode'],`,
      '  }),',
    ].join('\n');
  });
  const names = (entries: Layout['enums']) => entries.map(({ id }) => `  ${id}: ${pascal(id)}Name,`);
  const nameTables = [...layout.enums, ...layout.flagSets].map(({ id }) => `${pascal(id)}Name`);
  return [
    generatedHeader(`spec/${layout.revision}/*.ksy`),
    `import type { StructCodec, StructField } from '../../bytes/struct-codec.js';`,
    `import { frozenRows, lookupTable, type NamesByValue } from '../../bytes/tables.js';`,
    ...imports,
    `import { ${nameTables.join(', ')} } from './names.js';`,
    '',
    '/** Every structure of this revision by its wire name. */',
    'export const STRUCTS: Readonly<Record<string, StructCodec>> = /* @__PURE__ */ lookupTable<StructCodec>({',
    ...rows,
    '});',
    '',
    '/** Names of enum values: enum id, then value. */',
    'export const ENUM_NAMES: Readonly<Record<string, NamesByValue>> = /* @__PURE__ */ lookupTable<NamesByValue>({',
    ...names(layout.enums),
    '});',
    '',
    '/** Names of flag bits: flag set id, then bit value. */',
    'export const FLAG_NAMES: Readonly<Record<string, NamesByValue>> = /* @__PURE__ */ lookupTable<NamesByValue>({',
    ...names(layout.flagSets),
    '});',
    '',
  ].join('\n');
}

/** The revision's index: named exports of every generated module. */
export function emitIndex(layout: Layout): string {
  const structs = [...layout.structs].sort((one, other) => (kebab(one.id) < kebab(other.id) ? -1 : 1));
  return [
    generatedHeader(`spec/${layout.revision}/*.ksy`),
    ...['enums', 'flags', 'message-table', 'names'].map((module) => `export * from './${module}.js';`),
    ...structs.map((struct) => `export * from '${moduleOf(layout, struct)}';`),
    '',
  ].join('\n');
}

/** The module of a structure, which may be that of an earlier revision. */
function moduleOf(layout: Layout, struct: StructLayout): string {
  return `${folderFrom(layout, structOwner(layout, struct))}/${kebab(struct.id)}.js`;
}
