// Modules as the sources have them, from which bundlers take what is used; and few for Node, since each of a hundred costs
// every process that imports them time and memory. The sources are in the package, and the maps point to them.
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
compile('--emitDeclarationOnly');
compile('--outDir', 'dist/modules', '--declaration', 'false', '--declarationMap', 'false');
await build({
  absWorkingDir: packageFolder,
  entryPoints: ['src/index.ts', 'src/preview3.ts', 'src/generated/preview3/struct-table.ts'],
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  sourcesContent: false,
  chunkNames: 'chunks/[name]-[hash]',
  legalComments: 'none',
  // A class keeps its name where two modules have one of the same name.
  keepNames: true,
});
