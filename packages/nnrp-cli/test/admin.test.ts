import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NnrpClient } from 'nnrp-runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { CliProcess, nnrp, serving } from './cli-process.js';

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
    // A client that does not go keeps it draining.
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

  it('asks for another token when the file has another one', async () => {
    const renewed = join(folder, 'renewed');
    writeFileSync(renewed, TOKEN);
    const { server, url } = await administered('--admin-token', renewed);
    const other = 'another-token-of-some-length';
    const statuses = () =>
      Promise.all(
        [TOKEN, other].map(
          async (token) => (await fetch(`${url}/healthz`, { headers: { authorization: `Bearer ${token}` } })).status,
        ),
      );
    expect(await statuses()).toEqual([200, 401]);
    writeFileSync(renewed, `${other}\n`);
    server.child.kill('SIGHUP');
    await server.printed(/renewed the token of \S+renewed\n/, 'stderr');
    expect(await statuses()).toEqual([401, 200]);
    writeFileSync(renewed, 'short');
    server.child.kill('SIGHUP');
    await server.printed(/the token stays as it was: --admin-token \S+renewed: it takes 16 to 1024/, 'stderr');
    expect(await statuses()).toEqual([401, 200]);
    const { code, stdout, stderr } = await server.stop();
    expect([code, `${stdout}${stderr}`.includes(other)]).toEqual([0, false]);
  });

  it('leaves probes open where it is told to', async () => {
    const { server, url } = await administered('--admin-token', file, '--admin-open-probes');
    for (const path of ['healthz', 'readyz']) expect((await fetch(`${url}/${path}`)).status).toBe(200);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    await server.stop();
  });

  it.each([
    [['--admin-open-probes'], /--admin-open-probes is for --admin HOST:PORT/],
    [['--admin', '127.0.0.1:0', '--admin-open-probes'], /means nothing without a token \(--admin-token FILE\)/],
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

describe("the operators' port of a configuration file", () => {
  it.each([
    [
      { address: '0.0.0.0:0' },
      /^nnrp: \S+\.json: admin\.address: 0\.0\.0\.0:0 .*needs a token \(admin\.token, a file with it\)/,
    ],
    [{ address: 'nowhere' }, /^nnrp: \S+\.json: admin\.address: address: expected HOST:PORT/],
    [{ address: '127.0.0.1:0', token: 'none' }, /^nnrp: \S+\.json: admin\.token \S+none: cannot be read/],
    [
      { address: '127.0.0.1:0', token: 'short' },
      /^nnrp: \S+\.json: admin\.token \S+short: it takes 16 to 1024 printable/,
    ],
  ])('is refused with the path of what is wrong: %j', async (admin, text) => {
    const config = join(folder, 'refused.json');
    writeFileSync(config, JSON.stringify({ listeners: ['127.0.0.1:0'], admin }));
    const { code, stderr } = await nnrp(['serve', '--config', config]);
    expect(stderr).toMatch(text);
    expect(code).toBe(2);
  });
});

describe('nnrp status and nnrp top', () => {
  it('go on where the server is started anew, and end where it was never there', async () => {
    const first = await administered();
    const port = new URL(first.url).host;
    const top = new CliProcess('bin.js', ['top', port, '--json', '--interval', '0.01']);
    await top.printed(/"state":"serving"/);
    expect((await first.server.stop()).code).toBe(0);
    await top.printed(/^nnrp: \S+ does not answer: .*; asking again\n/, 'stderr');
    const second = await serving('--admin', port);
    await top.printed(new RegExp(`"addresses":\\["${second.address}"\\]`));
    const { code, stderr } = await top.stop();
    expect([code, stderr.trim().split('\n').length]).toEqual([0, 1]);
    expect((await second.server.stop()).code).toBe(0);
    const never = await nnrp(['top', port]);
    expect([never.code, never.stderr]).toEqual([1, expect.stringContaining('does not answer')]);
  });

  it('show neither a token that is none nor a password', async () => {
    writeFileSync(join(folder, 'lines'), 'secret-of\nmine');
    for (const [args, why] of [
      [['--token', join(folder, 'lines'), '127.0.0.1:9'], 'takes one token'],
      [['http://someone:secret-of-mine@127.0.0.1:9'], '127.0.0.1:9: takes no user and password'],
    ] as const) {
      const { code, stderr } = await nnrp(['status', ...args]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
      expect(stderr).not.toContain('secret');
    }
  });

  it('say what a server does, whose file names the port and its token', async () => {
    const config = join(folder, 'serve.json');
    writeFileSync(config, JSON.stringify({ admin: { address: '127.0.0.1:0', token: 'token' } }));
    const { server, address } = await serving('--config', config);
    const [, port = ''] = await server.printed(/^admin (\S+)\n/m);
    expect((await nnrp(['submit', '--to', address, 'work'])).code).toBe(0);
    const client = await NnrpClient.connectTcp(address, { reconnect: 'never' });
    await client.openSession();
    const status = await nnrp(['status', port, '--token', file]);
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout.toString()).toMatch(/^serving on .*\nsessions 1, .*\noperations 1, completed 1, dropped 0\n/);
    const json = await nnrp(['status', `http://${port}/`, '--token', file, '--json']);
    expect(JSON.parse(json.stdout.toString())).toMatchObject({ state: 'serving', sessions: 1 });
    const top = await nnrp(['top', port, '--once', '--token', file]);
    expect(top.stdout.toString()).toMatch(/\nSESSION +ADDRESS .*\n\d+ +127\.0\.0\.1:\d+ +tcp +open /);
    expect(top.stdout.toString()).not.toContain('\u001b');
    const rows = await nnrp(['top', port, '--once', '--json', '--token', file]);
    expect(JSON.parse(rows.stdout.toString())).toMatchObject({ sessions: { total: 1, rows: [{ transport: 'tcp' }] } });
    expect(await nnrp(['status', port])).toMatchObject({ code: 1, stderr: expect.stringContaining('wants a token') });
    await client.close();
    await server.stop();
    expect(await nnrp(['status', port])).toMatchObject({ code: 1, stderr: expect.stringContaining('does not answer') });
    expect(await nnrp(['status', 'ftp://a'])).toMatchObject({ code: 2 });
  });

  it('say which port does not end its answer', async () => {
    const broken = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'));
    });
    broken.listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const { port } = broken.address() as { port: number };
    const { code, stderr } = await nnrp(['status', `127.0.0.1:${port}`]);
    broken.close();
    expect(stderr).toMatch(new RegExp(`^nnrp: 127\\.0\\.0\\.1:${port} does not end its answer: \\w+`));
    expect(code).toBe(1);
  });
});
