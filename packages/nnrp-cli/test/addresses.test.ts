import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nnrp, serving } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('nnrp serve and nnrp submit', () => {
  it('meet on a Unix socket', async () => {
    const address = `unix:${join(folder, 'nnrp.sock')}`;
    const { server } = await serving('--listen', address);
    const submitted = await nnrp(['submit', '--to', address, 'hello', '--output']);
    expect(submitted).toMatchObject({ code: 0, stdout: Buffer.from('hello') });
    expect((await nnrp(['submit', '--to', address, '--tls', 'hello'])).code).toBe(2);
    expect(await server.stop()).toMatchObject({ code: 0, stderr: '' });
  });

  it('meet on a URL of TCP', async () => {
    const { server, address } = await serving('--listen', 'nnrp://127.0.0.1:0');
    const submitted = await nnrp(['submit', '--to', `nnrp://${address}`, 'hello', '--output']);
    expect(submitted).toMatchObject({ code: 0, stdout: Buffer.from('hello') });
    expect((await server.stop()).code).toBe(0);
  });
});
