// The two commands of a fresh clone: `npm run demo` and `npm test`. Needs Node and npm only; pnpm comes through npx.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { packageManager, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const windows = process.platform === 'win32';
const started = Date.now();

requireNode(engines.node.replace('>=', ''));

const [command, ...args] = process.argv.slice(2);
/** npm runs scripts in the root; a file is meant from where the user stands. Options are no files. */
const fromUser = (arg) => (arg.startsWith('-') ? arg : resolve(process.env.INIT_CWD ?? process.cwd(), arg));
const buildFor = (name) => ['exec', 'turbo', 'run', 'build', `--filter=${name}...`, '--output-logs=new-only'];
const steps = {
  demo: args.includes('--web')
    ? [
        ['build the packages', 'npx', pnpm(...buildFor('nnrp-examples'))],
        [
          'serve the page',
          process.execPath,
          [join('examples', 'web', 'server.js'), ...args.filter((arg) => arg !== '--web')],
        ],
      ]
    : [
        ['build the packages', 'npx', pnpm(...buildFor('nnrp-cli'))],
        ['run the demo', process.execPath, [join('packages', 'nnrp-cli', 'dist', 'demo.js'), ...args.map(fromUser)]],
      ],
  test: [
    ['build the packages', 'npx', pnpm('exec', 'turbo', 'run', 'build', '--output-logs=new-only')],
    [
      'run the tests',
      'vitest',
      ['run', '--reporter=default', '--reporter=json', '--outputFile=.reports/tests.json', ...args],
    ],
  ],
}[command];
if (steps === undefined) {
  console.error(`usage: node tools/bootstrap.mjs demo|test, got '${command ?? ''}'`);
  process.exit(2);
}

run(1, 'install the dependencies', 'npx', [
  '--yes',
  packageManager,
  'install',
  '--frozen-lockfile',
  '--prefer-offline',
]);
steps.forEach(([what, program, programArgs], index) => {
  run(index + 2, what, program, programArgs);
});

function run(number, what, program, programArgs) {
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.error(`\n[${number}/${steps.length + 1}] ${what} (${seconds} s so far)`);
  const result = spawnSync(program, programArgs, {
    cwd: root,
    stdio: 'inherit',
    shell: windows && program !== process.execPath,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  });
  if (result.error !== undefined) {
    console.error(`cannot run ${program}: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) {
    console.error(`\nfailed: ${what} (exit code ${result.status ?? result.signal})`);
    process.exit(result.status ?? 1);
  }
}

/** The pinned pnpm; npx puts it on the PATH of what it runs, where turbo looks for it. */
function pnpm(...pnpmArgs) {
  return ['--yes', packageManager, ...pnpmArgs];
}

function requireNode(wanted) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [needMajor, needMinor] = wanted.split('.').map(Number);
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  console.error(`nnrp needs Node ${wanted} or newer, this is ${process.versions.node}`);
  process.exit(1);
}
