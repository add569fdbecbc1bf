import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/* pnpm bench NAME [ARGS]: runs one benchmark in a process of its own. */

const BENCHMARKS = new Map([
  ['codec', 'codec.js'],
  ['loopback', join('loopback', 'main.js')],
  ['quic', join('quic', 'main.js')],
  ['fairness', join('fairness', 'main.js')],
  ['counts', join('counts', 'main.js')],
  ['profile', join('profile', 'main.js')],
]);

const [name = '', ...args] = process.argv.slice(2);
const program = BENCHMARKS.get(name);
if (program === undefined) {
  console.error(`usage: pnpm bench ${[...BENCHMARKS.keys()].join('|')} [--quick] [ARGS]`);
  process.exit(2);
}
const file = join(dirname(fileURLToPath(import.meta.url)), program);
process.exitCode = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1;
