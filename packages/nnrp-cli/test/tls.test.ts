import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Issued, issue } from '../../nnrp-runtime/test/support/certificates.js';
import { nnrp, serving } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const authority = await issue({ name: 'CN=root', authority: true });
const root = pem('root', authority.certificate);
const server = files(
  'server',
  await issue({ name: 'CN=server', issuer: authority, use: 'server', ips: ['127.0.0.1'] }),
);
const client = files('client', await issue({ name: 'CN=client', issuer: authority, use: 'client' }));
const other = pem('other', (await issue({ name: 'CN=other', authority: true })).certificate);

describe('nnrp serve and nnrp submit over TLS', () => {
  it('serves a client that trusts the root', async () => {
    const { server: process, address } = await serving(...server, '--handler', 'tokens');
    expect(await process.printed(/^listening tls /)).toBeDefined();
    const submitted = await nnrp(['submit', '--to', address, '--ca', root, 'Hello, world!', '--output']);
    expect([submitted.code, submitted.stdout.toString()]).toEqual([0, 'Hello, world!']);
    expect((await process.stop()).code).toBe(0);
  });

  it('does not talk to a server that it cannot verify', async () => {
    const { server: process, address } = await serving(...server);
    const submitted = await nnrp(['submit', '--to', address, '--ca', other, 'x']);
    expect([submitted.code, submitted.stderr]).toEqual([1, expect.stringContaining('leads to an unknown root')]);
    const trusting = await nnrp(['submit', '--to', address, '--tls', 'x']);
    expect([trusting.code, trusting.stderr]).toEqual([1, expect.stringContaining('unknown root')]);
    await process.stop();
  });

  it('takes only clients with a certificate of its root, when it has one', async () => {
    const { server: process, address } = await serving(...server, '--ca', root);
    const known = await nnrp(['submit', '--to', address, '--ca', root, ...client, 'known', '-o']);
    expect([known.code, known.stdout.toString()]).toEqual([0, 'known']);
    expect((await nnrp(['submit', '--to', address, '--ca', root, 'x'])).code).toBe(1);
    expect((await process.stop()).stderr).toContain('no client certificate');
  });

  it('gives up on a server without TLS, and reports a client without', async () => {
    const plain = await serving();
    expect((await nnrp(['submit', '--to', plain.address, '--ca', root, '--timeout', '5', 'x'])).code).toBe(1);
    await plain.server.stop();
    const secured = await serving(...server);
    expect((await nnrp(['submit', '--to', secured.address, '--timeout', '5', 'x'])).code).toBe(1);
    expect((await secured.server.stop()).stderr).toContain('does not speak TLS');
  });

  it.each([
    [['--cert', 'x'], 'needs both --cert and --key'],
    [['--ca', 'x'], 'needs both --cert and --key'],
    [['--cert', join(folder, 'missing'), '--key', 'x'], `--cert ${join(folder, 'missing')}: cannot be read`],
    [['--cert', root, '--key', client[3]!], `--key ${client[3]}: it does not belong`],
    [['--cert', client[3]!, '--key', client[3]!], `--cert ${client[3]}:`],
  ])('exits with 2 when serving with %j', async (args, message) => {
    const { code, stderr } = await nnrp(['serve', '--listen', '127.0.0.1:0', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('exits with 2 when the roots of submit are none', async () => {
    const { code, stderr } = await nnrp(['submit', '--ca', client[3]!, 'x']);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`--ca ${client[3]}:`)]);
    expect((await nnrp(['submit', '--key', client[3]!, 'x'])).code).toBe(2);
  });
});

function pem(name: string, text: string): string {
  const path = join(folder, `${name}.pem`);
  writeFileSync(path, text);
  return path;
}

/** The options that name a certificate and its key. */
function files(name: string, { certificate, key }: Issued): readonly string[] {
  return ['--cert', pem(name, certificate), '--key', pem(`${name}-key`, key)];
}
