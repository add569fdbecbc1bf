import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const GENERATED = 'packages/nnrp-core/src/generated';
const REFERENCE = /^wire-reference-.*\.md$/;
const LAYOUT = 'layout.json';

/**
 * Files where only generated ones belong that no revision produces: left over from a schema or a whole revision that
 * was renamed or removed.
 *
 * @param root - folder of the repository
 * @param produced - what is generated, as paths from the root with forward slashes
 * @returns such paths, sorted
 */
export function staleFiles(root: string, produced: ReadonlySet<string>): string[] {
  const present = [
    ...filesUnder(root, GENERATED),
    ...entriesOf(root, 'docs').filter(({ name }) => REFERENCE.test(name)),
    ...entriesOf(root, 'spec')
      .filter(({ isFolder }) => isFolder)
      .flatMap(({ path }) => entriesOf(root, path).filter(({ name }) => name === LAYOUT)),
  ];
  return present
    .map(({ path }) => path)
    .filter((path) => !produced.has(path))
    .sort();
}

interface Entry {
  readonly path: string;
  readonly name: string;
  readonly isFolder: boolean;
}

function entriesOf(root: string, folder: string): Entry[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).map((entry) => ({
    path: `${folder}/${entry.name}`,
    name: entry.name,
    isFolder: entry.isDirectory(),
  }));
}

function filesUnder(root: string, folder: string): Entry[] {
  return entriesOf(root, folder).flatMap((entry) => (entry.isFolder ? filesUnder(root, entry.path) : [entry]));
}
