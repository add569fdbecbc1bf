// node ../../tools/build-package.mjs [ENTRY...]   in the folder of a package
// Writes dist: types and one module for each source. With entries, it holds for Node a few modules, since each of three
// hundred costs every process that imports them time and memory, and those of each source are in dist/modules, from which
// bundlers take what is used. The sources are published, and the maps point to them. A process keeps the text of what it has
// loaded, so that this is without what only people need: all names stay, and lines are short, as stack traces show them.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { stampBuild } from './fresh-build.mjs';
import { shortPrivateNames } from './short-private-names.mjs';

/** What is bundled for browsers, with what short names begin with in each: a class may extend one of another package. */
const MARKS = { 'nnrp-core': '$_', 'nnrp-runtime': '$' };
const entryPoints = process.argv.slice(2);

// Modules of an earlier build have other names and would be published along.
rmSync('dist', { recursive: true, force: true });
if (entryPoints.length === 0) {
  compile({});
} else {
  compile({ outDir: 'dist/modules', declarationDir: 'dist' });
  await bundle();
}
stampBuild(process.cwd());

function compile(options) {
  const { config } = ts.readConfigFile('tsconfig.build.json', ts.sys.readFile);
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd(), options);
  const program = ts.createProgram(parsed.fileNames, parsed.options);
  const mark = MARKS[basename(process.cwd())];
  const before = mark === undefined ? [] : [shortPrivateNames(program, mark)];
  const { diagnostics } = program.emit(undefined, undefined, undefined, undefined, { before });
  // With all their names, for tests that reach into classes. Not published.
  if (mark !== undefined) program.emit(undefined, writeNamed);
  const all = [...parsed.errors, ...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (all.length === 0) return;
  const host = {
    getCurrentDirectory: ts.sys.getCurrentDirectory,
    getCanonicalFileName: (name) => name,
    getNewLine: () => '\n',
  };
  console.error(ts.formatDiagnosticsWithColorAndContext(all, host));
  process.exit(1);
}

function writeNamed(path, text) {
  if (!path.endsWith('.js')) return;
  const named = path.replace('dist/modules/', 'dist/named/');
  mkdirSync(dirname(named), { recursive: true });
  writeFileSync(named, text);
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

/** The namespaces that esbuild makes copy what stands on Object.prototype as well, and fail where something was added to it. */
function withOwnExports(code) {
  return code.replaceAll('for(var name in all)', 'for(var name of Object.keys(all))');
}
