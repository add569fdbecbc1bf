import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { filePieces } from './file-pieces.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-pieces-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function pieces(content: string | Uint8Array, maxBytes: number): Promise<string[]> {
  const path = join(folder, 'text');
  writeFileSync(path, content);
  const result: string[] = [];
  for await (const piece of filePieces(path, maxBytes)) result.push(Buffer.from(piece).toString('utf8'));
  return result;
}

describe('filePieces', () => {
  it('cuts at line ends', async () => {
    expect(await pieces('ab\ncd\nef\n', 7)).toEqual(['ab\ncd\n', 'ef\n']);
    expect(await pieces('ab\ncd', 100)).toEqual(['ab\ncd']);
    expect(await pieces('', 7)).toEqual([]);
  });

  it.each([4, 5, 6, 7, 64])('keeps every byte, and characters whole, with pieces of %i bytes', async (maxBytes) => {
    const text = '春眠不覺曉😀😀é\r\n\n'.repeat(20);
    const cut = await pieces(text, maxBytes);
    expect(cut.join('')).toBe(text);
    expect(Math.max(...cut.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(maxBytes);
  });

  it('says where the bytes are no text', async () => {
    await expect(pieces(Buffer.from([0x61, 0x0a, 0x62, 0x63, 0x64, 0xff]), 4)).rejects.toThrow(
      /is not UTF-8 text \(between bytes 2 and 6\)/,
    );
    await expect(pieces(Buffer.from([0x61, 0xe6, 0x98]), 4)).rejects.toThrow(/is not UTF-8 text/);
  });

  it('rejects when there is no such file', async () => {
    await expect(filePieces(join(folder, 'missing'), 4).next()).rejects.toThrow('ENOENT');
  });
});
