import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { NnrpClient, NnrpServer, UsageError } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { type AdminOptions, createAdmin } from '../src/index.js';

const TOKEN = 'a-token-of-some-length';
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve() {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 60_000 });
  ends.push(() => server.close({ drainTimeoutMs: 0 }));
  return server;
}

async function start(options: AdminOptions = {}, host = '127.0.0.1') {
  const server = await serve();
  const admin = createAdmin(server, options);
  const address = await admin.listen(`${host}:0`);
  ends.push(() => admin.close());
  const port = Number(address.split(':').at(-1));
  return { server, admin, address, port, ask: (path: string, asked: Asked = {}) => ask(port, path, asked) };
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answered {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** What comes back for bytes that need be no HTTP. */
function askRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('latin1');
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Lines of metrics by name and labels. */
function metricsOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe("the operator's port", () => {
  it('gives Prometheus what the server has counted', async () => {
    const { server, ask } = await start();
    void server.serve({
      submit: async function* (operation) {
        if (operation.text() === 'drop') return void operation.drop();
        yield 'part';
      },
    });
    const client = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => client.close());
    const session = await client.openSession();
    await (await session.submit('work')).wholeText();
    await expect((await session.submit('drop')).result()).rejects.toThrow();
    const { status, headers, text } = await ask('/metrics');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const metrics = metricsOf(text);
    const counters = server.counters();
    expect(Object.fromEntries(metrics)).toMatchObject({
      nnrp_connections_total: 1,
      nnrp_sessions_total: 1,
      nnrp_operations_total: 2,
      nnrp_operations_completed_total: 1,
      nnrp_partial_results_total: 1,
      nnrp_result_bytes_total: 4,
      'nnrp_frames_dropped_total{reason="dropped"}': 1,
      'nnrp_bound_value{name="sessions",scope="server"}': 1,
      'nnrp_bound_limit{name="sessions",scope="server"}': 65_536,
      'nnrp_bound_hits_total{name="sessions",scope="server"}': 0,
      nnrp_received_bytes_total: counters.receivedBytes,
      nnrp_sent_bytes_total: counters.sentBytes,
      nnrp_draining: 0,
    });
    // Each name has its help and type, once, and its lines follow.
    const typed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name);
    expect(new Set(typed).size).toBe(typed.length);
    for (const name of metrics.keys())
      expect(typed).toContain(name.split('{')[0]?.replace(/^(.*_duration_seconds)_\w+$/, '$1'));
    expect([...metrics.values()].every(Number.isFinite)).toBe(true);
    const again = metricsOf((await ask('/metrics')).text);
    expect(again.get('nnrp_operations_total')).toBe(2);
  });

  it('answers those who ask at the same time alike', async () => {
    const { ask } = await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/metrics')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('is ready until the server drains, and alive all the while', async () => {
    const { server, ask } = await start();
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await ask('/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
    void server.serve({ submit: ({ finished }) => finished });
    const client = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => client.close());
    const session = await client.openSession();
    const operation = await session.submit('work');
    const closing = server.close();
    expect(await ask('/readyz')).toMatchObject({ status: 503, text: 'draining\n' });
    expect(await ask('/healthz')).toMatchObject({ status: 200 });
    expect((await ask('/metrics')).text).toContain('\nnnrp_draining 1\n');
    operation.cancel();
    await expect(operation.result()).rejects.toThrow();
    await closing;
    expect((await ask('/readyz')).status).toBe(503);
  });

  it('is mounted in a server of the application', async () => {
    const { handler } = createAdmin(await serve());
    const http = createServer(handler).listen(0, '127.0.0.1');
    ends.push(async () => http.close());
    await turn();
    const { port } = http.address() as AddressInfo;
    expect(await ask(port, '/healthz', {})).toMatchObject({ status: 200 });
  });

  it.each([
    ['POST', '/metrics', 405],
    ['DELETE', '/healthz', 405],
    ['HEAD', '/healthz', 200],
    ['GET', '/', 200],
    ['GET', '/status', 200],
    ['GET', '/sessions?sort=inFlight&limit=5', 200],
    ['GET', '/sessions?sort=__proto__', 400],
    ['GET', '/sessions?limit=100000', 400],
    ['GET', '/elsewhere', 404],
    ['GET', '/metrics/../secret', 404],
    ['GET', '/healthz?verbose', 200],
  ])('%s %s is answered with %i', async (method, path, status) => {
    const { ask } = await start();
    expect(await ask(path, { method })).toMatchObject({ status, headers: { 'x-content-type-options': 'nosniff' } });
  });
});

