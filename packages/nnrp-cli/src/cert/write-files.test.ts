import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { writeFiles } from './write-files.js';

const folders: string[] = [];
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nnrp-write-'));
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const fileIn = (folder: string) => (name: string, text: unknown) => ({
  option: `--${name}`,
  path: join(folder, name),
  text: text as string,
  mode: 0o600,
});

it('what is replaced is another file from one moment to the next, and stays as it was where the others cannot be written', () => {
  const folder = makeFolder();
  const file = fileIn(folder);
  mkdirSync(join(folder, 'real'));
  writeFileSync(join(folder, 'real', 'key'), 'old key', { mode: 0o644 });
  symlinkSync(join('real', 'key'), join(folder, 'key'));
  writeFileSync(join(folder, 'cert'), 'old cert');
  const inode = statSync(join(folder, 'key')).ino;
  const texts = () => ['key', 'cert'].map((name) => readFileSync(join(folder, name), 'utf8'));
  expect(() => writeFiles([file('key', 'k'), file('cert', {})], true)).toThrow(/^cannot write .*cert: /);
  expect(texts()).toEqual(['old key', 'old cert']);
  writeFiles([file('key', 'k'), file('cert', 'c')], true);
  expect(texts()).toEqual(['k', 'c']);
  const { ino, mode } = statSync(join(folder, 'real', 'key'));
  expect([ino === inode, mode & 0o777]).toEqual([false, 0o600]);
  expect([readdirSync(folder).sort(), readdirSync(join(folder, 'real'))]).toEqual([['cert', 'key', 'real'], ['key']]);
});

it('what lies in a folder where nothing may be made is overwritten, all of it or nothing', () => {
  const folder = makeFolder();
  const file = fileIn(folder);
  const NOBODY = 65_534;
  const isRoot = process.geteuid?.() === 0;
  for (const name of ['key', 'cert']) {
    writeFileSync(join(folder, name), `old ${name}`, { mode: 0o644 });
    if (isRoot) chownSync(join(folder, name), NOBODY, NOBODY);
  }
  const texts = () => ['key', 'cert'].map((name) => readFileSync(join(folder, name), 'utf8'));
  chmodSync(folder, 0o555);
  // Root may make files anywhere.
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    expect(() => writeFiles([file('key', 'k'), file('new', 'n')], true)).toThrow(/^cannot write .*new: EACCES/);
    expect(texts()).toEqual(['old key', 'old cert']);
    writeFiles([file('key', 'k'), file('cert', 'c')], true);
    expect(texts()).toEqual(['k', 'c']);
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(folder, 0o755);
  }
  expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).sort()).toEqual(['cert', 'key']);
});

it('a file that can be made and not written, as on a full disk, leaves neither itself nor the others', () => {
  const folder = makeFolder();
  const file = fileIn(folder);
  // What fails after the file was opened.
  const unwritable = {};
  expect(() => writeFiles([file('key', 'k'), file('cert', unwritable)], false)).toThrow(/^cannot write .*cert: /);
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(join(folder, 'cert'), 'mine');
  expect(() => writeFiles([file('key', 'k'), file('cert', 'c')], false)).toThrow('the file exists');
  expect(readdirSync(folder)).toEqual(['cert']);
});
