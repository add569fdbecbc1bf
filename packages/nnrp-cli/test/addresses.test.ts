import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { issue } from '../../nnrp-runtime/test/support/certificates.js';
import { type CliProcess, nnrp, serving } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-cli-'));
// Where the commands leave and look for certificates: not among those of the user that runs the tests.
Object.assign(process.env, { TMPDIR: folder, TEMP: folder });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const authority = await issue({ name: 'CN=root', authority: true });
const issued = await issue({ name: 'CN=server', issuer: authority, use: 'server', ips: ['127.0.0.1'] });
const root = pem('root', authority.certificate);
const certificate = ['--cert', pem('server', issued.certificate), '--key', pem('server-key', issued.key)];
const other = pem('other', (await issue({ name: 'CN=other', authority: true })).certificate);

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

  it.each(['nnrp://127.0.0.1:0', 'ws://127.0.0.1:0/nnrp'])(
    'speak preview4 when they are told so, on %s',
    async (where) => {
      const { server, address } = await serving('--handler', 'tokens', '--listen', where);
      const text = 'naïve 👩‍👩‍👧🏽 '.repeat(50);
      for (const revision of ['preview4', 'auto']) {
        const submitted = await nnrp(['submit', '--to', address, text, '--output', '--revision', revision]);
        expect(submitted).toMatchObject({ code: 0, stdout: Buffer.from(text) });
      }
      expect((await server.stop()).code).toBe(0);
    },
  );

  it('meet over QUIC without ALPN when both are told so', async () => {
    const { server, address } = await serving('--quic', '--listen', '127.0.0.1:0', '--no-alpn');
    const submit = ['submit', '--quic', '--to', address, 'x', '--output'];
    expect(await nnrp([...submit, '--no-alpn'])).toMatchObject({ code: 0, stdout: Buffer.from('x') });
    const pinged = await nnrp(['ping', '--quic', address, '--no-alpn', '--count', '1']);
    expect(pinged).toMatchObject({ code: 0, stdout: expect.toSatisfy((said) => `${said}`.includes('no ALPN')) });
    expect(await nnrp(submit)).toMatchObject({ code: 1, stderr: expect.stringContaining('ALPN') });
    expect(await nnrp(['submit', '--to', address, 'x', '--no-alpn'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--no-alpn is for QUIC: it means nothing for nnrp://'),
    });
    await server.stop();
  });

  it('meet by the revision where the server has one alone', async () => {
    const config = join(folder, 'preview4.json');
    writeFileSync(config, '{"revision":"preview4"}');
    const { server, address } = await serving('--config', config);
    const submit = ['submit', '--to', address, 'x', '--output'];
    expect(await nnrp(submit)).toMatchObject({ code: 1 });
    for (const revision of ['preview4', 'auto'])
      expect(await nnrp([...submit, '--revision', revision])).toMatchObject({ code: 0, stdout: Buffer.from('x') });
    await server.stop();
  });

  it('meet on WebSocket, at the path that is named', async () => {
    const { server, address } = await serving('--listen', 'ws://127.0.0.1:0/nnrp');
    expect(address).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/nnrp$/);
    const submitted = await nnrp(['submit', '--to', address, 'hello', '--output']);
    expect(submitted).toMatchObject({ code: 0, stdout: Buffer.from('hello') });
    const elsewhere = await nnrp(['submit', '--to', address.replace('/nnrp', '/other'), 'hello']);
    expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringContaining('with status 404')]);
    const { code, stderr } = await server.stop();
    expect([code, stderr.match(/\n/g)?.length]).toEqual([0, 1]);
  });

  it('meet on WebSocket with TLS, where the client trusts the root or takes any', async () => {
    const { server, address } = await serving('--listen', 'wss://127.0.0.1:0/nnrp', ...certificate);
    const submit = (...args: string[]) => nnrp(['submit', '--to', address, 'hello', '-o', ...args]);
    expect(await submit('--ca', root)).toMatchObject({ code: 0, stdout: Buffer.from('hello') });
    expect(await submit('--insecure')).toMatchObject({ code: 0, stdout: Buffer.from('hello') });
    expect(await submit('--ca', other)).toMatchObject({ code: 1, stdout: Buffer.from('') });
    await server.stop();
  });

  it('meet on every address of one server, which prints them in their order', async () => {
    const socket = `unix:${join(folder, 'all.sock')}`;
    const given = [
      '127.0.0.1:0',
      'nnrp://127.0.0.1:0',
      'nnrp+quic://127.0.0.1:0',
      'wss://127.0.0.1:0',
      'ws://127.0.0.1:0/a',
    ];
    const { server } = await serving(...[...given, socket].flatMap((url) => ['--listen', url]), ...certificate);
    const addresses = await listening(server, 6);
    expect(addresses.map(([kind]) => kind)).toEqual(['tls', 'tcp', 'quic', 'websocket', 'websocket', 'ipc']);
    const urls = addresses.map(([kind, address]) => `${SCHEMES[kind!] ?? ''}${address}`);
    const submitted = urls.map((url) =>
      nnrp(['submit', '--to', url, url, '-o', ...(/^(nnrps|nnrp\+quic|wss):/.test(url) ? ['--ca', root] : [])]),
    );
    for (const [index, { code, stdout }] of (await Promise.all(submitted)).entries())
      expect([code, stdout.toString()]).toEqual([0, urls[index]]);
    expect(await server.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(folder, 'all.sock'))).toBe(false);
  });

  it('leave a certificate for each address of QUIC', async () => {
    const { server } = await serving('--quic', '--listen', '127.0.0.1:0', '--listen', 'nnrp+quic://127.0.0.1:0');
    for (const [, address] of await listening(server, 2))
      expect((await nnrp(['submit', '--quic', '--to', address!, 'x'])).code).toBe(0);
    expect((await server.stop()).code).toBe(0);
  });

  it('go to the next address where the first does not answer, and name all where none does', async () => {
    const gone = await serving('--listen', 'ws://127.0.0.1:0/');
    await gone.server.stop();
    const { server, address } = await serving();
    const submit = (...to: string[]) => nnrp(['submit', ...to.flatMap((url) => ['--to', url]), 'x', '-o']);
    expect(await submit(gone.address, address)).toMatchObject({ code: 0, stdout: Buffer.from('x') });
    await server.stop();
    const { code, stderr } = await submit(gone.address, address);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no address can be connected to')]);
    expect(stderr).toContain(gone.address);
    expect(stderr).toContain(`nnrp://${address}`);
  });

  it('go to no address in plain text where another is encrypted', async () => {
    const { code, stderr } = await nnrp(['submit', '--to', 'nnrps://127.0.0.1:1', '--to', 'ws://127.0.0.1:1', 'x']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is not encrypted')]);
  });
});

