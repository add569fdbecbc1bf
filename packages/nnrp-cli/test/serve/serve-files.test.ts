import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CliProcess, nnrp } from '../cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

async function issue(name: string): Promise<void> {
  expect((await nnrp(['cert', '--cert', at(`${name}.pem`), '--key', at(`${name}.key`)])).code).toBe(0);
}

/** Puts a certificate, a key or both where the server has them. */
function use(name: string, ...kinds: ('pem' | 'key')[]): void {
  for (const kind of kinds) copyFileSync(at(`${name}.${kind}`), at(`server.${kind}`));
}

describe('nnrp serve --config', () => {
  it('takes addresses, certificates, module, log level and options of the server from one file', async () => {
    await issue('config');
    writeFileSync(at('handlers.mjs'), "export default () => 'mine';");
    const config = {
      listeners: ['nnrps://127.0.0.1:0', `unix:${at('config.sock')}`],
      tls: { cert: 'config.pem', key: 'config.key' },
      log_level: 'error',
      module: './handlers.mjs',
      policy_code: 0,
    };
    writeFileSync(at('serve.json'), JSON.stringify(config));
    const server = new CliProcess('bin.js', ['serve', '--config', at('serve.json')]);
    const [, tls] = await server.printed(/^listening tls (\S+)\nlistening ipc \S+\n/);
    const submitted = await nnrp(['submit', '--to', `nnrps://${tls}`, '--ca', at('config.pem'), 'x', '-o']);
    expect(submitted.stdout.toString()).toBe('mine');
    // Refusals are warnings.
    expect((await nnrp(['ping', '-n', '1', `nnrps://${tls}`])).code).toBe(1);
    expect(await server.stop()).toMatchObject({ code: 0, stderr: '' });
  });

  it('names the place of a certificate that cannot be used', async () => {
    writeFileSync(at('bad.pem'), 'no certificate');
    const tls = { cert: 'bad.pem', key: 'bad.pem' };
    writeFileSync(at('bad.json'), JSON.stringify({ listeners: ['127.0.0.1:0', { address: '[::1]:0', tls }] }));
    const bad = await nnrp(['serve', '--config', at('bad.json')]);
    expect([bad.code, bad.stderr]).toEqual([
      2,
      expect.stringContaining(`${at('bad.json')}: listeners[1].tls.cert ${at('bad.pem')}: `),
    ]);
  });
});

describe('certificates of nnrp serve', () => {
  it('are renewed when their files change, and at SIGHUP, over TLS, QUIC and WebSocket; what does not fit is refused', async () => {
    await Promise.all(['first', 'second', 'third'].map(issue));
    use('first', 'pem', 'key');
    writeFileSync(at('patient.json'), '{"handshake_timeout_ms": 600000}');
    const where = ['nnrps://127.0.0.1:0', 'nnrp+quic://127.0.0.1:0', 'wss://127.0.0.1:0/nnrp'];
    const server = new CliProcess('bin.js', [
      'serve',
      '--quiet',
      // The pings below have no session, and are to keep their connections.
      ...['--config', at('patient.json')],
      ...where.flatMap((url) => ['--listen', url]),
      ...['--cert', at('server.pem'), '--key', at('server.key')],
    ]);
    const [, tls, quic, wss] = await server.printed(/tls (\S+)\nlistening quic (\S+)\nlistening websocket (\S+)\n/);
    const urls = [`nnrps://${tls}`, `nnrp+quic://${quic}`, wss!];
    const trusting = async (name: string) => {
      const pings = urls.map((url) => nnrp(['ping', '-q', '-n', '1', '--ca', at(`${name}.pem`), url]));
      return (await Promise.all(pings)).map(({ code }) => code);
    };
    expect(await trusting('first')).toEqual([0, 0, 0]);
    // They keep their connections through all of it.
    const old = urls.map(
      (url) => new CliProcess('bin.js', ['ping', '-n', '0', '-i', '0.5', '--ca', at('first.pem'), url]),
    );
    await Promise.all(old.map((ping) => ping.printed(/ping 1: /)));

    use('second', 'pem', 'key');
    await server.printed(/renewed the certificates of /, 'stderr');
    expect(await trusting('second')).toEqual([0, 0, 0]);
    expect(await trusting('first')).toEqual([1, 1, 1]);

    use('third', 'key');
    await server.printed(/certificates stay as they were: --key \S+server\.key: it does not belong/, 'stderr');
    expect(await trusting('second')).toEqual([0, 0, 0]);

    use('third', 'pem');
    server.child.kill('SIGHUP');
    await server.printed(/stay as they were[\s\S]*renewed the certificates/, 'stderr');
    expect(await trusting('third')).toEqual([0, 0, 0]);

    for (const ping of old) {
      const { code, stdout } = await ping.stop('SIGINT');
      expect([code, stdout.toString().match(/connected/g)]).toEqual([0, ['connected']]);
    }
    expect((await server.stop()).code).toBe(0);
  });

  it.skipIf(process.platform === 'win32')('hold up no session where a file has become a pipe', async () => {
    await issue('piped');
    use('piped', 'pem', 'key');
    const files = ['--cert', at('server.pem'), '--key', at('server.key')];
    const server = new CliProcess('bin.js', ['serve', '--listen', 'nnrps://127.0.0.1:0', ...files]);
    await server.printed(/listening tls /);
    rmSync(at('server.pem'));
    execFileSync('mkfifo', [at('server.pem')]);
    server.child.kill('SIGHUP');
    await server.printed(/stay as they were: --cert \S+ cannot be read: it is a pipe without more to read/, 'stderr');
    expect((await server.stop()).code).toBe(0);
    rmSync(at('server.pem'));
  });

  it('are those of each address, where a file says so, and each is renewed by itself', async () => {
    await Promise.all(['inside', 'outside', 'later'].map(issue));
    for (const name of ['inside', 'outside'])
      for (const what of ['pem', 'key']) copyFileSync(at(`${name}.${what}`), at(`own-${name}.${what}`));
    const tls = (name: string) => ({ cert: `own-${name}.pem`, key: `own-${name}.key` });
    const listeners = [
      { address: 'nnrps://127.0.0.1:0', tls: tls('inside') },
      `unix:${at('own.sock')}`,
      { address: 'nnrps://127.0.0.1:0', tls: tls('outside') },
      'nnrp+quic://127.0.0.1:0',
    ];
    writeFileSync(at('own.json'), JSON.stringify({ listeners, log_level: 'silent' }));
    const server = new CliProcess('bin.js', ['serve', '--config', at('own.json')]);
    const [, inside, outside, quic] = await server.printed(
      /tls (\S+)\nlistening ipc .*\nlistening tls (\S+)\nlistening quic (\S+)\ncertificate /,
    );
    const trusted = async (name: string) => {
      const pings = [inside, outside].map((where) =>
        nnrp(['ping', '--probe', '--ca', at(`${name}.pem`), `nnrps://${where}`]),
      );
      return (await Promise.all(pings)).map(({ code }) => code);
    };
    expect(await trusted('inside')).toEqual([0, 1]);
    expect(await trusted('outside')).toEqual([1, 0]);
    // It has made its own certificate itself.
    expect((await nnrp(['ping', '--probe', `nnrp+quic://${quic}`])).code).toBe(0);
    for (const what of ['key', 'pem']) copyFileSync(at(`later.${what}`), at(`own-outside.${what}`));
    await server.printed(/renewed the certificates of /, 'stderr');
    expect(await trusted('later')).toEqual([1, 0]);
    expect(await trusted('inside')).toEqual([0, 1]);
    expect((await server.stop()).code).toBe(0);
  });
});
