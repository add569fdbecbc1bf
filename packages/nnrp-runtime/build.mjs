// Modules as the sources have them, from which bundlers take what is used; and few for Node, since two hundred of them cost
// every process that imports the package four times the time and 8 MiB. The sources are in the package, and the maps point
// to them.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const packageFolder = fileURLToPath(new URL('.', import.meta.url));
const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));

function compile(...options) {
  const args = [tsc, '-p', 'tsconfig.build.json', ...options];
  execFileSync(process.execPath, args, { cwd: packageFolder, stdio: 'inherit' });
}

// Modules of an earlier build have other names and would be published along.
rmSync(`${packageFolder}dist`, { recursive: true, force: true });
// Types have the comments, which editors show; what runs has none.
compile('--emitDeclarationOnly');
compile('--outDir', 'dist/modules', '--declaration', 'false', '--declarationMap', 'false', '--removeComments');
await build({
  absWorkingDir: packageFolder,
  entryPoints: ['src/index.ts', 'src/transport/index.ts', 'src/testing/index.ts'],
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
  // A class keeps its name where two modules have one of the same name.
  keepNames: true,
});
