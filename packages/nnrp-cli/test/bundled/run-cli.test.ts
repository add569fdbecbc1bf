import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-bundled-'));
const handlers = join(folder, 'handlers.mjs');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = `
import { runCli } from '../../dist/index.js';
runCli(process.argv.slice(2)).then((code) => process.exit(code));
`;

const outfileOf = (format: 'cjs' | 'esm') => join(folder, format === 'cjs' ? 'program.cjs' : 'program.mjs');

beforeAll(async () => {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-cli');
  writeFileSync(handlers, 'export default ({ body }) => body;\n');
  // Of the program, not of nnrp-cli.
  writeFileSync(join(folder, 'package.json'), '{ "name": "program", "version": "9.9.9" }');
  for (const format of ['cjs', 'esm'] as const) {
    await build({
      stdin: { contents: PROGRAM, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'js' },
      bundle: true,
      platform: 'node',
      format,
      outfile: outfileOf(format),
      logLevel: 'silent',
      ...(format === 'esm' && {
        banner: { js: "import { createRequire as at } from 'node:module'; const require = at(import.meta.url);" },
      }),
    });
  }
});

function run(format: 'cjs' | 'esm', ...args: string[]): Promise<[code: unknown, text: string]> {
  return new Promise((resolve) => {
    execFile(process.execPath, [outfileOf(format), ...args], { timeout: 30_000 }, (error, out, err) =>
      resolve([error?.code ?? 0, out + err]),
    );
  });
}

describe.each(['cjs', 'esm'] as const)('in a bundle of the form %s, runCli', (format) => {
  it('runs commands, and does not take the version of the program for its own', async () => {
    expect(await run(format, '--version')).toEqual([0, 'unknown: the package was bundled\n']);
    expect(await run(format, 'decode', '4e4e')).toEqual([1, expect.stringContaining('NNRP_ERR_SOURCE_TOO_SHORT')]);
  });

  it('serves a module, and says why it cannot read it again', async () => {
    const serve = ['serve', '--listen', '127.0.0.1:0', handlers];
    // Behind the module.
    expect(await run(format, ...serve, '--admin', 'nowhere')).toEqual([2, expect.stringContaining('--admin nowhere')]);
    expect(await run(format, ...serve, '--reload')).toEqual([
      1,
      expect.stringContaining('--reload needs a file of nnrp-cli that is not beside this program'),
    ]);
  });
});
