import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Answer, beginEvents, json, ModelServer, replay } from '../../nnrp-openai/test/stand-in/model-server.js';
import { CHAT, WHOLE } from '../../nnrp-openai/test/stand-in/recordings.js';
import { CliProcess, nnrp } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const models: ModelServer[] = [];
afterEach(async () => {
  for (const model of models.splice(0)) await model.stop();
});

async function modelServer(answer: Answer): Promise<ModelServer> {
  const model = await ModelServer.start(answer);
  models.push(model);
  return model;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function gateway(...args: string[]) {
  const process = new CliProcess('bin.js', ['gateway', ...args]);
  const [, address] = await process.printed(/^listening \w+ (\S+)\n/);
  return { process, address: address! };
}

async function openai(...args: string[]) {
  const process = new CliProcess('bin.js', ['openai', '--listen', '127.0.0.1:0', ...args]);
  const [, url] = await process.printed(/^listening http (\S+)\n/);
  return { process, url: url! };
}

async function ask(url: string, key = 'none', stream = false): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'asked', messages: [{ role: 'user', content: 'hello' }], stream }),
  });
  return { status: response.status, text: await response.text() };
}

describe('nnrp gateway and nnrp openai', () => {
  it('go by the keys that their files have, when these change and at SIGHUP', async () => {
    const model = await modelServer(json(200, WHOLE));
    const upstream = file('renewed-upstream.txt', 'sk-first-of-all\n');
    const keys = file('renewed-keys.txt', 'first\n');
    const where = ['--upstream', model.baseUrl, '--listen', '127.0.0.1:0'];
    const behind = await gateway(...where, '--api-key-file', upstream);
    const front = await openai('--to', behind.address, '--keys', keys);
    const asks = async () => Promise.all(['first', 'second'].map(async (key) => (await ask(front.url, key)).status));
    expect(await asks()).toEqual([200, 401]);
    file('renewed-keys.txt', 'second\n');
    file('renewed-upstream.txt', 'sk-second-of-all\n');
    await front.process.printed(/renewed the keys of \S+renewed-keys\.txt\n/, 'stderr');
    await behind.process.printed(/renewed the credentials of \S+renewed-upstream\.txt\n/, 'stderr');
    expect(await asks()).toEqual([401, 200]);
    expect(model.asked.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer sk-first-of-all',
      'Bearer sk-second-of-all',
    ]);
    file('renewed-keys.txt', 'no key at all\n');
    front.process.child.kill('SIGHUP');
    await front.process.printed(/the keys stay as they were: --keys \S+: line 1 takes a key/, 'stderr');
    file('renewed-upstream.txt', '');
    behind.process.child.kill('SIGHUP');
    await behind.process.printed(/the credentials stay as they were: .*there is no key in it/, 'stderr');
    expect(await asks()).toEqual([401, 200]);
    for (const { process } of [front, behind]) expect((await process.stop()).code).toBe(0);
  });

  it('lead from HTTP to a model server and back, and close at a signal', async () => {
    const model = await modelServer((response, asked) =>
      (asked.body['stream'] ? replay(CHAT) : json(200, WHOLE))(response, asked),
    );
    const key = file('key.txt', 'sk-upstream\n');
    const behind = await gateway(
      '--upstream',
      model.baseUrl,
      '--listen',
      '127.0.0.1:0',
      '--api-key-file',
      key,
      '--model',
      'mine',
    );
    const front = await openai('--to', behind.address, '--keys', file('keys.txt', '# of clients\nfirst\n\nsecond\n'));
    expect(front.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    expect(await ask(front.url, 'second')).toEqual({ status: 200, text: JSON.stringify(WHOLE) });
    expect(await ask(front.url, 'first', true)).toEqual({ status: 200, text: CHAT });
    expect((await ask(front.url, 'third')).status).toBe(401);
    expect(model.asked.map(({ body, headers }) => [body['model'], headers.authorization])).toEqual([
      ['mine', 'Bearer sk-upstream'],
      ['mine', 'Bearer sk-upstream'],
    ]);
    expect(await front.process.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(await behind.process.stop('SIGINT')).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['preview4', 'auto'])('speak preview4 when they are told so: %s', async (revision) => {
    const model = await modelServer(replay(CHAT));
    const only = file('preview4.json', '{"revision":"preview4"}');
    const behind = await gateway('--upstream', model.baseUrl, '--listen', '127.0.0.1:0', '--config', only);
    const front = await openai('--to', behind.address, '--revision', revision);
    expect(await ask(front.url, 'any', true)).toEqual({ status: 200, text: CHAT });
    for (const { process } of [front, behind]) expect((await process.stop()).code).toBe(0);
  });

  it('send further headers to the model server, and leave usage to clients where they are told to', async () => {
    const model = await modelServer(replay(CHAT));
    const headers = file('headers.txt', '# of Azure\r\nAPI-Key: secret of mine\r\n\r\nx-empty:\r\n');
    const behind = await gateway(
      ...['--upstream', `${model.baseUrl}?api-version=1`, '--listen', '127.0.0.1:0', '--headers-file', headers],
      '--no-usage',
    );
    const front = await openai('--to', behind.address, '--drain-timeout', '1');
    expect(await ask(front.url, 'any', true)).toEqual({ status: 200, text: CHAT });
    const [asked] = model.asked;
    expect(asked?.path).toBe('/v1/chat/completions?api-version=1');
    expect(asked?.headers).toMatchObject({ 'api-key': 'secret of mine', 'x-empty': '' });
    expect(asked?.body).not.toHaveProperty('stream_options');
    // A stream without an end has the time of the drain, and no more.
    model.answer = (response) => beginEvents(response) ?? response.flushHeaders();
    const cut = ask(front.url, 'any', true).catch((error: Error) => error);
    while (model.asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(await front.process.stop()).toMatchObject({ code: 0 });
    expect(await cut).toBeInstanceOf(Error);
    await behind.process.stop();
  });

  it('let operators see the gateway as any server', async () => {
    const model = await modelServer(json(200, WHOLE));
    const where = ['--upstream', model.baseUrl, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    const behind = await gateway(...where, '--log-level', 'error');
    const [, admin] = await behind.process.printed(/^admin (\S+)\n/m);
    const front = await openai('--to', behind.address);
    expect(await ask(front.url)).toMatchObject({ status: 200 });
    expect((await fetch(`http://${admin}/readyz`)).status).toBe(200);
    expect(await (await fetch(`http://${admin}/metrics`)).text()).toContain('\nnnrp_operations_completed_total 1\n');
    await front.process.stop();
    await behind.process.stop();
  });

  it('meet on a Unix socket, over which streams go', async () => {
    const model = await modelServer(replay(CHAT, 7));
    const address = `unix:${join(folder, 'gateway.sock')}`;
    const behind = await gateway('--upstream', model.baseUrl, '--listen', address);
    const front = await openai('--to', address);
    expect((await ask(front.url, undefined, true)).text).toBe(CHAT);
    await front.process.stop();
    await behind.process.stop();
  });

  it('say what is not there, and go on once it is', async () => {
    const model = await modelServer(json(200, WHOLE));
    const first = await gateway('--upstream', 'http://127.0.0.1:1/v1', '--listen', '127.0.0.1:0');
    await first.process.stop();
    const front = await openai('--to', first.address);
    await front.process.printed(/not connected yet: .*ECONNREFUSED/, 'stderr');
    expect(await ask(front.url)).toMatchObject({
      status: 502,
      text: expect.stringContaining('no connection to the server'),
    });
    const second = await gateway('--upstream', 'http://127.0.0.1:1/v1', '--listen', first.address);
    expect(await ask(front.url)).toMatchObject({ status: 502, text: expect.stringContaining('cannot be reached') });
    await second.process.stop();
    const third = await gateway('--upstream', model.baseUrl, '--listen', first.address);
    // The client that has lost its server may still be on its way back.
    let answer = await ask(front.url);
    for (let times = 0; answer.status !== 200 && times < 50; times++) answer = await ask(front.url);
    expect(answer).toEqual({ status: 200, text: JSON.stringify(WHOLE) });
    await front.process.stop();
    await third.process.stop();
  });
});

describe('a command line that is wrong ends with 2 and names the flag', () => {
  const upstream = ['gateway', '--upstream', 'http://127.0.0.1:1/v1'];
  it.each<[string[], RegExp]>([
    [['gateway'], /--upstream <url>' not specified/],
    [['gateway', '--upstream', 'ftp://secret@x/'], /--upstream takes a URL of http or https/],
    [[...upstream, '--listen', 'http://127.0.0.1:0'], /there is no transport http/],
    [[...upstream, '--listen', 'nnrps://127.0.0.1:0'], /needs both --cert and --key/],
    [[...upstream, '--api-key-file', 'missing.txt'], /--api-key-file missing\.txt: cannot be read/],
    [[...upstream, '--max-connections', '0'], /--max-connections <n>' argument '0' is invalid/],
    [[...upstream, '--model', ''], /--model takes a text/],
    [['openai', '--keys', 'missing.txt'], /--keys missing\.txt: cannot be read/],
    [['openai', '--to', 'http://127.0.0.1:1'], /there is no transport http/],
    [['openai', '--deadline', 'soon'], /--deadline <ms>' argument 'soon' is invalid/],
    [['openai', '--listen', 'nowhere'], /--listen nowhere: /],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await nnrp(args);
    expect([code, stdout.toString(), stderr]).toEqual([2, '', expect.stringMatching(message)]);
    expect(stderr).not.toContain('secret');
  });

  it('and shows nothing of files with keys', async () => {
    const two = file('two.txt', 'sk-secret\nsk-other\n');
    const spaced = file('spaced.txt', 'sk secret\n');
    const empty = file('empty.txt', '\n# none\n');
    for (const [args, message] of [
      [[...upstream, '--api-key-file', two], /it has 2 keys, and takes one/],
      [[...upstream, '--api-key-file', spaced], /line 1 takes a key of printable ASCII/],
      [['openai', '--keys', empty], /there is no key in it/],
      [[...upstream, '--headers-file', spaced], /line 1 takes a header, as NAME: TEXT/],
      [[...upstream, '--headers-file', file('twice.txt', 'a: sk-secret\nA: x\n')], /line 2 has a header again/],
      [
        [...upstream, '--headers-file', file('host.txt', 'host: sk-secret\n')],
        /--headers-file: host is the connection/,
      ],
      [[...upstream, '--headers-file', 'missing.txt'], /--headers-file missing\.txt: cannot be read/],
    ] as const) {
      const { code, stderr } = await nnrp(args);
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
      expect(stderr).not.toMatch(/sk.secret/);
    }
  });

  it('but an address that is taken with 1', async () => {
    const model = await modelServer(json(200, WHOLE));
    const taken = new URL(model.baseUrl).host;
    const { code, stderr } = await nnrp(['openai', '--listen', taken, '--quiet']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/--listen .*EADDRINUSE/)]);
  });
});
