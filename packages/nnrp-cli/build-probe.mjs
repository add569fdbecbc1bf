// Writes dist/probe.cjs: `nnrp ping --probe` in one file, with what it needs of the other packages. Loading them as they are,
// and the command line with them, takes longer than everything else that a probe does.
import { build } from 'esbuild';

await build({
  entryPoints: ['src/ping/probe.ts'],
  outfile: 'dist/probe.cjs',
  bundle: true,
  minify: true,
  format: 'cjs',
  // Not that of Node: for it, the packages have a few large modules, of which all would be taken.
  platform: 'neutral',
  conditions: ['import'],
  mainFields: ['module', 'main'],
  target: 'node20.19',
  external: ['node:*', 'nnrp-transport-quic', 'nnrp-transport-websocket'],
  legalComments: 'none',
});
