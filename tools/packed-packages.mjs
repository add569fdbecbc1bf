// Packs packages as they would be published, and installs them into an empty project.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * @param work - an empty folder, which becomes the project
 * @param names - folders of packages/
 * @param others - what npm installs beside them
 */
export function installPacked(work, names, others = []) {
  for (const name of names) {
    run('npx', ['--yes', packageManager, 'pack', '--pack-destination', work], join(root, 'packages', name));
  }
  const tarballs = readdirSync(work).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(work, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  run('npm', ['install', ...quiet, ...tarballs.map((name) => `./${name}`), ...others], work);
}

/** @returns what the program has printed */
export function run(program, args, cwd) {
  try {
    return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  }
}
