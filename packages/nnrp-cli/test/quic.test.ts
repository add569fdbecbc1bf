import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { QuicProvider } from 'nnrp-transport-quic';
import { afterAll, describe, expect, it } from 'vitest';
import { type CertificateWish, issue } from '../../nnrp-runtime/test/support/certificates.js';
import { runCli } from '../src/index.js';
import { CliProcess, nnrp, serving } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-quic-'));
// Where the commands leave and look for certificates: not among those of the user that runs the tests.
Object.assign(process.env, { TMPDIR: folder, TEMP: folder });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const authority = await issue({ name: 'CN=root', authority: true });
const root = pem('root', authority.certificate);
const other = pem('other', (await issue({ name: 'CN=other', authority: true })).certificate);
const server = await files({ name: 'CN=server', use: 'server', ips: ['127.0.0.1'] });
const client = await files({ name: 'CN=client', use: 'client' });
const modes = { skip: process.platform === 'win32' };

describe('nnrp serve --quic and nnrp submit --quic', () => {
  it('find and verify each other without further options', async () => {
    const { server: process, address } = await serving('--quic', '--handler', 'tokens');
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    const certificate = await leftBy(process);
    const submitted = await nnrp(['submit', '--quic', '--to', address, 'Hello, world!', '--output']);
    expect([submitted.code, submitted.stdout.toString()]).toEqual([0, 'Hello, world!']);
    const byName = await nnrp(['submit', '--quic', '--to', address.replace('127.0.0.1', 'localhost'), 'x']);
    expect([byName.code, byName.stderr]).toEqual([0, '']);
    expect(readFileSync(certificate, 'utf8')).not.toContain('PRIVATE');
    expect(await process.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(dirname(certificate))).toEqual([]);
  });

  it('leave the certificate where only their user reads and writes', modes, async () => {
    const { server: process } = await serving('--quic');
    const certificate = await leftBy(process);
    expect([modeOf(certificate), modeOf(dirname(certificate))]).toEqual([0o600, 0o700]);
    await process.stop();
  });

  it('take the certificate along on the second signal, too', async () => {
    const config = join(folder, 'patient.json');
    writeFileSync(config, '{"drain_timeout_ms": 60000}');
    const { server: process, address } = await serving('--quic', '--handler', 'tokens', '--config', config);
    const certificate = await leftBy(process);
    const endpoint = { roots: readFileSync(certificate) };
    const peer = await QuicProvider.connect(address, endpoint, { maxBufferedResultBytes: 1, closeTimeoutMs: 1 });
    const session = await peer.openSession({ defaultDeadlineMs: 0 });
    // Results that are not read hold the server up.
    const results = (await session.submit('word '.repeat(1_000_000)))[Symbol.asyncIterator]();
    await results.next();
    process.child.kill('SIGTERM');
    await process.printed(/^closing 1 sessions/m, 'stderr');
    expect((await process.stop('SIGTERM')).code).toBe(1);
    expect(readdirSync(dirname(certificate))).toEqual([]);
    await peer.close();
  });

  it('clear away what a server has left that was killed', async () => {
    const killed = await serving('--quic');
    const remains = await leftBy(killed.server);
    await killed.server.stop('SIGKILL');
    expect(readdirSync(dirname(remains))).toHaveLength(1);
    const { server: process, address } = await serving('--quic', '--listen', killed.address);
    expect(readdirSync(dirname(remains)).map((name) => join(dirname(remains), name))).toEqual([await leftBy(process)]);
    expect((await nnrp(['submit', '--quic', '--to', address, 'x'])).code).toBe(0);
    await process.stop();
  });

  it('refuse a folder that others could write to', modes, async () => {
    const open = join(folder, 'open');
    const { server: process, address } = await serving('--quic');
    const name = (await leftBy(process)).slice(folder.length + 1);
    mkdirSync(dirname(join(open, name)), { recursive: true });
    chmodSync(dirname(join(open, name)), 0o777);
    writeFileSync(join(open, name), readFileSync(join(folder, name)));
    const env = { TMPDIR: open, TEMP: open };
    const submitted = await nnrp(['submit', '--quic', '--to', address, 'x'], undefined, env);
    expect([submitted.code, submitted.stderr]).toEqual([1, expect.stringMatching(/open\/\S+ is open to other users/)]);
    const served = await nnrp(['serve', '--quic', '--listen', '127.0.0.1:0'], undefined, env);
    expect([served.code, served.stderr]).toEqual([1, expect.stringMatching(/open\/\S+ is open to other users/)]);
    await process.stop();
  });

  it('talk over a certificate of an authority', async () => {
    const { server: process, address } = await serving('--quic', ...server);
    const submitted = await nnrp(['submit', '--quic', '--to', address, '--ca', root, 'x', '--output']);
    expect([submitted.code, submitted.stdout.toString()]).toEqual([0, 'x']);
    expect(await process.stop()).toMatchObject({ stdout: Buffer.from(`listening quic ${address}\n`), stderr: '' });
  });

  it('do not talk when the client cannot verify the server', async () => {
    const { server: process, address } = await serving('--quic', ...server);
    const wrong = await nnrp(['submit', '--quic', '--to', address, '--ca', other, 'x']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('unknown root')]);
    const none = await nnrp(['submit', '--quic', '--to', address, 'x']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/unknown root.*; you run no 'nnrp serve/)]);
    const careless = await nnrp(['submit', '--quic', '--to', address, '--insecure', 'x', '-o']);
    expect([careless.code, careless.stdout.toString()]).toEqual([0, 'x']);
    const { code, stderr } = await process.stop();
    expect([code, stderr.match(/unknown root/g)?.length]).toEqual([0, 2]);
  });

  it('do not talk when the certificate is for another host', async () => {
    const elsewhere = await files({ name: 'CN=127.0.0.1', use: 'server', dns: ['elsewhere.example'] });
    const { server: process, address } = await serving('--quic', ...elsewhere);
    const submitted = await nnrp(['submit', '--quic', '--to', address, '--ca', root, 'x']);
    expect([submitted.code, submitted.stderr]).toEqual([1, expect.stringContaining('is not for 127.0.0.1, but for')]);
    await process.stop();
  });

  it('take only clients with a certificate of their root, when they have one', async () => {
    for (const identity of [server, []]) {
      const { server: process, address } = await serving('--quic', ...identity, '--ca', root);
      const trust = identity.length > 0 ? ['--ca', root] : [];
      const known = await nnrp(['submit', '--quic', '--to', address, ...trust, ...client, 'known', '-o']);
      expect([known.code, known.stdout.toString()]).toEqual([0, 'known']);
      const unknown = await nnrp(['submit', '--quic', '--to', address, ...trust, 'x']);
      expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('client certificate')]);
      expect((await process.stop()).stderr).toContain('no client certificate');
    }
  });

  it('give up when nobody speaks QUIC there', async () => {
    const plain = await serving();
    const submitted = await nnrp(['submit', '--quic', '--to', plain.address, '--timeout', '2', 'x']);
    expect([submitted.code, submitted.stderr]).toEqual([1, expect.stringContaining('over QUIC')]);
    await plain.server.stop();
  });

  it.each([
    [['serve', '--listen', '0.0.0.0:0', '--quic'], 'needs --cert and --key'],
    [['serve', '--listen', '127.0.0.2:0', '--quic'], 'is for localhost, 127.0.0.1, ::1 only'],
    [['serve', '--quic', '--cert', 'x'], 'a server certificate needs both --cert and --key'],
    [['serve', '--quic', '--key', 'x'], 'a server certificate needs both --cert and --key'],
    [
      ['serve', '--quic', '--cert', join(folder, 'missing'), '--key', 'x'],
      `--cert ${join(folder, 'missing')}: cannot be read`,
    ],
    [['serve', '--quic', '--cert', root, '--key', client[3]!], `--key ${client[3]}: it does not belong`],
    [['serve', '--quic', '--ca', client[3]!], `--ca ${client[3]}:`],
    [['submit', 'x', '--quic', '--key', 'x'], 'a client certificate needs both --cert and --key'],
    [['submit', 'x', '--quic', '--tls'], 'either --tls or --quic'],
    [['submit', 'x', '--quic', '--insecure', '--ca', root], 'means nothing with --insecure'],
    [['submit', 'x', '--quic', '--ca', client[3]!], `--ca ${client[3]}:`],
    [['submit', 'x', '--quic', '--cert', client[1]!], 'a client certificate needs both --cert and --key'],
  ])('exit with 2 on %j', async (args, message) => {
    expect(await inThisProcess(args)).toEqual([2, expect.stringContaining(message)]);
  });

  it.each([
    [{ transport: 'tcp' }, "transport is 'tcp', but the listener is quic"],
    [{ max_connections: 0 }, 'max_connections takes an integer of 1'],
    [{ stall_timeout_ms: -1 }, 'stall_timeout_ms takes an integer of 0'],
  ])('exit with 2 on the configuration %j', async (json, message) => {
    const config = join(folder, 'server.json');
    writeFileSync(config, JSON.stringify(json));
    const refused = await inThisProcess(['serve', '--quic', '--listen', '127.0.0.1:0', '--config', config]);
    expect(refused).toEqual([2, expect.stringContaining(`${config}: ${message}`)]);
  });
});

