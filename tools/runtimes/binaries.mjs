import { join } from 'node:path';
import { run } from '../packed-packages.mjs';

const VERSIONS = { deno: '2.9.6', bun: '1.4.5', workerd: '1.20261117.1' };
/** Where npm puts the program, once its script has run. */
const PROGRAMS = { deno: 'deno/deno', bun: 'bun/bin/bun.exe', workerd: 'workerd/bin/workerd' };

/**
 * @param folder - an empty one, into which what this repository does not have is installed
 * @returns by name, the path of each program, or a function that says why it is not to be had
 */
export function findBinaries(folder) {
  return {
    deno: attempt(() => installed('deno', folder)),
    bun: attempt(() => installed('bun', folder)),
    workerd: attempt(() => installed('workerd', folder)),
  };
}

function installed(name, folder) {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  run('npm', ['install', ...quiet, '--prefix', folder, `${name}@${VERSIONS[name]}`], folder);
  return join(folder, 'node_modules', PROGRAMS[name]);
}

/** Programs of another platform are found and do not run. */
function attempt(find) {
  try {
    const program = find();
    return { program, version: run(program, ['--version'], '.').match(/\d[\d.-]*/)?.[0] };
  } catch (error) {
    return { missing: error.message.split('\n').slice(0, 2).join(': ') };
  }
}
