// Runs before a package is packed: a clone that is not built, or whose sources have changed since, is built first.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFresh } from './fresh-build.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = relative(root, process.cwd()).split(sep).join('/');
if (!isFresh(folder)) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
  const build = ['exec', 'turbo', 'run', 'build', `--filter=${name}`, '--output-logs=errors-only'];
  // What is packed, and where, is printed to the standard output.
  const { status } = spawnSync('npx', ['--yes', packageManager, ...build], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  });
  if (status !== 0 || !isFresh(folder)) {
    console.error(`cannot pack ${name}: its build has failed; \`npm test\` installs and builds everything`);
    process.exit(1);
  }
}
