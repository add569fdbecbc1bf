import { buildLayout } from './build-layout.js';
import { checkComposition } from './checks/check-composition.js';
import { Diagnostics } from './diagnostics.js';
import { emitEnums, emitFlags, emitNames } from './emit/emit-enums.js';
import { emitReference } from './emit/emit-reference.js';
import { emitStruct } from './emit/emit-struct.js';
import { emitIndex, emitMessageTable, emitStructTable } from './emit/emit-tables.js';
import type { Layout } from './layout.js';
import { mergeEnums } from './merge-enums.js';
import { kebab } from './names.js';
import { isSameStruct, structOwner } from './owners.js';
import { type KsyFile, readKsy } from './read-ksy.js';
import { ENUM_FILE, layeredEnums, layeredFiles, type SchemaLayers } from './schema-layers.js';

/** The file that composes packets: checked, but not turned into code. */
const PACKET_FILE = 'nnrp_packet.ksy';

/**
 * Schemas of one revision to its layout.
 *
 * @param sources - path below the revision's folder (such as session_open.ksy) to text, where nothing lies below
 * @throws SchemaError with every problem found, each with file and line
 */
export function readLayout(revision: string, sources: ReadonlyMap<string, string>): Layout {
  return readLayeredLayout({ revision, files: sources });
}

/**
 * The layout of a revision that may be laid over another.
 *
 * @throws SchemaError with every problem found, each with file and line
 */
export function readLayeredLayout(layers: SchemaLayers): Layout {
  const base = layers.base === undefined ? undefined : readLayeredLayout(layers.base);
  const diagnostics = new Diagnostics();
  const { revision } = layers;
  const sources = layeredFiles(layers);
  const path = (from: string, name: string) => `spec/${from}/${name}`;
  const read = (name: string, { revision: from, text }: { revision: string; text: string }) =>
    readKsy(path(from, name), text, diagnostics);
  const enums = layeredEnums(layers).map((file) => read(ENUM_FILE, file));
  const files = [...sources]
    .filter(([name]) => name !== PACKET_FILE)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, file]) => read(name, file));
  diagnostics.throwIfAny();
  const merged = enums
    .slice(1)
    .reduce<KsyFile | undefined>((below, file) => below && mergeEnums(below, file, diagnostics), enums[0]);
  const layout = buildLayout(revision, merged === undefined ? files : [...files, merged], diagnostics);
  const packet = sources.get(PACKET_FILE);
  if (packet !== undefined) {
    checkComposition(path(packet.revision, PACKET_FILE), packet.text, layout, diagnostics);
  }
  if (base !== undefined) checkCopies(layers, base, layout, diagnostics);
  diagnostics.throwIfAny();
  return base === undefined ? layout : { ...layout, base };
}

/** A schema of the upper layer that says what the one below says is a copy that was forgotten. */
function checkCopies(layers: SchemaLayers, base: Layout, layout: Layout, diagnostics: Diagnostics): void {
  for (const struct of layout.structs) {
    const below = base.structs.find(({ id }) => id === struct.id);
    if (struct.from !== undefined || below === undefined || !isSameStruct(below, struct)) continue;
    const file = `spec/${layers.revision}/${[struct.folder, `${struct.id}.ksy`].filter(Boolean).join('/')}`;
    diagnostics.report({ file, line: 1, column: 1 }, `schema: says what spec/${base.revision} says: remove it`);
  }
}

/** A layout to every file made from it: path from the repository's root to text. */
export function emitAll(layout: Layout): Map<string, string> {
  const output = new Map<string, string>();
  const folder = `packages/nnrp-core/src/generated/${layout.revision}`;
  const own = layout.structs.filter((struct) => structOwner(layout, struct) === layout.revision);
  for (const struct of own) output.set(`${folder}/${kebab(struct.id)}.ts`, emitStruct(layout, struct));
  output.set(`${folder}/enums.ts`, emitEnums(layout));
  output.set(`${folder}/flags.ts`, emitFlags(layout));
  output.set(`${folder}/names.ts`, emitNames(layout));
  output.set(`${folder}/message-table.ts`, emitMessageTable(layout));
  output.set(`${folder}/struct-table.ts`, emitStructTable(layout));
  output.set(`${folder}/index.ts`, emitIndex(layout));
  output.set(`docs/wire-reference-${layout.revision}.md`, emitReference(layout));
  output.set(`spec/${layout.revision}/layout.json`, `${JSON.stringify({ ...layout, base: undefined }, null, 1)}\n`);
  return output;
}
