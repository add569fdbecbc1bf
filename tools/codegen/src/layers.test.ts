import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SchemaError } from './diagnostics.js';
import { emitAll, readLayeredLayout, readLayout } from './generate.js';
import { readLayers, revisionsIn, type SchemaLayers } from './schema-layers.js';
import { standaloneSchemas } from './standalone-schemas.js';

const spec = fileURLToPath(new URL('../../../spec', import.meta.url));
const preview4 = readLayers(spec, 'preview4');
const generated = 'packages/nnrp-core/src/generated/';
const META = `  license: Apache-2.0
  ks-version: '0.11'
  endian: le`;

/** A revision over preview4 with these files. */
const over = (files: Readonly<Record<string, string>>, removes: readonly string[] = []): SchemaLayers => ({
  revision: 'preview5',
  files: new Map(Object.entries(files)),
  base: preview4,
  removes,
});

const enumsWith = (vendor: string, enums: string) => `meta:
  id: nnrp_enums
  title: enumerations
${META}
${vendor}doc: More of them.
doc-ref: section 6
enums:
${enums}`;

const value = (at: string, id: string, doc = 'A value.') => `    ${at}:
      id: ${id}
      doc: ${doc}
      doc-ref: section 6
`;

/** What is wrong with a revision; empty when nothing is. */
function problemsOf(layers: SchemaLayers): string {
  try {
    readLayeredLayout(layers);
    return '';
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return error.message;
  }
}

describe('a revision over another', () => {
  it('has everything of the one below, and its own', () => {
    const layout = readLayeredLayout(
      over({ 'nnrp_enums.ksy': enumsWith('', `  transport_id:\n${value('9', 'pigeon')}`) }),
    );
    const transports = layout.enums.find(({ id }) => id === 'transport_id')?.values.map(({ id }) => id);
    expect(transports).toEqual(['unspecified', 'quic', 'tcp', 'ipc', 'websocket', 'pigeon']);
    expect(layout.structs.map(({ id }) => id)).toEqual(readLayeredLayout(preview4).structs.map(({ id }) => id));
  });

  it('generates what differs, and exports the rest again from where it first was', () => {
    const layout = readLayeredLayout(
      over({ 'nnrp_enums.ksy': enumsWith('', `  transport_id:\n${value('9', 'pigeon')}`) }),
    );
    const files = emitAll(layout);
    const modules = [...files.keys()].filter((path) => path.startsWith(`${generated}preview5/`));
    expect(modules.map((path) => path.split('/').at(-1)).sort()).toEqual([
      'enums.ts',
      'flags.ts',
      'index.ts',
      'message-table.ts',
      'names.ts',
      'session-migrate.ts',
      'struct-table.ts',
    ]);
    const index = files.get(`${generated}preview5/index.ts`);
    expect(index).toContain("export * from './session-migrate.js';");
    expect(index).toContain("export * from '../preview4/frame-submit.js';");
    expect(index).toContain("export * from '../preview3/session-open.js';");
    expect(files.get(`${generated}preview5/enums.ts`)).toContain('Pigeon: 9');
  });

  it('leaves the ones below as they were', () => {
    const before = [...emitAll(readLayeredLayout(preview4))];
    emitAll(readLayeredLayout(over({})));
    expect([...emitAll(readLayeredLayout(preview4))]).toEqual(before);
  });

  it('does without what it removes', () => {
    const files = {
      'nnrp_enums.ksy': enumsWith('  -nnrp:\n    removes: [cancel_scope]\n', `  mood:\n${value('0', 'fine')}`),
    };
    const layout = readLayeredLayout(over(files, ['tensor_profile_patch_block.ksy']));
    expect(layout.structs.some(({ id }) => id === 'tensor_profile_patch_block')).toBe(false);
    expect(layout.enums.some(({ id }) => id === 'cancel_scope')).toBe(false);
  });

  it('is refused where it repeats a structure or a value of the one below', () => {
    const copy = preview4.files.get('budget.ksy') ?? '';
    expect(problemsOf(over({ 'budget.ksy': copy }))).toContain(
      'spec/preview5/budget.ksy:1:1: schema: says what spec/preview4 says',
    );
    const repeated = enumsWith('', `  result_class:\n${value('0', 'complete', 'The result is complete.')}`);
    expect(problemsOf(over({ 'nnrp_enums.ksy': repeated }))).toContain("'complete' is as below: leave it out");
  });

  it('is refused where it removes an enumeration that is not there', () => {
    const files = {
      'nnrp_enums.ksy': enumsWith('  -nnrp:\n    removes: [nothing]\n', `  mood:\n${value('0', 'fine')}`),
    };
    expect(problemsOf(over(files))).toContain("removes: no enum 'nothing' below");
  });

  it('is refused where a message announces its body by a field that it does not have', () => {
    const text = preview4.files.get('nnrp_enums.ksy')?.replace('[object_bytes]', '[object_octets]') ?? '';
    expect(problemsOf({ ...preview4, files: new Map([...preview4.files, ['nnrp_enums.ksy', text]]) })).toContain(
      "message cache_put: body-lengths: 'object_octets' is no u4 of the metadata",
    );
  });

  it('is refused where the packet schema compares no body, or another, with what is announced', () => {
    const packet = preview4.files.get('nnrp_packet.ksy') ?? '';
    const changed = (from: string, to: string) =>
      problemsOf({ ...preview4, files: new Map([...preview4.files, ['nnrp_packet.ksy', packet.replace(from, to)]]) });
    expect(changed('metadata.as<supersede>.diagnostic_bytes', '0')).toContain(
      "'supersede' is not compared with supersede.diagnostic_bytes",
    );
    expect(
      changed(
        'header.message_type == nnrp_enums::message_type::supersede\n    valid',
        'header.message_type == nnrp_enums::message_type::ping\n    valid',
      ),
    ).toContain("no body-lengths for 'ping'");
    expect(changed('message_type::supersede\n    valid', 'message_type::budget\n    valid')).toContain(
      "schema: 0 checks for 'supersede': one with kind declared_length_mismatch compares body_len with its body-lengths",
    );
  });
});

