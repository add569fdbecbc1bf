import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../../tools/fresh-build.mjs';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const PROGRAM = `
import { NnrpServer } from 'nnrp-runtime';
import { createAdmin } from 'nnrp-admin';
async function main() {
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  const admin = createAdmin(server);
  const address = await admin.listen('127.0.0.1:0');
  for (const path of ['healthz', 'metrics', '']) {
    const answer = await fetch('http://' + address + '/' + path);
    const text = await answer.text();
    console.log(path, answer.status, answer.status === 200 ? '' : text);
  }
  await admin.close();
  await server.close();
}
main();
`;

function run(file: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [file], { timeout: 30_000 }, (_error, out, err) => resolve(out + err));
  });
}

it('in a bundle of CommonJS, where its files are not, it answers all but the page, for which it says why', async () => {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-admin');
  const folder = mkdtempSync(join(tmpdir(), 'nnrp-bundled-'));
  folders.push(folder);
  const outfile = join(folder, 'program.cjs');
  await build({
    // Where nnrp-runtime is found; the package itself is its own dependency by name.
    stdin: { contents: PROGRAM, resolveDir: fileURLToPath(new URL('..', import.meta.url)), loader: 'js' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    logLevel: 'silent',
  });
  const text = await run(outfile);
  expect(text).toMatch(/^healthz 200 \nmetrics 200 \n 500 the inspector page is in files of nnrp-admin/);
});
