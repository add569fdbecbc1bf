import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
/* pnpm bench NAME [ARGS]: runs one benchmark in a process of its own. */
const BENCHMARKS = ['codec'];
const [name = '', ...args] = process.argv.slice(2);
if (!BENCHMARKS.includes(name)) {
    console.error(`usage: pnpm bench ${BENCHMARKS.join('|')} [--quick] [--assert] [NAME]`);
    process.exit(2);
}
const file = join(dirname(fileURLToPath(import.meta.url)), `${name}.js`);
process.exitCode = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1;
//# sourceMappingURL=run.js.map