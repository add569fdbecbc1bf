import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NnrpClient, type NnrpClientSession } from 'nnrp-runtime';
import { afterEach, describe, expect, it, test } from 'vitest';
import { issue } from '../../packages/nnrp-runtime/test/support/certificates.js';
import { requireFreshBuilds } from '../../tools/fresh-build.mjs';

const here = join(dirname(fileURLToPath(import.meta.url)), '..');
const running: ChildProcess[] = [];
const cleanup: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function run(...args: string[]) {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-quic');
  const child = spawn(process.execPath, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  /** The rest of what it prints, after its end. */
  const finished = async () => {
    const printed: string[] = [];
    for await (const line of lines) printed.push(line);
    return { code: await exited, printed, complaints };
  };
  return { child, lines, finished };
}

async function serving(file: string, ...args: string[]) {
  const server = run(file, '127.0.0.1:0', ...args);
  const [, address = ''] = /listening on (.+)/.exec((await server.lines.next()).value ?? '') ?? [];
  /** Ends it as a user would. */
  const stop = () => {
    server.child.kill('SIGINT');
    return server.finished();
  };
  return { ...server, address, stop };
}

async function sessionWith(address: string): Promise<NnrpClientSession> {
  const client = await NnrpClient.connectTcp(address);
  cleanup.push(() => client.close());
  return client.openSession({ defaultDeadlineMs: 0 });
}

async function answerTo(session: NnrpClientSession, text: string): Promise<string> {
  return (await (await session.submit(text)).result()).text();
}

const snippets = (readme: string) => [...readme.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1] ?? '');
const stopped = { code: 0, printed: [], complaints: '' };

test('the README shows the examples as they are', () => {
  const shown = snippets(readFileSync(join(here, '..', 'README.md'), 'utf8'));
  const files = ['server.js', 'client.js', 'cancel.js'];
  expect(shown).toEqual(files.map((file) => readFileSync(join(here, file), 'utf8')));
  const lines = shown.slice(0, 2).map((code) => code.trimEnd().split('\n').length);
  expect(Math.max(...lines)).toBeLessThanOrEqual(20);
});

test.each([
  ['streaming.js', 'guides/streaming-tokens.md'],
  ['accept.js', 'api.md'],
  ['cut.js', 'recovery.md'],
  ['tls.js', 'guides/tls-and-quic.md'],
  ['quic.js', 'guides/tls-and-quic.md'],
])('%s is shown in docs/%s as it is', (file, page) => {
  const shown = snippets(readFileSync(join(here, '..', 'docs', page), 'utf8'));
  expect(shown).toContain(readFileSync(join(here, file), 'utf8'));
});

describe('the README', () => {
  it('has a client that talks to its server', async () => {
    const server = await serving('server.js');
    const printed = ['left and right', 'one connection, many sessions'];
    expect(await run('client.js', server.address).finished()).toEqual({ code: 0, printed, complaints: '' });
    expect(await server.stop()).toEqual(stopped);
  });

  it('has a client that cancels at its server', async () => {
    const server = await serving('server.js');
    const printed = ['more', 'and', 'more', 'cancelled: the user has read enough'];
    expect(await run('cancel.js', server.address).finished()).toEqual({ code: 0, printed, complaints: '' });
    expect(await server.stop()).toEqual(stopped);
  });
});

