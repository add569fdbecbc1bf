import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../../', import.meta.url);
const PREVIEW4 = 'docs/beyond-preview4.md';

/** Each table: its page, what the numbers of its rows begin with, and how many there are. */
const TABLES = [
  ['docs/beyond-the-reference.md', 'W', 36],
  [PREVIEW4, 'P', 35],
  [PREVIEW4, 'B', 12],
  [PREVIEW4, 'I', 10],
] as const;

interface Row {
  readonly name: string;
  /** What stands between its number and its tests. */
  readonly says: readonly string[];
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

/** The rows of a table, see the page itself. */
function rows(page: string, letter: string): Row[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`| ${letter}-`))
    .map((line) => {
      const cells = line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim());
      const [name = '', tests = ''] = [cells[0], cells.at(-1)];
      return { name, says: cells.slice(1, -1), tests: tests.split('<br>').map(testOf) };
    });
}

function testOf(text: string): { file: string; name: string } {
  const [, file = '', name = ''] = /^`([^`]+)`: (.+)$/.exec(text) ?? [];
  return { file: `packages/${file}`, name };
}

/** Whether the file declares a test of this name, by `it('name', ...` or `it.each(...)('name', ...`. */
function declares(source: string, name: string): boolean {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?:\\bit|\\btest|\\))\\(\\s*(['"\`])${literal}\\1,`).test(source);
}

describe.each(TABLES)('%s, %s-1 and on', (page, letter, count) => {
  const table = rows(readFileSync(new URL(page, ROOT), 'utf8'), letter);

  it('has one row for each number, in order, and says something in each', () => {
    const numbers = Array.from({ length: count }, (_, index) => `${letter}-${index + 1}`);
    expect(table.map(({ name }) => name)).toEqual(numbers);
    for (const { says } of table) {
      expect(says.length).toBe(letter === 'I' ? 1 : 2);
      expect(says).not.toContain('');
    }
  });

  it.each(table.map((row) => [row.name, row] as const))('names tests for %s that exist', (_name, { tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const { file, name } of tests) {
      const url = new URL(file, ROOT);
      expect([file, existsSync(url)]).toEqual([file, true]);
      expect([file, name, declares(readFileSync(url, 'utf8'), name)]).toEqual([file, name, true]);
    }
  });

  it('claims of nothing that it is not served', () => {
    for (const { name, says } of table)
      expect([name, says.at(-1)]).not.toEqual([name, expect.stringContaining('not served yet')]);
  });
});
