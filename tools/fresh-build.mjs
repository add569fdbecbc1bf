// Whether the build of a package is that of its sources. A build writes a hash of its sources beside what it has made; times
// of files would not do, since git and turbo's cache set them as they please.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Looked at once in a process: a test starts many. */
const fresh = new Map();
/** It is not published. */
const STAMP = 'dist/built-from.txt';

/** Notes what `dist` was made from. Called at the end of a build. */
export function stampBuild(folder) {
  writeFileSync(join(folder, STAMP), `${hashOfSources(folder)}\n`);
}

/** @param name - a folder of the repository, such as packages/nnrp-core */
export function isFresh(name) {
  const stamp = join(root, name, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === hashOfSources(join(root, name));
}

/**
 * For tests that start a program of a build: they do not see the sources, and must not pass because the build is old.
 *
 * @throws Error that names the packages whose sources have changed since they were built
 */
export function requireFreshBuilds(...names) {
  for (const name of names) if (!fresh.has(name)) fresh.set(name, isFresh(name));
  const stale = names.filter((name) => fresh.get(name) === false);
  if (stale.length > 0)
    throw new Error(
      `this test runs what is built, and the sources of ${stale.join(', ')} have changed since: run \`pnpm build\``,
    );
}

function hashOfSources(folder) {
  const hash = createHash('sha256');
  const sources = readdirSync(join(folder, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const source of sources) hash.update(`${source.slice(folder.length)}\0`).update(readFileSync(source));
  return hash.digest('hex');
}