describe('docs', () => {
  it('have a loop over sessions and submits', async () => {
    const server = await serving('accept.js');
    const { code, printed, complaints } = await run('client.js', server.address).finished();
    // Nothing takes its time here, so either may be first.
    expect([code, printed.sort(), complaints]).toEqual([0, ['left and right', 'one connection, many sessions'], '']);
    expect(await server.stop()).toEqual(stopped);
  });

  it('have a streaming handler that stops when its client cancels', async () => {
    const server = await serving('streaming.js');
    const printed = ['more', 'and', 'more', 'cancelled: the user has read enough'];
    expect(await run('cancel.js', server.address).finished()).toEqual({ code: 0, printed, complaints: '' });
    expect(await server.stop()).toEqual({ ...stopped, printed: ['frame 1 stopped: NNRP_ERR_CANCELLED'] });
  });

  it('have a streaming handler that stops at the deadline', async () => {
    const server = await serving('streaming.js');
    const session = await sessionWith(server.address);
    const operation = await session.submit('on and '.repeat(10_000), { deadlineMs: 50 });
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_DEADLINE', deadlineMs: 50 });
    expect((await server.lines.next()).value).toBe('frame 1 stopped: NNRP_ERR_DEADLINE');
    expect(await answerTo(session, 'and on')).toBe('2 tokens');
    expect(await server.stop()).toEqual(stopped);
  });

  it('have a client that cuts its own connection in the middle of an answer', async () => {
    const server = await serving('streaming.js');
    const { code, printed, complaints } = await run('cut.js', server.address).finished();
    expect([code, complaints]).toEqual([0, '']);
    const words = 'each word comes once and in order whatever the network does'.split(' ');
    const [lost, back] = ['(the connection is lost)', '(back, with 1 session)'];
    // The last answer of the server is the number of tokens.
    expect(printed).toEqual([...words.slice(0, 3), lost, back, ...words.slice(3), '11 tokens']);
    expect(await server.stop()).toEqual(stopped);
  });

  it('have both ends of a TLS connection, with certificates of both', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nnrp-examples-'));
    cleanup.push(() => rmSync(folder, { recursive: true, force: true }));
    const root = await issue({ name: 'CN=root', authority: true });
    const server = await issue({ name: 'CN=server', issuer: root, use: 'server', ips: ['127.0.0.1'] });
    const client = await issue({ name: 'CN=worker 7', issuer: root, use: 'client' });
    const files = { root: root.certificate, server: server.certificate, client: client.certificate };
    const keys = { 'server-key': server.key, 'client-key': client.key };
    for (const [name, pem] of Object.entries({ ...files, ...keys })) writeFileSync(join(folder, `${name}.pem`), pem);
    const printed = ['CN=worker 7', 'said in private'];
    expect(await run('tls.js', folder).finished()).toEqual({ code: 0, printed, complaints: '' });
  });

  it('have both ends of a QUIC connection', async () => {
    expect(await run('quic.js').finished()).toEqual({ code: 0, printed: ['said over QUIC'], complaints: '' });
  });
});

describe('the worker pool', () => {
  it('computes beside the sockets', async () => {
    const server = await serving('worker-pool.js', '2');
    const session = await sessionWith(server.address);
    expect(await Promise.all([answerTo(session, '100'), answerTo(session, '10000')])).toEqual(['25', '1229']);
    expect(await server.stop()).toEqual(stopped);
  });

  it('stops the computation of a cancelled frame', async () => {
    const server = await serving('worker-pool.js', '1');
    const session = await sessionWith(server.address);
    expect(await answerTo(session, '10')).toBe('4');
    // The one thread is ready, so it has this job when the cancel arrives; it would be busy for years.
    const endless = await session.submit('1e15');
    endless.cancel();
    await expect(endless.result()).rejects.toThrow('cancelled');
    expect((await server.lines.next()).value).toBe('frame 2 stopped: NNRP_ERR_CANCELLED');
    expect(await answerTo(session, '1000')).toBe('168');
    expect(await server.stop()).toEqual(stopped);
  });
});

test('the snippet in the README of nnrp-runtime runs', async () => {
  const readme = readFileSync(join(here, '..', 'packages', 'nnrp-runtime', 'README.md'), 'utf8');
  const [snippet = ''] = snippets(readme);
  const printed = ['hello'];
  expect(await run('--input-type=module', '-e', snippet).finished()).toEqual({ code: 0, printed, complaints: '' });
});