describe('the demo --quic', () => {
  it('does over QUIC what it does over TCP, and says so', async () => {
    const { code, stdout, stderr } = await new CliProcess('demo.js', ['--quic']).finish();
    const text = readFileSync(new URL('../../../examples/demo-text.txt', import.meta.url));
    expect([code, stderr, stdout.includes(text)]).toEqual([0, '', true]);
    expect(stdout.toString()).toMatch(/^server: nnrp serve .*--quic, .* quic 127\.0\.0\.1:\d+\nclient: has verified/);
    expect(stdout.toString()).toMatch(/check: \d+ bytes came back byte-identical/);
  });

  it.each([[['FILE', '--quic']], [['--quic', 'FILE']]])('takes a file beside it: %j', async (args) => {
    const file = join(folder, 'text.txt');
    writeFileSync(file, '春眠不覺曉\n'.repeat(1000));
    const { code, stdout } = await new CliProcess(
      'demo.js',
      args.map((arg) => (arg === 'FILE' ? file : arg)),
    ).finish();
    expect([code, stdout.includes(readFileSync(file))]).toEqual([0, true]);
    expect(stdout.toString()).toContain('quic 127.0.0.1');
  });

  it.each([[['--quik']], [['a', 'b']], [['--quic=yes']]])('refuses %j with the usage', async (args) => {
    const { code, stderr } = await new CliProcess('demo.js', args).finish();
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^demo: [\s\S]*usage: npm run demo -- /)]);
  });
});

/** What a command that is refused at once returns and complains of. */
async function inThisProcess(args: readonly string[]): Promise<[code: number, stderr: string]> {
  const stderr = new PassThrough({ encoding: 'utf8' });
  const code = await runCli(args, { stdin: Readable.from([]), stdout: new PassThrough(), stderr });
  return [code, stderr.read() as string];
}

/** Where a server has left its certificate. */
async function leftBy(process: CliProcess): Promise<string> {
  const [, path] = await process.printed(/^certificate (\S+)\n/m);
  return path!;
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

function pem(name: string, text: string): string {
  const path = join(folder, `${name}.pem`);
  writeFileSync(path, text);
  return path;
}

/** A certificate of the authority, as the options that name it and its key. */
async function files(wish: CertificateWish): Promise<readonly string[]> {
  const { certificate, key } = await issue({ ...wish, issuer: authority });
  const name = wish.name.replace(/\W/g, '-');
  return ['--cert', pem(name, certificate), '--key', pem(`${name}-key`, key)];
}