describe('a signed field', () => {
  it.each([
    ['valid: 0', 'a signed field takes no check'],
    ['enum: nnrp_enums::mood', 'a signed field has neither enum nor flags'],
  ])('is refused with %s', (key, problem) => {
    const struct = `meta:
  id: drift
  title: drift
${META}
  imports: [nnrp_enums]
doc: A structure.
doc-ref: section 7
seq:
  - id: delta
    type: s2
    ${key}
    doc: A change.
    doc-ref: section 7
`;
    const enums = enumsWith('', `  mood:\n${value('0', 'fine')}`);
    expect(
      problemsOf({
        revision: 'test',
        files: new Map([
          ['drift.ksy', struct],
          ['nnrp_enums.ksy', enums],
        ]),
      }),
    ).toContain(problem);
  });
});

describe('revision.json', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function specWith(revisions: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(join(tmpdir(), 'nnrp-spec-'));
    folders.push(folder);
    for (const [name, text] of Object.entries(revisions)) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'nnrp_enums.ksy'), enumsWith('', `  mood:\n${value('0', 'fine')}`));
      if (text !== '') writeFileSync(join(folder, name, 'revision.json'), text);
    }
    return folder;
  }

  it.each([
    ['{}', 'expected { "base"'],
    ['{ "base": 3 }', 'expected { "base"'],
    ['{ "base": "one", "removes": "x" }', 'expected { "base"'],
    ['{ "base": "one", "over": 1 }', 'expected { "base"'],
    ['{ "base": "three" }', 'there is no revision spec/three'],
    ['{ "base": "two" }', 'two is laid over two'],
  ])('is refused as %s', (text, problem) => {
    const folder = specWith({ one: '', two: text });
    expect(revisionsIn(folder)).toEqual(['one', 'two']);
    expect(() => readLayers(folder, 'two')).toThrow(problem);
  });
});

describe('the schemas of a revision for other compilers', () => {
  it('are files that say the same and need no others', () => {
    const files = standaloneSchemas(preview4);
    const { base: _, ...layered } = readLayeredLayout(preview4);
    const alone = readLayout('preview4', files);
    const plain = (layout: object) =>
      JSON.parse(JSON.stringify(layout, (key, inner) => (key === 'from' ? undefined : inner)));
    expect(plain(alone)).toEqual(plain(layered));
    const enums = parse(files.get('nnrp_enums.ksy') ?? '') as { enums: object };
    expect(Object.keys(enums.enums)).toContain('session_status');
  });
});
