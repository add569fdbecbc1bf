import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PACKAGES = [
  'nnrp-core',
  'nnrp-runtime',
  'nnrp-transport-quic',
  'nnrp-transport-websocket',
  'nnrp-openai',
  'nnrp-opentelemetry',
  'nnrp-admin',
  'nnrp-cli',
].map((name) => `packages/${name}`);
const GENERATED = /\/generated\//;
const OTHERS = new Set(['node_modules', 'dist']);
const MAX_LINES = 400;
const MAX_FILES = 15;

/** Hand-written code below a folder of the repository. */
function sources(folder: string): string[] {
  return code(folder).filter((name) => !GENERATED.test(name));
}

function generated(folder: string): string[] {
  return code(folder).filter((name) => GENERATED.test(name));
}

/** What is installed or built is not entered: a build beside the tests takes it away and writes it anew. */
function code(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return OTHERS.has(entry.name) ? [] : code(path);
    return /\.(ts|mjs|js)$/.test(entry.name) ? [path] : [];
  });
}

/** The folders of some files, each with its files. */
function folders(files: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of files) found.set(dirname(file), [...(found.get(dirname(file)) ?? []), file]);
  return found;
}

function text(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** A room is a folder. A file that lies in no folder of `src` is a room by itself, and so is an entry point. */
function roomOf(src: string, file: string): string {
  const name = relative(src, file).replace(/\.[jt]s$/, '');
  const isAlone = dirname(name) === '.' || (/\/index$/.test(name) && !GENERATED.test(file));
  return isAlone ? name : dirname(name);
}

/** Which room of a package imports which, types included. */
function arrows(folder: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const src = `${folder}/src`;
  for (const file of [...sources(src), ...generated(src)]) {
    if (file.endsWith('.test.ts')) continue;
    const room = roomOf(src, file);
    const below = found.get(room) ?? new Set();
    for (const [, path = ''] of text(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const other = roomOf(src, join(dirname(file), path));
      if (other !== room) below.add(other);
    }
    found.set(room, below);
  }
  return found;
}

/** The rooms that stand on a floor: each imports only what has gone before. Those that are left stand in a circle. */
function circles(rooms: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const left = new Map(rooms);
  for (;;) {
    const floor = [...left].filter(([, below]) => [...below].every((room) => !left.has(room)));
    if (floor.length === 0) return [...left.keys()];
    for (const [room] of floor) left.delete(room);
  }
}

describe('the house', () => {
  it.each(PACKAGES)('%s has rooms that import downwards only', (folder) => {
    const rooms = arrows(folder);
    expect(rooms.size).toBeGreaterThan(5);
    expect(circles(rooms)).toEqual([]);
  });

  it('would find rooms that stand on each other', () => {
    const rooms = new Map([
      ['a', new Set(['b', 'c'])],
      ['b', new Set(['a'])],
      ['c', new Set<string>()],
    ]);
    expect(circles(rooms)).toEqual(['a', 'b']);
  });

  it('draws every room of nnrp-runtime in ARCHITECTURE.md', () => {
    const [, picture = ''] = /## The rooms of nnrp-runtime[^`]*```([^`]*)```/.exec(text('ARCHITECTURE.md')) ?? [];
    const drawn = new Set(picture.match(/\w+/g));
    const src = 'packages/nnrp-runtime/src';
    const rooms = [...folders(sources(src)).keys()].map((room) => relative(src, room).split('/').slice(0, 2));
    const left = rooms.flat().filter((name) => !drawn.has(name) && name !== 'preview4' && name !== '');
    expect([...new Set(left)]).toEqual([]);
  });

  it('says in each room what lives there', () => {
    const rooms = [
      ...folders(sources('packages').filter((file) => /\/src\/.+\//.test(file))).keys(),
      ...PACKAGES.flatMap((folder) => [...folders(sources(`${folder}/test`)).keys()]),
    ];
    const silent = rooms.filter((room) => {
      const note = join(room, 'README.md');
      return !existsSync(join(ROOT, note)) || !/^# \S+\n\n\S/.test(text(note));
    });
    expect(silent).toEqual([]);
  });

  it(`keeps no more than ${MAX_FILES} files beside each other`, () => {
    const files = ['packages', 'tools', 'bench', 'examples', 'spec'].flatMap(sources);
    const rooms = folders(files.filter((file) => !file.includes('/src/') || !file.endsWith('.test.ts')));
    const crowded = [...rooms].filter(([, files]) => files.length > MAX_FILES).map(([room]) => room);
    expect(crowded).toEqual([]);
  });

  it(`has no file of more than ${MAX_LINES} lines`, () => {
    const files = ['packages', 'tools', 'bench', 'examples', 'spec'].flatMap(sources);
    const long = files.filter((file) => text(file).trimEnd().split('\n').length > MAX_LINES);
    expect(long).toEqual([]);
  });
});