describe('without a token', () => {
  it.each(['0.0.0.0', '[::]', '192.0.2.1', 'example.org'])('it does not listen on %s', async (host) => {
    const admin = createAdmin(await serve());
    await expect(admin.listen(`${host}:0`)).rejects.toThrow(/can be reached from elsewhere, so it needs a token/);
  });

  it.each([
    ['a name that a browser was pointed here by', { host: 'attacker.example:9090' }],
    ['a host that is none', { host: '127.0.0.1@attacker' }],
    ['a proxy', { 'x-forwarded-for': '192.0.2.7' }],
    ['another proxy', { forwarded: 'for=192.0.2.7' }],
  ])('it refuses what comes by %s', async (_what, headers: Record<string, string>) => {
    const { ask } = await start();
    for (const path of ['/metrics', '/healthz', '/readyz', '/'])
      expect(await ask(path, { headers })).toMatchObject({ status: 403 });
  });

  it.each(['localhost', 'LOCALHOST:1', '127.0.0.9:80', '[::1]:9090'])('it answers for the host %s', async (host) => {
    const { ask } = await start();
    expect(await ask('/healthz', { headers: { host } })).toMatchObject({ status: 200 });
  });
});

describe('with a token', () => {
  it('another one takes its place, where it fits', async () => {
    const { admin, ask } = await start({ token: TOKEN });
    const other = 'another-token-of-some-length';
    expect(() => admin.renewToken('short')).toThrow(/token takes 16 to 1024/);
    expect(() => admin.renewToken(undefined as never)).toThrow(/renewToken takes a token/);
    admin.renewToken(other);
    const asked = (token: string) => ask('/healthz', { headers: { authorization: `Bearer ${token}` } });
    expect([(await asked(TOKEN)).status, (await asked(other)).status]).toEqual([401, 200]);
    const open = await start();
    expect(() => open.admin.renewToken(TOKEN)).toThrow(/renewToken takes a token in the place of the one/);
  });

  it.each([
    ['none', undefined],
    ['another', 'Bearer another-token-of-some-length'],
    ['a part of it', `Bearer ${TOKEN.slice(0, -1)}`],
    ['more than it', `Bearer ${TOKEN}x`],
    ['another scheme', `Basic ${TOKEN}`],
    ['nothing behind the scheme', 'Bearer '],
    ['two', `Bearer ${TOKEN} ${TOKEN}`],
  ])('a request with %s is refused', async (_what, authorization) => {
    const { ask } = await start({ token: TOKEN });
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    for (const path of ['/metrics', '/healthz', '/readyz', '/elsewhere']) {
      const answer = await ask(path, { headers });
      expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
      expect(answer.text).not.toContain(TOKEN);
    }
  });

  it('a request with it is answered, whatever host it names, on all addresses', async () => {
    const { ask } = await start({ token: TOKEN }, '0.0.0.0');
    const headers = { authorization: `Bearer ${TOKEN}`, host: 'node-7.example' };
    expect(await ask('/metrics', { headers })).toMatchObject({ status: 200 });
  });

  it('probes go without it where that is wanted, and nothing else does', async () => {
    const { ask } = await start({ token: TOKEN, openProbes: true });
    const statuses = await Promise.all(['/healthz', '/readyz', '/metrics'].map((path) => ask(path)));
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 401]);
  });
});

