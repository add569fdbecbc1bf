// node ../../tools/build-package.mjs ENTRY...   in the folder of a package
// Writes dist: types; for Node a few modules, since each of three hundred costs every process that imports them time and
// memory; and in dist/modules one for each source, from which bundlers take what is used. The sources are published, and
// the maps point to them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
const entryPoints = process.argv.slice(2);
if (entryPoints.length === 0)
  throw new Error('build-package: expected the entries of the package, such as src/index.ts');

// Modules of an earlier build have other names and would be published along.
rmSync('dist', { recursive: true, force: true });
execFileSync(
  process.execPath,
  [tsc, '-p', 'tsconfig.build.json', '--outDir', 'dist/modules', '--declarationDir', 'dist'],
  { stdio: 'inherit' },
);

const { outputFiles } = await build({
  entryPoints,
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: true,
  sourcesContent: false,
  chunkNames: 'chunks/[name]-[hash]',
  legalComments: 'none',
  write: false,
});
for (const { path, contents, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, path.endsWith('.js') ? withOwnNames(text) : contents);
}

/** A class that names itself gets a second name with an underscore, which stack traces would show. */
function withOwnNames(code) {
  const names = [...code.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name);
  return names.reduce((result, name) => result.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name), code);
}
