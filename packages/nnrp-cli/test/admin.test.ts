import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NnrpClient } from 'nnrp-runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { nnrp, serving } from './cli-process.js';

const TOKEN = 'a-token-of-some-length';
const folder = mkdtempSync(join(tmpdir(), 'nnrp-admin-'));
const file = join(folder, 'token');
writeFileSync(file, `${TOKEN}\n`);
writeFileSync(join(folder, 'short'), 'short');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function administered(...args: string[]) {
  const { server, address } = await serving('--admin', '127.0.0.1:0', ...args);
  const [, admin] = await server.printed(/^admin (\S+)\n/m);
  return { server, address, url: `http://${admin}` };
}

describe('nnrp serve --admin', () => {
  it('tells operators what it has done, and when it takes nothing new', async () => {
    const { server, address, url } = await administered();
    const submitted = await nnrp(['submit', '--to', address, 'work', '--count', '3']);
    expect(submitted.code).toBe(0);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('\nnnrp_operations_completed_total 3\n');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    // Somebody who does not go keeps it draining.
    const client = await NnrpClient.connectTcp(address, { reconnect: 'never' });
    await client.openSession();
    server.child.kill('SIGTERM');
    const ended = await server.ended;
    expect(ended.code).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    await client.close();
  });

  it('asks for the token of a file', async () => {
    const { server, url } = await administered('--admin-token', file);
    expect((await fetch(`${url}/healthz`)).status).toBe(401);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(`${url}/healthz`, { headers })).status).toBe(200);
    const { stdout, stderr } = await server.stop();
    expect(stdout.toString() + stderr).not.toContain(TOKEN);
  });

  it.each([
    [['--admin', '0.0.0.0:0'], /--admin 0\.0\.0\.0:0: .*needs a token \(--admin-token FILE\)/],
    [['--admin', 'nowhere'], /--admin nowhere: address: expected HOST:PORT/],
    [['--admin-token', file], /--admin-token is for --admin HOST:PORT/],
    [['--admin', '127.0.0.1:0', '--admin-token', join(folder, 'none')], /--admin-token .*none: cannot be read/],
    [['--admin', '127.0.0.1:0', '--admin-token', join(folder, 'short')], /short: it takes 16 to 1024 printable/],
  ])('refuses %j', async (args, text) => {
    const { code, stderr } = await nnrp(['serve', '--listen', '127.0.0.1:0', ...args]);
    expect(stderr).toMatch(text);
    expect(code).toBe(2);
  });
});
