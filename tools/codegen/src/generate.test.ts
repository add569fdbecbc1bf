import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { emitAll, readLayout } from './generate.js';
import { schemaFiles } from './schema-files.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = `${root}spec/preview3/`;
const sources = schemaFiles(folder);
const generated = 'packages/nnrp-core/src/generated/';

const generate = (revision: string, from: ReadonlyMap<string, string>) => emitAll(readLayout(revision, from));

describe('generation', () => {
  it('gives the same text every time', () => {
    expect([...generate('preview3', sources)]).toEqual([...generate('preview3', sources)]);
  });

  it('does not depend on the order in which files are listed', () => {
    const expected = [...generate('preview3', sources)];
    const entries = [...sources];
    const orders = [[...entries].reverse(), [...entries.slice(7), ...entries.slice(0, 7)]];
    for (const order of orders) expect([...generate('preview3', new Map(order))]).toEqual(expected);
  });

  it('matches every file that is checked in, and leaves none behind', () => {
    const output = generate('preview3', sources);
    for (const [path, text] of output) expect(readFileSync(root + path, 'utf8'), path).toBe(text);
    const inFolder = [...output.keys()].filter((path) => path.startsWith(`${generated}preview3/`));
    const present = readdirSync(`${root}${generated}preview3`).map((name) => `${generated}preview3/${name}`);
    expect(present.sort()).toEqual(inFolder.sort());
  });

  it('names no machine and no time in what it writes', () => {
    for (const [path, text] of generate('preview3', sources)) {
      expect(text, path).not.toContain(root);
      expect(text, path).not.toMatch(/\b\d{4}-\d{2}-\d{2}T|\/home\/|\/tmp\//);
    }
  });
});

describe('a second revision', () => {
  const changed = `${sources.get('cache_ack.ksy')!.trimEnd()}
  - id: extra
    type: u2
    doc: A field that the earlier revision does not have.
    doc-ref: section 7.18
`;
  const next = new Map([...sources, ['cache_ack.ksy', changed]]);

  it('gives files of its own and none of the first', () => {
    const first = generate('preview3', sources);
    const second = generate('preview4', next);
    expect(second.size).toBe(first.size);
    expect([...second.keys()].filter((path) => first.has(path))).toEqual([]);
    expect([...second.keys()]).toEqual([...first.keys()].map((path) => path.replace('preview3', 'preview4')));
    for (const text of second.values()) expect(text).not.toContain('spec/preview3');
  });

  it('leaves the first as it was', () => {
    const before = [...generate('preview3', sources)];
    generate('preview4', next);
    expect([...generate('preview3', sources)]).toEqual(before);
  });

  it('differs where its schemas differ, and nowhere else', () => {
    const first = generate('preview3', sources);
    const differing = [...generate('preview4', next)]
      .filter(
        ([path, text]) => first.get(path.replace('preview4', 'preview3')) !== text.replaceAll('preview4', 'preview3'),
      )
      .map(([path]) => path.split('/').at(-1));
    expect(differing.sort()).toEqual([
      'cache-ack.ts',
      'layout.json',
      'message-table.ts',
      'struct-table.ts',
      'wire-reference-preview4.md',
    ]);
    const text = generate('preview4', next).get(`${generated}preview4/cache-ack.ts`);
    expect(text).toContain('export const CACHE_ACK_BYTES = 30;');
    expect(text).toContain('readonly extra: number;');
  });
});
