import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { writeFiles } from './write-files.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

it('a file that can be made and not written, as on a full disk, leaves neither itself nor the others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nnrp-write-'));
  folders.push(folder);
  const file = (name: string, text: unknown) => ({
    option: `--${name}`,
    path: join(folder, name),
    text: text as string,
    mode: 0o600,
  });
  // What fails after the file was opened.
  const unwritable = {};
  expect(() => writeFiles([file('key', 'k'), file('cert', unwritable)], false)).toThrow(/^cannot write .*cert: /);
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(join(folder, 'cert'), 'mine');
  expect(() => writeFiles([file('key', 'k'), file('cert', 'c')], false)).toThrow('the file exists');
  expect(readdirSync(folder)).toEqual(['cert']);
});