describe('hostile requests', () => {
  it.each([
    ['no HTTP', '\u0000\u0001\u0002garbage\r\n\r\n', /^HTTP\/1\.1 400/],
    ['long headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 4/],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', /^$/],
    ['a tunnel', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', /^$/],
    [
      'a body without an end',
      `POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nx`,
      /^HTTP\/1\.1 405/,
    ],
  ])(
    'such as %s cost their connection, and nobody else',
    async (_what, bytes, answer) => {
      const { server, port, ask } = await start();
      const text = await askRaw(port, bytes);
      expect(text).toMatch(answer);
      expect(await ask('/healthz')).toMatchObject({ status: 200 });
      expect(server.toJSON()).toMatchObject({ state: 'accepting' });
    },
    20_000,
  );

  it('do not get back what they have said', async () => {
    const { ask } = await start();
    const { text, headers } = await ask('/<script>alert(1)</script>', { headers: { 'x-evil': 'evil' } });
    expect(text + JSON.stringify(headers)).not.toMatch(/script|evil/);
  });

  it('more than 64 at once find no place, and those that are silent lose theirs', async () => {
    const { port, ask } = await start();
    const silent = Array.from({ length: 64 }, () => connect(port, '127.0.0.1').on('error', () => {}));
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    await expect(ask('/healthz')).rejects.toThrow();
    for (const socket of silent) socket.resume();
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    expect(await ask('/healthz')).toMatchObject({ status: 200 });
  }, 30_000);

  it.each(['', `authorization: Bearer ${TOKEN}\r\n`])(
    'lose their place when they read no answer (%j)',
    async (header) => {
      const { port, ask } = await start({ token: TOKEN });
      const asked = `GET /metrics HTTP/1.1\r\nhost: x\r\n${header}\r\n`.repeat(5_000);
      const deaf = Array.from({ length: 64 }, () => connect(port, '127.0.0.1').on('error', () => {}));
      ends.push(async () => {
        for (const socket of deaf) socket.destroy();
      });
      await Promise.all(deaf.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
      for (const socket of deaf) socket.pause().write(asked);
      const probe = () => ask('/healthz', { headers: { authorization: `Bearer ${TOKEN}` } }).catch(() => undefined);
      let answered = await probe();
      while (answered === undefined) answered = await probe();
      expect(answered).toMatchObject({ status: 200 });
    },
    30_000,
  );
});

describe('what cannot work is refused', () => {
  it.each([
    [{ token: 'short' }, /token takes 16 to 1024 printable characters/],
    [{ token: `with a space ${TOKEN}` }, /token takes 16 to 1024/],
    [{ token: 7 }, /token takes 16 to 1024/],
    [{ openProbes: 'yes' }, /openProbes takes true or false/],
    [{ tokn: TOKEN }, /no option 'tokn'; did you mean token/],
  ])('%j', async (options, text) => {
    const server = await serve();
    expect(() => createAdmin(server, options as never)).toThrow(text);
    expect(() => createAdmin(server, options as never)).not.toThrow(TOKEN);
  });

  it('what is no server, no address, or listens already', async () => {
    expect(() => createAdmin({} as never)).toThrow(UsageError);
    const { admin, address } = await start();
    await expect(admin.listen('nowhere')).rejects.toThrow(/expected HOST:PORT/);
    await expect(admin.listen('127.0.0.1:0')).rejects.toThrow('it listens already');
    const other = createAdmin(await serve());
    await expect(other.listen(address)).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    await other.close();
  });

  it('and one that is closed before it listens says so', async () => {
    const admin = createAdmin(await serve());
    const listening = admin.listen('127.0.0.1:0');
    await admin.close();
    await expect(listening).rejects.toThrow('it was closed meanwhile');
  });

  it('and it can listen again once it was closed', async () => {
    const { admin } = await start();
    await admin.close();
    await admin.close();
    expect(await admin.listen('127.0.0.1:0')).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});
