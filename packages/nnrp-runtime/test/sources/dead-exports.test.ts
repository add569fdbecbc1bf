import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** Node.js calls it by its name: hooks of a module loader. */
const CALLED_BY_NODE = ['packages/nnrp-cli/src/serve/module/reload-hooks.ts: initialize'];

const texts = new Map(
  ['packages', 'tools', 'bench', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((name) => /\.(ts|mts|mjs|cjs|js)$/.test(name))
      .filter((name) => !/(^|\/)(node_modules|dist|generated)\/|\/dead-exports\./.test(name))
      .map((name) => [name, readFileSync(join(ROOT, name), 'utf8')] as const),
  ),
);

/** Functions, classes and values that a file exports, but that no other file has a word of. */
function deadExports(files: ReadonlyMap<string, string>): string[] {
  const users = new Map<string, number>();
  for (const text of files.values())
    for (const word of new Set(text.match(/[\w$]+/g))) users.set(word, (users.get(word) ?? 0) + 1);
  const exported = /^export (?:abstract |async )*(?:function\*?|class|const|let|enum) ([\w$]+)/gm;
  return [...files]
    .filter(([name]) => /^packages\/[^/]+\/src\//.test(name))
    .flatMap(([name, text]) =>
      [...text.matchAll(exported)]
        .filter(([, word = '']) => users.get(word) === 1)
        .map(([, word]) => `${name}: ${word}`),
    );
}

it('nothing is exported that no other file names', () => {
  expect(texts.size).toBeGreaterThan(500);
  expect(deadExports(texts)).toEqual(CALLED_BY_NODE);
});

it('an export that no other file names would be found', () => {
  const files = new Map([
    ['packages/a/src/one.ts', 'export const used = 1;\nexport function* unused() {}\nexport abstract class Lost {}'],
    ['packages/a/src/two.ts', "import { used } from './one.js';"],
  ]);
  expect(deadExports(files)).toEqual(['packages/a/src/one.ts: unused', 'packages/a/src/one.ts: Lost']);
});
