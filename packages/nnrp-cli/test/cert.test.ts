import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CliProcess, nnrp, serving } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-cert-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function pair(): { cert: string; key: string; args: string[] } {
  const cert = join(folder, `${++count}.pem`);
  const key = join(folder, `${count}.key`);
  return { cert, key, args: ['--cert', cert, '--key', key] };
}

describe('nnrp cert', () => {
  it('makes a certificate for this machine, and a key that only its user can read', async () => {
    const { cert, key, args } = pair();
    const { code, stdout, stderr } = await nnrp(['cert', ...args], undefined, { TZ: 'UTC' });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.toString()).toContain(
      `certificate ${cert}: of a server, for localhost, 127.0.0.1, ::1, valid until `,
    );
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const certificate = new X509Certificate(readFileSync(cert));
    expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(key)))).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect([certificate.ca, certificate.keyUsage]).toEqual([false, ['1.3.6.1.5.5.7.3.1']]);
    for (const address of ['127.0.0.1', '::1']) expect(certificate.checkIP(address)).toBe(address);
    expect(certificate.checkHost('localhost')).toBe('localhost');
  });

  it('is for the names, addresses and days that it is told', async () => {
    const { cert, args } = pair();
    const names = [
      '--name',
      'inference.test',
      '--name',
      '*.bücher.test',
      '--ip',
      '10.0.0.7',
      '--ip',
      'fe80::ffff:1.2.3.4',
    ];
    expect((await nnrp(['cert', ...args, ...names, '--days', '7'])).code).toBe(0);
    const certificate = new X509Certificate(readFileSync(cert));
    expect(certificate.subjectAltName).toBe(
      'DNS:inference.test, DNS:*.xn--bcher-kva.test, IP Address:10.0.0.7, IP Address:FE80:0:0:0:0:FFFF:102:304',
    );
    const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000;
    expect(days).toBeCloseTo(7 + 1 / 24, 6);
    expect(certificate.checkHost('localhost')).toBeUndefined();
  });

  it('replaces nothing without --force, and closes an open key with it', async () => {
    const { cert, key, args } = pair();
    writeFileSync(key, 'mine'.repeat(1000));
    chmodSync(key, 0o644);
    const refused = await nnrp(['cert', ...args]);
    expect([refused.code, refused.stderr]).toEqual([2, `nnrp: --key ${key}: the file exists; --force replaces it\n`]);
    expect([readFileSync(key, 'utf8').slice(0, 4), existsSync(cert)]).toEqual(['mine', false]);
    expect((await nnrp(['cert', ...args, '--force'])).code).toBe(0);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(readFileSync(key, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----[\s\S]*-----END PRIVATE KEY-----\n$/);
  });

  it('leaves no key by itself where the certificate cannot be written', async () => {
    const { key } = pair();
    const { code, stderr } = await nnrp(['cert', '--cert', join(folder, 'missing', 'a.pem'), '--key', key]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot write ')]);
    expect(existsSync(key)).toBe(false);
  });

  it('makes one that is trusted beside the one before it, over TLS and QUIC, in whatever order', async () => {
    const [before, now] = [pair(), pair()];
    for (const { args } of [before, now]) expect((await nnrp(['cert', ...args])).code).toBe(0);
    const where = ['--listen', 'nnrps://127.0.0.1:0', '--listen', 'nnrp+quic://127.0.0.1:0'];
    const server = new CliProcess('bin.js', ['serve', ...where, ...now.args]);
    const [, tls, quic] = await server.printed(/tls (\S+)\nlistening quic (\S+)\n/);
    for (const roots of [
      [before, now],
      [now, before],
    ]) {
      const ca = join(folder, 'both.pem');
      writeFileSync(ca, roots.map(({ cert }) => readFileSync(cert)).join(''));
      for (const url of [`nnrps://${tls}`, `nnrp+quic://${quic}`]) {
        const { code, stderr } = await nnrp(['ping', '-q', '-n', '1', '--ca', ca, url]);
        expect([code, stderr]).toEqual([0, '']);
      }
    }
    expect((await server.stop()).code).toBe(0);
  });

  it('makes both ends known to each other, over TLS and QUIC', async () => {
    const [server, client] = [pair(), pair()];
    expect((await nnrp(['cert', ...server.args])).code).toBe(0);
    expect((await nnrp(['cert', '--client', '--name', 'worker 7', ...client.args])).code).toBe(0);
    const where = ['--listen', 'nnrps://127.0.0.1:0', '--listen', 'nnrp+quic://127.0.0.1:0'];
    const { server: process } = await serving(...where, ...server.args, '--ca', client.cert);
    const [, tls, quic] = await process.printed(/tls (\S+)\nlistening quic (\S+)\n/);
    for (const url of [`nnrps://${tls}`, `nnrp+quic://${quic}`]) {
      const known = await nnrp(['submit', '--to', url, '--ca', server.cert, ...client.args, 'hello', '-o']);
      expect([known.code, known.stdout.toString()]).toEqual([0, 'hello']);
    }
    await process.stop();
  });

  it.each([
    [['--name', 'two words'], '--name two words: is no DNS name'],
    [['--name', '127.0.0.1'], '--name 127.0.0.1: is no DNS name; --ip takes addresses'],
    [['--name', 'a'.repeat(65)], 'has 64 characters at most'],
    [['--ip', 'localhost'], 'Takes an IPv4 or IPv6 address'],
    [['--days', '0'], 'Takes a whole number of 1 to 3650'],
    [['--cert', join(folder, 'same'), '--key', join(folder, '.', 'same')], '--key and --cert name one file'],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, stderr } = await nnrp(['cert', ...pair().args, ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
