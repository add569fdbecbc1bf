import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import KaitaiStream from 'kaitai-struct/KaitaiStream.js';
import compiler from 'kaitai-struct-compiler';
import { readLayers } from 'nnrp-codegen/schema-layers';
import { standaloneSchemas } from 'nnrp-codegen/standalone-schemas';
import { parse } from 'yaml';

const spec = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'spec');

type Module = Record<string, unknown>;

/** Parses bytes with the parser that the Kaitai compiler makes of a schema, as its users would. */
export async function kaitaiParser(revision: string, id: string): Promise<(bytes: ArrayBuffer) => object> {
  const schemas = standaloneSchemas(readLayers(spec, revision));
  const read = (name: string): unknown => parse(schemas.get(`${name}.ksy`) ?? '');
  const files = await compiler.compile('javascript', read(id), { importYaml: async (name) => read(name) }, false);
  const loaded = new Map<string, Module>();
  const load = (file: string): Module => {
    const known = loaded.get(file);
    if (known !== undefined) return known;
    const exports: Module = {};
    loaded.set(file, exports);
    const resolve = (name: string) => (name.startsWith('./') ? load(`${name.slice(2)}.js`) : KaitaiStream);
    new Function('require', 'exports', 'module', files[file] ?? '')(resolve, exports, { exports });
    return exports;
  };
  const name = id.replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
  const Parser = load(`${name}.js`)[name] as new (stream: object) => object;
  return (bytes) => new Parser(new KaitaiStream(bytes));
}
