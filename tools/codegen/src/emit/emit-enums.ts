import type { EnumLayout, Layout } from '../layout.js';
import { constant, hex, pascal } from '../names.js';
import { enumOwner, folderFrom } from '../owners.js';
import { docstring, generatedHeader } from './emit-typescript.js';

/** Frozen enum objects with union types. */
export function emitEnums(layout: Layout): string {
  return [
    generatedHeader(`spec/${layout.revision}/nnrp_enums.ksy`),
    ...again(layout, layout.enums, 'enums', ({ id }) => [pascal(id)]),
    ...own(layout, layout.enums).map((entry) => emitOne(entry, (value) => (value > 255 ? hex(value) : String(value)))),
  ].join('\n');
}

/** Flag sets: one bit a name, and the mask of all of them. */
export function emitFlags(layout: Layout): string {
  return [
    generatedHeader(`spec/${layout.revision}/nnrp_enums.ksy`),
    ...again(layout, layout.flagSets, 'flags', ({ id }) => [pascal(id), `${constant(id)}_MASK`]),
    ...own(layout, layout.flagSets).map((set) => {
      const mask = set.values.reduce((sum, { value }) => sum + value, 0);
      return `${emitOne(set, hex)}\n/** Every assigned bit of {@link ${pascal(set.id)}}. */\nexport const ${constant(set.id)}_MASK = ${hex(mask)};\n`;
    }),
  ].join('\n');
}

/** Of every enum and flag set, the names on the wire by value. */
export function emitNames(layout: Layout): string {
  const typeImport = (entries: readonly EnumLayout[], module: string) =>
    entries.length === 0
      ? []
      : [`import type { ${entries.map(({ id }) => pascal(id)).join(', ')} } from './${module}.js';`];
  return [
    generatedHeader(`spec/${layout.revision}/nnrp_enums.ksy`),
    `import { nameTable } from '../../bytes/tables.js';`,
    ...typeImport(own(layout, layout.enums), 'enums'),
    ...typeImport(own(layout, layout.flagSets), 'flags'),
    '',
    ...again(layout, [...layout.enums, ...layout.flagSets], 'names', ({ id }) => [`${pascal(id)}Name`]),
    ...own(layout, [...layout.enums, ...layout.flagSets]).map(({ id, values }) => {
      const name = pascal(id);
      const rows = [...values].sort((one, other) => one.value - other.value);
      return [
        `/** The name on the wire of each value of {@link ${name}}, such as ${rows[0]?.id}. */`,
        `export const ${name}Name = /* @__PURE__ */ nameTable({`,
        ...rows.map((row) => `  ${row.value}: '${row.id}',`),
        '});',
        `export type ${name}Name = (typeof ${name}Name)[${name}];`,
        '',
      ].join('\n');
    }),
  ].join('\n');
}

/** What this revision does not share with an earlier one. */
function own(layout: Layout, entries: readonly EnumLayout[]): EnumLayout[] {
  return entries.filter(({ id }) => enumOwner(layout, id) === layout.revision);
}

/** Exports of what is the same in an earlier revision. */
function again(
  layout: Layout,
  entries: readonly EnumLayout[],
  module: string,
  namesOf: (entry: EnumLayout) => readonly string[],
): string[] {
  const owners = new Set(entries.map(({ id }) => enumOwner(layout, id)));
  owners.delete(layout.revision);
  return [...owners].map((owner) => {
    const shared = entries.filter(({ id }) => enumOwner(layout, id) === owner);
    return `export { ${shared.flatMap(namesOf).join(', ')} } from '${folderFrom(layout, owner)}/${module}.js';\n`;
  });
}

function emitOne(entry: EnumLayout, print: (value: number) => string): string {
  const name = pascal(entry.id);
  const values = entry.values.map(
    ({ id, value, doc }) => `${docstring([doc], '  ')}  ${pascal(id)}: ${print(value)},\n`,
  );
  const refs = [...new Set(entry.values.map(({ docRef }) => docRef))].join('; ');
  return [
    docstring([`${entry.id}.`, `@see ${refs}`]).trimEnd(),
    `export const ${name} = /* @__PURE__ */ Object.freeze({`,
    `${values.join('')}} as const);`,
    `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
    '',
  ].join('\n');
}
