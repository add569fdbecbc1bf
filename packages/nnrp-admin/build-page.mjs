// Writes dist/page: the inspector page in three files, its script bundled with the client of browsers.
import { copyFileSync, mkdirSync } from 'node:fs';
import { build } from 'esbuild';

mkdirSync('dist/page', { recursive: true });
for (const name of ['index.html', 'page.css']) copyFileSync(`src/page/${name}`, `dist/page/${name}`);
await build({
  entryPoints: ['src/page/page.js'],
  outdir: 'dist/page',
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
});
