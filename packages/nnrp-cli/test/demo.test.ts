import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CliProcess } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the demo', () => {
  it('streams its own text, byte by byte, and closes everything', async () => {
    const { code, stdout } = await demo();
    const text = readFileSync(new URL('../../../examples/demo-text.txt', import.meta.url));
    expect(text.length).toBeGreaterThan(100 * 1024);
    expect(code).toBe(0);
    expect(stdout.includes(text)).toBe(true);
    const totals = stdout.subarray(stdout.indexOf(text) + text.length).toString('utf8');
    expect(totals).toMatch(/session 1: \d{5} tokens of 2 submits, .* tokens\/s/);
    expect(totals).toMatch(/session 2: \d+ tokens of ([5-9]|\d{2,}) submits/);
    expect(totals).toMatch(/check: \d+ bytes came back byte-identical/);
  });

  it('streams any text file', async () => {
    const text = 'one line that is longer than a piece 春 '.repeat(5000);
    writeFileSync(join(folder, 'long.txt'), text);
    const { code, stdout } = await demo('long.txt');
    expect([code, stdout.includes(text)]).toEqual([0, true]);
  });

  it('has nothing to stream in an empty file', async () => {
    writeFileSync(join(folder, 'empty.txt'), '');
    const { code, stdout } = await demo('empty.txt');
    expect([code, stdout.toString('utf8')]).toEqual([0, expect.stringContaining('session 1: 0 tokens of 0 submits')]);
  });

  it('says that a file is missing, or is not text, and exits with 1', async () => {
    const missing = await demo('missing.txt');
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/^demo: cannot read .*missing\.txt: ENOENT/),
    ]);
    writeFileSync(join(folder, 'binary'), Buffer.from([0x41, 0xc3, 0x28]));
    const binary = await demo('binary');
    expect([binary.code, binary.stderr]).toEqual([
      1,
      expect.stringContaining('is not UTF-8 text (between bytes 0 and 3)'),
    ]);
  });
});

function demo(...files: string[]) {
  return new CliProcess(
    'demo.js',
    files.map((file) => join(folder, file)),
  ).finish();
}