describe('nnrp serve on several addresses', () => {
  it('listens on none when one of them is taken', async () => {
    const { server, address } = await serving();
    const free = await serving();
    await free.server.stop();
    const socket = join(folder, 'none.sock');
    const given = [`ws://${free.address}/nnrp`, `unix:${socket}`, `nnrp://${address}`];
    const { code, stdout, stderr } = await nnrp(['serve', ...given.flatMap((url) => ['--listen', url])]);
    expect([code, stdout.toString()]).toEqual([1, '']);
    expect(stderr).toMatch(/listener 3 of 3: .*EADDRINUSE/);
    expect(existsSync(socket)).toBe(false);
    expect(await refuses(free.address)).toBe(true);
    await server.stop();
  });

  it.each([
    [['--listen', 'http://127.0.0.1:1'], 'there is no transport http: expected nnrp://'],
    [['--listen', 'ws://127.0.0.1:0', '--listen', 'nowhere'], 'expected HOST:PORT'],
    [['--listen', 'ws://'], 'expected a URL such as ws://HOST:PORT'],
    [['--listen', 'ws://127.0.0.1:0/nnrp?a=b'], 'a server listens at a path'],
    [['--listen', 'nnrp://127.0.0.1'], 'expected nnrp://HOST:PORT'],
    [['--listen', 'nnrps://127.0.0.1:0'], 'nnrps://127.0.0.1:0 is encrypted: a server certificate needs both'],
    [['--listen', '127.0.0.1:0', '--listen', 'wss://127.0.0.1:0'], 'wss://127.0.0.1:0 is encrypted'],
    [['--listen', 'nnrp+quic://0.0.0.0:0'], 'nnrp+quic://0.0.0.0:0 needs --cert and --key'],
    [['--listen', 'ws://127.0.0.1:0', ...certificate], '--cert means nothing for ws://127.0.0.1:0'],
    [
      ['--listen', 'wss://127.0.0.1:0', ...certificate, '--ca', root],
      'wss://127.0.0.1:0 asks no client for a certificate',
    ],
    [
      ['--listen', 'nnrps://127.0.0.1:0', '--cert', root, '--key', certificate[3]!],
      `--key ${certificate[3]}: it does not`,
    ],
    [
      ['--listen', 'wss://127.0.0.1:0', '--cert', root, '--key', certificate[3]!],
      `--key ${certificate[3]}: it does not`,
    ],
  ])('exits with 2 on %j', async (args, message) => {
    const { code, stdout, stderr } = await nnrp(['serve', ...args]);
    expect([code, stdout.toString(), stderr]).toEqual([2, '', expect.stringContaining(message)]);
  });

  it.each([
    ['nnrp+quic://127.0.0.1:1', 'nnrp-transport-quic'],
    ['ws://127.0.0.1:1/nnrp', 'nnrp-transport-websocket'],
  ])('names the package of %s where it is not installed, and needs it for nothing else', async (url, name) => {
    const env = { NODE_OPTIONS: `--import=${withoutPackage(name)}` };
    const missing = `nnrp: ${url} needs the package ${name}, which is not installed\n`;
    expect(await nnrp(['serve', '--listen', url], undefined, env)).toMatchObject({ code: 1, stderr: missing });
    expect(await nnrp(['submit', '--to', url, 'x'], undefined, env)).toMatchObject({ code: 1, stderr: missing });
    const { server, address } = await serving();
    expect((await nnrp(['submit', '--to', address, 'x'], undefined, env)).code).toBe(0);
    await server.stop();
  });
});

