import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readSmallFile } from './small-file.js';

const SOURCES = fileURLToPath(new URL('../', import.meta.url));
/** Files of packages, which nobody names. */
const OF_PACKAGES = ['package-version.ts', 'serve/module/load-module.ts'];

const folder = mkdtempSync(join(tmpdir(), 'nnrp-small-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const inside = (name: string) => join(folder, name);

function pipe(name: string): string {
  execFileSync('mkfifo', [inside(name)]);
  return inside(name);
}

describe("a file of an operator's", () => {
  it('is read whole, also an empty one', () => {
    const text = 'x'.repeat(200_000);
    writeFileSync(inside('file'), text);
    expect(readSmallFile(inside('file')).toString()).toBe(text);
    writeFileSync(inside('empty'), '');
    expect(readSmallFile(inside('empty'))).toHaveLength(0);
  });

  it('that is too long, a directory or not there is refused', () => {
    writeFileSync(inside('sparse'), '');
    truncateSync(inside('sparse'), 5_000_000_000);
    expect(() => readSmallFile(inside('sparse'))).toThrow(
      'at most 16777216 bytes are read, and it has 5000000000 bytes',
    );
    expect(() => readSmallFile(folder)).toThrow('it is a directory');
    expect(() => readSmallFile(inside('none'))).toThrow('ENOENT');
  });
});

it('no command reads a file in any other way than this, or as a stream', () => {
  const names = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const readers = names.filter((name) => {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts') || OF_PACKAGES.includes(name)) return false;
    return /\breadFile(Sync)?\b[^']*'node:fs/.test(readFileSync(join(SOURCES, name), 'utf8'));
  });
  expect(readers).toEqual([]);
});

describe.skipIf(process.platform === 'win32')('what is no file', () => {
  it('ends with an error where it has no end', () => {
    expect(() => readSmallFile('/dev/zero')).toThrow('at most 16777216 bytes are read, and it has no end up to there');
    expect(readSmallFile('/dev/null')).toHaveLength(0);
  });

  it('ends with an error where it is a pipe that nobody writes to', () => {
    expect(() => readSmallFile(pipe('silent'), 50)).toThrow('it is a pipe, and nothing has come from it for 50 ms');
  });

  it('is not waited for where a server runs', async () => {
    const path = pipe('renewed');
    const begunMs = performance.now();
    expect(() => readSmallFile(path, 0)).toThrow('it is a pipe without more to read: a server that runs does not wait');
    expect(performance.now() - begunMs).toBeLessThan(5000);
  });

  it('is read to its end where it is a pipe whose writer comes later, and takes its time', async () => {
    const path = pipe('slow');
    const script = 'sleep 0.1; { printf one; sleep 0.1; head -c 100000 /dev/zero; printf two; } > "$1"';
    const writer = spawn('sh', ['-c', script, 'sh', path]);
    const ended = once(writer, 'close');
    const bytes = readSmallFile(path);
    expect([bytes.length, bytes.toString('latin1', 0, 3), bytes.toString('latin1', 100_003)]).toEqual([
      100_006,
      'one',
      'two',
    ]);
    await ended;
  });
});
