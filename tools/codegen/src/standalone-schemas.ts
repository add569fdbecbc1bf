import { parse, stringify } from 'yaml';
import { ENUM_FILE, layeredEnums, layeredFiles, type SchemaLayers } from './schema-layers.js';

/** A mapping of YAML, whose keys may be numbers. */
type Mapping = ReadonlyMap<unknown, unknown>;

/**
 * The schemas of a revision as files that need no others: those of the layers below as they are, and one file of
 * enumerations. This is what the Kaitai compiler takes.
 *
 * @returns path below one folder to text
 */
export function standaloneSchemas(layers: SchemaLayers): Map<string, string> {
  const files = new Map([...layeredFiles(layers)].map(([path, { text }]) => [path, text]));
  const [first, ...others] = layeredEnums(layers);
  if (first === undefined) return files;
  const read = (text: string) => parse(text, { mapAsMap: true }) as Mapping;
  const merged = others.reduce((below, { text }) => laidOver(below, read(text)), read(first.text));
  files.set(ENUM_FILE, others.length === 0 ? first.text : stringify(merged, { lineWidth: 116 }));
  return files;
}

function laidOver(below: Mapping, file: Mapping): Mapping {
  const meta = mapping(file, 'meta');
  const vendor = mapping(meta, '-nnrp');
  const removes = list(vendor, 'removes');
  const enums = new Map([...mapping(below, 'enums')].filter(([id]) => !removes.includes(id)));
  for (const [id, values] of mapping(file, 'enums')) {
    enums.set(id, new Map([...((enums.get(id) ?? new Map()) as Mapping), ...(values as Mapping)]));
  }
  const sets = [...list(mapping(mapping(below, 'meta'), '-nnrp'), 'flag-sets'), ...list(vendor, 'flag-sets')];
  const whole = new Map([['flag-sets', sets.filter((id) => enums.has(id))]]);
  return new Map([...file, ['meta', new Map([...meta, ['-nnrp', whole]])], ['enums', enums]]);
}

function mapping(parent: Mapping, key: string): Mapping {
  return (parent.get(key) ?? new Map()) as Mapping;
}

function list(parent: Mapping, key: string): readonly unknown[] {
  return (parent.get(key) ?? []) as readonly unknown[];
}
