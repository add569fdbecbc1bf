import { buildLayout } from './build-layout.js';
import { checkComposition } from './check-composition.js';
import { Diagnostics } from './diagnostics.js';
import { emitEnums, emitFlags, emitNames } from './emit-enums.js';
import { emitReference } from './emit-reference.js';
import { emitStruct } from './emit-struct.js';
import { emitIndex, emitMessageTable, emitStructTable } from './emit-tables.js';
import type { Layout } from './layout.js';
import { kebab } from './names.js';
import { readKsy } from './read-ksy.js';

/** The file that composes packets: checked, but not turned into code. */
const PACKET_FILE = 'nnrp_packet.ksy';

/**
 * Schemas of one revision to its layout.
 *
 * @param sources - path below the revision's folder (such as session_open.ksy) to text
 * @throws SchemaError with every problem found, each with file and line
 */
export function readLayout(revision: string, sources: ReadonlyMap<string, string>): Layout {
  const diagnostics = new Diagnostics();
  const names = [...sources.keys()].sort();
  const read = (name: string) => sources.get(name) ?? '';
  const path = (name: string) => `spec/${revision}/${name}`;
  const files = names
    .filter((name) => name !== PACKET_FILE)
    .map((name) => readKsy(path(name), read(name), diagnostics));
  diagnostics.throwIfAny();
  const layout = buildLayout(revision, files, diagnostics);
  if (sources.has(PACKET_FILE)) checkComposition(path(PACKET_FILE), read(PACKET_FILE), layout, diagnostics);
  diagnostics.throwIfAny();
  return layout;
}

/** A layout to every file made from it: path from the repository's root to text. */
export function emitAll(layout: Layout): Map<string, string> {
  const output = new Map<string, string>();
  const folder = `packages/nnrp-core/src/generated/${layout.revision}`;
  for (const struct of layout.structs) output.set(`${folder}/${kebab(struct.id)}.ts`, emitStruct(layout, struct));
  output.set(`${folder}/enums.ts`, emitEnums(layout));
  output.set(`${folder}/flags.ts`, emitFlags(layout));
  output.set(`${folder}/names.ts`, emitNames(layout));
  output.set(`${folder}/message-table.ts`, emitMessageTable(layout));
  output.set(`${folder}/struct-table.ts`, emitStructTable(layout));
  output.set(`${folder}/index.ts`, emitIndex(layout));
  output.set(`docs/wire-reference-${layout.revision}.md`, emitReference(layout));
  output.set(`spec/${layout.revision}/layout.json`, `${JSON.stringify(layout, null, 1)}\n`);
  return output;
}
