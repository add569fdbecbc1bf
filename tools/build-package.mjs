// node ../../tools/build-package.mjs [ENTRY...]   in the folder of a package
// Writes dist: types and one module for each source. With entries, it holds for Node a few modules, since each of three
// hundred costs every process that imports them time and memory, and those of each source are in dist/modules, from which
// bundlers take what is used. The sources are published, and the maps point to them. A process keeps the text of what it has
// loaded, so that this is without what only people need: all names stay, and lines are short, as stack traces show them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { stampBuild } from './fresh-build.mjs';

const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
const entryPoints = process.argv.slice(2);

// Modules of an earlier build have other names and would be published along.
rmSync('dist', { recursive: true, force: true });
if (entryPoints.length === 0) {
  compile();
} else {
  compile('--outDir', 'dist/modules', '--declarationDir', 'dist');
  await bundle();
}
stampBuild(process.cwd());

function compile(...options) {
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', ...options], { stdio: 'inherit' });
}

async function bundle() {
  const { outputFiles } = await build({
    entryPoints,
    outdir: 'dist',
    outbase: 'src',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 120,
    packages: 'external',
    sourcemap: true,
    sourcesContent: false,
    chunkNames: 'chunks/[name]-[hash]',
    legalComments: 'none',
    write: false,
  });
  for (const { path, contents, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith('.js') ? withOwnExports(withOwnNames(text)) : contents);
  }
}

/** A class that names itself gets a second name with an underscore, which stack traces would show. */
function withOwnNames(code) {
  const names = [...code.matchAll(/\b(\w+)=class _\1\b/g)].map(([, name]) => name);
  return names.reduce((result, name) => result.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name), code);
}

/** The namespaces that esbuild makes have what somebody has put on Object.prototype as well, and then cannot be made. */
function withOwnExports(code) {
  return code.replaceAll('for(var name in all)', 'for(var name of Object.keys(all))');
}
