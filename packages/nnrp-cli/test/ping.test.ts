import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CliProcess, type Finished, nnrp, serving } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-ping-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cert = join(folder, 'server.pem');
const key = join(folder, 'server.key');
const made = await nnrp(['cert', '--cert', cert, '--key', key]);
const CERTIFICATE = ['--cert', cert, '--key', key];
const FAST = ['--interval', '0.01'];

describe('nnrp ping', () => {
  it.each<[name: string, listen: string, args: string[], facts: RegExp]>([
    ['TCP', 'nnrp://127.0.0.1:0', [], /^connected to 127\.0\.0\.1:\d+ by tcp in [\d.]+ ms\nping 1: /],
    [
      'TLS',
      'nnrps://127.0.0.1:0',
      ['--ca', cert],
      / by tls in .*\nTLSv1\.3, ALPN nnrp\/1-tcp, certificate of CN=localhost \(DNS:localhost, .*\), valid until \d{4}-\d\d-\d\d, verified, SHA-256 [0-9A-F:]{95}\nping 1: /,
    ],
    ['TLS without verification', 'nnrps://127.0.0.1:0', ['--insecure'], /, not verified \(--insecure\), SHA-256 /],
    [
      'QUIC',
      'nnrp+quic://127.0.0.1:0',
      ['--ca', cert],
      / by quic in .*\nTLSv1\.3, ALPN nnrp\/1, certificate of .*, verified, SHA-256 .*\nQUIC 1, TLS_CHACHA20_POLY1305_SHA256, handshake .*, no 0-RTT, round trip .*, datagrams of \d+ bytes, window \d+ bytes, 0 of \d+ packets lost\nping 1: /,
    ],
    [
      'WebSocket over TLS',
      'wss://127.0.0.1:0/nnrp',
      ['--ca', cert],
      / by websocket in .*\nTLSv1\.3, no ALPN, certificate of CN=localhost /,
    ],
    [
      'WebSocket',
      'ws://127.0.0.1:0/nnrp',
      [],
      /^connected to ws:\/\/127\.0\.0\.1:\d+\/nnrp by websocket in [\d.]+ ms\nping 1: /,
    ],
    ['a Unix domain socket', `unix:${join(folder, 'ping.sock')}`, [], / by ipc in [\d.]+ ms\nping 1: /],
  ])('measures round trips over %s', async (_, listen, args, facts) => {
    expect(made.code).toBe(0);
    const encrypted = args.length > 0 ? CERTIFICATE : [];
    const { server, address } = await serving('--listen', listen, ...encrypted);
    const url = address.includes(':/') ? address : listen.replace(/127\.0\.0\.1:0$/, address);
    const { code, stdout, stderr } = await nnrp(['ping', '--count', '3', ...FAST, ...args, url]);
    expect([code, stderr]).toEqual([0, '']);
    const text = stdout.toString();
    expect(text).toMatch(facts);
    expect(text).toMatch(
      /ping 3: [\d.]+ ms\n3 pings, 3 answered, 0 lost; min [\d.]+ ms, avg [\d.]+ ms, max [\d.]+ ms\n$/,
    );
    expect((await server.stop()).code).toBe(0);
  });

  it('exits with 1 when nobody listens, and counts what is lost', async () => {
    const { code, stdout, stderr } = await nnrp(['ping', `unix:${join(folder, 'nobody.sock')}`, '-n', '2', ...FAST]);
    expect([code, stdout.toString()]).toEqual([1, '2 pings, 0 answered, 2 lost\n']);
    expect(stderr).toMatch(/^nnrp: ping 1 is lost: .*nobody\.sock.*\nnnrp: ping 2 is lost: /);
  });

  it('is a probe: one ping, of which one line is said, unless more is asked for', async () => {
    const path = `unix:${join(folder, 'probed.sock')}`;
    const { server } = await serving('--listen', path);
    const figures = '; min [\\d.]+ ms, avg [\\d.]+ ms, max [\\d.]+ ms\n$';
    for (const run of [nnrp, installed]) {
      const once = await run(['ping', '--probe', path]);
      expect([once.code, once.stderr]).toEqual([0, '']);
      expect(once.stdout.toString()).toMatch(new RegExp(`^1 pings, 1 answered, 0 lost${figures}`));
    }
    const twice = await installed(['ping', '--probe', '--count', '2', ...FAST, path]);
    expect(twice.stdout.toString()).toMatch(new RegExp(`^2 pings, 2 answered, 0 lost${figures}`));
    const { stderr } = await server.stop();
    expect(stderr).not.toMatch(/lost|vanished|violation/);
    expect((await nnrp(['ping', '--probe', path])).code).toBe(1);
    const late = await installed(['ping', '--probe', path]);
    expect([late.code, late.stdout.toString()]).toEqual([1, '1 pings, 0 answered, 1 lost\n']);
    expect(late.stderr).toMatch(/^nnrp: ping 1 is lost: .*probed\.sock/);
  });

  it.each([
    ['TLS', 'nnrps://127.0.0.1:0', ['--ca', cert]],
    ['QUIC', 'nnrp+quic://127.0.0.1:0', ['--insecure']],
    ['WebSocket', 'ws://127.0.0.1:0/nnrp', []],
  ])('is a probe over %s', async (_, listen, args) => {
    const { server, address } = await serving('--listen', listen, ...(args.length > 0 ? CERTIFICATE : []));
    const url = address.includes(':/') ? address : listen.replace(/127\.0\.0\.1:0$/, address);
    const { code, stderr } = await installed(['ping', '--probe', ...args, url]);
    expect([code, stderr]).toEqual([0, '']);
    await server.stop();
  });

  it.each<[what: string, answer: (socket: Socket) => unknown, message: string]>([
    ['says nothing', () => {}, 'no PONG within 2000 ms'],
    ['is a web server', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), "expected the bytes 'NNRP'"],
    ['hangs up', (socket) => socket.end(), 'closed the connection'],
  ])('is a probe that says no when what listens %s', async (_, answer, message) => {
    const other = createServer((socket) => answer(socket.on('error', () => {}).resume())).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { code, stderr } = await installed(['ping', '--probe', `127.0.0.1:${port}`]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`ping 1 is lost: `)]);
    expect(stderr).toContain(message);
    other.close();
  });

  it('is a probe that waits for no end of a connection on which nothing was said', async () => {
    let leftAt = Number.NaN;
    const silent = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {}).resume();
      socket.once('end', () => {
        leftAt = performance.now();
      });
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { code } = await installed(['ping', '--probe', `127.0.0.1:${(silent.address() as { port: number }).port}`]);
    // A transport that closes in order waits 2 seconds for the other side.
    expect([code, performance.now() - leftAt < 1500]).toEqual([1, true]);
    silent.close();
  });

  it.each([
    [['--bogus'], "unknown option '--bogus'"],
    [['nnrp://127.0.0.1:1', 'nnrp://127.0.0.1:2'], 'too many arguments'],
    [['http://127.0.0.1:1'], 'there is no transport http'],
    [['--ca'], 'argument missing'],
    [['nnrps://127.0.0.1:1', '--ca', join(folder, 'missing')], 'cannot be read'],
  ])('is a probe that exits with 2 for %j', async (args, message) => {
    const { code, stderr } = await installed(['ping', '--probe', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('is a probe that loads neither the client nor the command line', () => {
    expect(statSync(new URL('../dist/probe.cjs', import.meta.url)).size).toBeLessThan(150_000);
  });

  it('exits with 1 when nothing answers in time', async () => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const pinged = await nnrp(['ping', `127.0.0.1:${port}`, '-q', '-n', '1', '--timeout', '0.2']);
    expect([pinged.code, pinged.stdout.toString()]).toEqual([1, '1 pings, 0 answered, 1 lost\n']);
    silent.close();
  });

  it('connects anew after a loss, and ends at a signal with what it has', async () => {
    const path = `unix:${join(folder, 'again.sock')}`;
    const first = await serving('--listen', path);
    const ping = new CliProcess('bin.js', ['ping', path, '--count', '0', '--interval', '0.05']);
    await ping.printed(/ping 1: /);
    await first.server.stop('SIGKILL');
    await ping.printed(/ is lost: /, 'stderr');
    const second = await serving('--listen', path);
    await ping.printed(/connected[\s\S]*connected[\s\S]*ping \d+: /);
    const { code, stdout } = await ping.stop('SIGINT');
    expect(code).toBe(1);
    expect(stdout.toString()).toMatch(/\d+ pings, \d+ answered, [1-9]\d* lost; min .*\n$/);
    await second.server.stop();
  });

  it('goes on when the server has closed a connection without a session', async () => {
    const config = join(folder, 'short.json');
    const { server, address } = await serving('--config', write(config, '{"handshake_timeout_ms": 400}'));
    const ping = new CliProcess('bin.js', ['ping', address, '--count', '0', '--interval', '0.02']);
    await ping.printed(/connected[\s\S]*connected[\s\S]*connected/);
    const { code, stdout } = await ping.stop('SIGINT');
    expect([code, stdout.toString()]).toEqual([0, expect.stringContaining(' 0 lost;')]);
    await server.stop();
  });

  it.each([
    [['ping', 'http://127.0.0.1:1'], 'there is no transport http'],
    [['ping', 'nnrp://127.0.0.1:1', '--ca', cert], '--ca means nothing for nnrp://127.0.0.1:1'],
    [['ping', 'nnrps://127.0.0.1:1/path'], 'HOST:PORT'],
    [['ping', '--count', '-1'], 'Takes a whole number of 0 to'],
    [['ping', '--interval', '0'], 'Takes seconds above 0'],
    [['ping', 'nnrps://127.0.0.1:1', '--ca', join(folder, 'missing')], 'cannot be read'],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, stderr } = await nnrp(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

/** As its users start it. */
function installed(args: readonly string[]): Promise<Finished> {
  return new CliProcess('../bin/nnrp.cjs', args).finish();
}

function write(path: string, text: string): string {
  writeFileSync(path, text);
  return path;
}
