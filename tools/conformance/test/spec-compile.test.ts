import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { schemaFiles } from 'nnrp-codegen/schema-files';
import { layeredFiles, readLayers } from 'nnrp-codegen/schema-layers';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compileKsy } from '../src/differential/kaitai-oracle.js';
import { type KsyYaml, readSchemas } from '../src/differential/schema.js';

/*
 * The schemas are useful without this repository only as long as the Kaitai compiler takes every one of them, for every
 * language in which somebody may want to read the wire.
 */

const LANGUAGES = ['javascript', 'python', 'go', 'rust'] as const;

/** Every part of a schema that must be documented: the schema, fields, instances, enum values, nested types. */
function undocumented(part: Record<string, unknown>, path: string): string[] {
  const missing = ['doc', 'doc-ref'].filter((key) => typeof part[key] !== 'string' || part[key].trim() === '');
  const children: [string, Record<string, unknown>][] = [];
  for (const field of (part['seq'] as Record<string, unknown>[] | undefined) ?? []) {
    children.push([`${path}/${String(field['id'])}`, field]);
  }
  for (const key of ['instances', 'types']) {
    for (const [name, child] of Object.entries((part[key] as Record<string, Record<string, unknown>>) ?? {})) {
      children.push([`${path}/${name}`, child]);
    }
  }
  for (const [name, values] of Object.entries((part['enums'] as Record<string, object>) ?? {})) {
    for (const [value, child] of Object.entries(values)) children.push([`${path}/${name}/${value}`, child]);
  }
  return [
    ...missing.map((key) => `${path}: no ${key}`),
    ...children.flatMap(([childPath, child]) => undocumented(child, childPath)),
  ];
}

/** A name without the word separators of its language. */
const plain = (name: string): string => name.replaceAll('_', '').toLowerCase();

describe.each(['preview3', 'preview4'])('every schema of %s', (revision) => {
  const folder = fileURLToPath(new URL(`../../../spec/${revision}/`, import.meta.url));
  const layers = readLayers(fileURLToPath(new URL('../../../spec', import.meta.url)), revision);
  /** Those of its folder, without what it takes over. */
  const names = [...schemaFiles(folder).keys()];
  const { yaml, structs } = readSchemas(folder);

  it('is found: the structures, the enumerations and the packet', () => {
    const ids = [...structs.map(({ id }) => id), 'nnrp_enums', 'nnrp_packet'];
    expect(structs.length).toBeGreaterThan(0);
    const all = [...layeredFiles(layers).keys(), 'nnrp_enums.ksy'];
    expect(all.map((name) => name.replace('extensions/', '')).sort()).toEqual(ids.map((id) => `${id}.ksy`).sort());
    expect(all).toEqual(expect.arrayContaining(names));
  });

  it.each(LANGUAGES)('compiles for %s', async (language) => {
    for (const id of yaml.keys()) {
      const files = await compileKsy(language, id, yaml);
      const own = Object.keys(files).find((name) => plain(name.replace(/^.*\/|\.[a-z]+$/g, '')) === plain(id));
      expect(own, `${id} for ${language}: ${Object.keys(files)}`).toBeDefined();
      expect(files[own!]!.length, `${id} for ${language}`).toBeGreaterThan(100);
    }
  });

  it.each(names)('%s documents everything and names its file, version and license', (name) => {
    const file = parse(readFileSync(`${folder}${name}`, 'utf8')) as KsyYaml & Record<string, unknown>;
    expect(undocumented(file, name)).toEqual([]);
    expect(file.meta).toMatchObject({
      id: name.replace(/^.*\/|\.ksy$/g, ''),
      'ks-version': '0.11',
      license: 'Apache-2.0',
    });
  });

  it('is refused by the compiler when it is wrong, so that accepting it means something', async () => {
    const broken = structuredClone(yaml.get('session_open')) as unknown as { seq: { type?: string }[] };
    broken.seq[0]!.type = 'no_such_type';
    const schemas = new Map([...yaml, ['session_open', broken as unknown as KsyYaml]]);
    await expect(compileKsy('javascript', 'session_open', schemas)).rejects.toThrow('no_such_type');
  });
});