const SCHEMES: Readonly<Record<string, string>> = { tcp: 'nnrp://', tls: 'nnrps://', quic: 'nnrp+quic://' };

/** Kind and address of each line that a server has printed. */
async function listening(server: CliProcess, count: number): Promise<string[][]> {
  const [all] = await server.printed(new RegExp(`(?:listening \\S+ \\S+\\n(?:certificate .*\\n)?){${count}}`));
  return [...all.matchAll(/^listening (\S+) (\S+)$/gm)].map(([, kind, address]) => [kind!, address!]);
}

/** Whether there is no listener at a port. */
function refuses(address: string): Promise<boolean> {
  const [host, port] = address.split(':') as [string, string];
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('error', () => resolve(true));
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}

/** A module that hides a package from those that import it. */
function withoutPackage(name: string): string {
  const hooks = `export const resolve = (wanted, context, next) => next(wanted === '${name}' ? '${name}/none/' + '${name}' : wanted, context)
    .catch((error) => { throw wanted === '${name}' ? Object.assign(new Error("Cannot find package '${name}'"), { code: 'ERR_MODULE_NOT_FOUND' }) : error; });`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks))});`;
  return dataUrl(register);
}

function dataUrl(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

function pem(name: string, text: string): string {
  const path = join(folder, `${name}.pem`);
  writeFileSync(path, text);
  return path;
}
