import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import KaitaiStream from 'kaitai-struct/KaitaiStream.js';
import compiler from 'kaitai-struct-compiler';
import { parse } from 'yaml';
const schemas = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'spec', 'preview3');
/** Parses bytes with the parser that the Kaitai compiler makes of a schema, as its users would. */
export async function kaitaiParser(id) {
    const read = (name) => parse(readFileSync(join(schemas, `${name}.ksy`), 'utf8'));
    const files = await compiler.compile('javascript', read(id), { importYaml: async (name) => read(name) }, false);
    const loaded = new Map();
    const load = (file) => {
        const known = loaded.get(file);
        if (known !== undefined)
            return known;
        const exports = {};
        loaded.set(file, exports);
        const resolve = (name) => (name.startsWith('./') ? load(`${name.slice(2)}.js`) : KaitaiStream);
        new Function('require', 'exports', 'module', files[file] ?? '')(resolve, exports, { exports });
        return exports;
    };
    const name = id.replace(/(^|_)([a-z0-9])/g, (_, __, letter) => letter.toUpperCase());
    const Parser = load(`${name}.js`)[name];
    return (bytes) => new Parser(new KaitaiStream(bytes));
}
//# sourceMappingURL=kaitai-parser.js.map