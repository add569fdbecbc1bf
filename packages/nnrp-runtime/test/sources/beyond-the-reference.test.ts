import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const WEAKNESSES = 36;
const ROOT = new URL('../../../../', import.meta.url);

interface Row {
  readonly name: string;
  readonly elsewhere: string;
  readonly here: string;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

/** The rows of the table, see the page itself. */
function rows(page: string): Row[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| W-'))
    .map((line) => {
      const [name = '', elsewhere = '', here = '', tests = ''] = line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim());
      return { name, elsewhere, here, tests: tests.split('<br>').map(testOf) };
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

describe('docs/beyond-the-reference.md', () => {
  const table = rows(readFileSync(new URL('docs/beyond-the-reference.md', ROOT), 'utf8'));

  it('has one row for each weakness, in order, and says something in each', () => {
    const numbers = Array.from({ length: WEAKNESSES }, (_, index) => `W-${index + 1}`);
    expect(table.map(({ name }) => name)).toEqual(numbers);
    for (const { name, elsewhere, here } of table) expect([name, elsewhere, here]).not.toContain('');
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
    for (const { name, here } of table)
      expect([name, here]).not.toEqual([name, expect.stringContaining('not served yet')]);
  });
});
