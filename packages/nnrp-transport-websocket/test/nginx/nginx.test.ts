import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { NnrpClientOptions, NnrpClientSession, NnrpServerOptions, OperationContext } from 'nnrp-runtime';
import { NnrpClient } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { bindWebSocket, type WebSocketClientOptions, webSocketConnector } from '../../src/index.js';
import { hasNginx, Nginx } from './nginx.js';

const REQUIRED = process.env['NNRP_REQUIRE_NGINX'] === '1';
/** Takes minutes: what nginx does by default, by the clock. */
const LONG = process.env['NNRP_LONG'] === '1';
const PARTIALS = 10_000;
/** What cuts an idle connection soon. */
const CUTS_SOON = 'proxy_read_timeout 2s;';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

if (!hasNginx && !REQUIRED) console.warn('nginx is not installed: the tests with a proxy in between are skipped');

it.runIf(REQUIRED)('nginx is installed, as NNRP_REQUIRE_NGINX demands', () => expect(hasNginx).toBe(true));

describe.runIf(hasNginx)('behind nginx', () => {
  it.each([
    ['the client', 500, 0],
    ['the server', 0, 500],
  ])('an idle connection stays while %s keeps it alive', async (_, ofClient, ofServer) => {
    const server = await serving({ keepAliveMs: ofServer });
    const { session, events } = await connected(server, CUTS_SOON, { keepAliveMs: ofClient });
    await idle(5000);
    expect(await answer(session, 'still here')).toBe('still here');
    expect([events, server.upgrades.length]).toEqual([[], 1]);
  });

  it('an idle connection without keep-alive is cut, and the client is back by itself with nothing lost', async () => {
    const server = await serving({ keepAliveMs: 0 });
    const { client, session, events } = await connected(server, CUTS_SOON, { keepAliveMs: 0 });
    const back = once(client, 'resumed');
    const waits = session.request('wait');
    await back;
    server.go();
    expect((await waits).text()).toBe('wait');
    expect(await answer(session, 'next')).toBe('next');
    expect(events).toEqual(['suspended', 'resumed']);
    expect([server.handled, server.upgrades.length]).toEqual([['wait', 'next'], 2]);
  });

  it(`${PARTIALS} partial results come through it, each once and in order`, async () => {
    const server = await serving();
    server.go();
    const { session, events } = await connected(server, CUTS_SOON);
    expect(await counted(session)).toBe(PARTIALS);
    expect([events, server.upgrades.length]).toEqual([[], 1]);
  });

  it.each([
    ['reloaded', (nginx: Nginx) => nginx.reload()],
    ['stopped and started again', (nginx: Nginx) => nginx.stop().then(() => nginx.run())],
  ])('a stream goes on when nginx is %s in the middle of it', async (_, disturb) => {
    const server = await serving();
    const { nginx, session, events } = await connected(server, '');
    const halfWay = async () => {
      await disturb(nginx);
      server.go();
    };
    expect(await counted(session, halfWay)).toBeGreaterThanOrEqual(PARTIALS);
    expect(events.at(0)).toBe('suspended');
    expect(events.at(-1)).toBe('resumed');
    expect(server.handled).toEqual(['count']);
    expect(server.upgrades.length).toBeGreaterThan(1);
  });

  it('identify sees the headers of the client, and the address that nginx has seen', async () => {
    const seen: unknown[] = [];
    const authorize = (_open: unknown, { peerIdentity }: { readonly peerIdentity?: { readonly claims?: unknown } }) =>
      seen.push(peerIdentity?.claims) > 0;
    const server = await serving({ authorize });
    const headers = { authorization: 'Bearer token', 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.8' };
    const { session } = await connected(server, '', {}, { headers });
    expect(await answer(session, 'known')).toBe('known');
    // What the client has written itself stands in front; the last address is that of nginx's own peer.
    const claims = { authorization: 'Bearer token', forwarded: '203.0.113.7, 127.0.0.1', real: '127.0.0.1' };
    expect(seen).toEqual([claims]);
    expect(server.upgrades).toEqual(['/nnrp']);
  });

  it('pages of the host that nginx serves may connect, and others may not', async () => {
    const nginx = await Nginx.start((await serving()).url);
    cleanup.push(() => nginx.close());
    const from = (origin: string) => NnrpClient.connect(webSocketConnector(nginx.url, { origin }));
    const client = await from(nginx.url.replace('ws:', 'http:').replace('/nnrp', ''));
    cleanup.push(() => client.close());
    await expect(from('http://elsewhere.example')).rejects.toThrow(/status 403/);
  });

  it('what the server refuses is refused by its status', async () => {
    const server = await serving({}, () => false);
    await expect(connected(server, '')).rejects.toThrow(/status 401/);
  });

  it('a server that is not there is a status of nginx, after which a client may try again', async () => {
    const server = await serving();
    await server.close();
    await expect(connected(server, '')).rejects.toMatchObject({ message: /status 502/, isRetryable: true });
  });

  it.runIf(LONG)(
    'by default, 75 s of silence go by with keep-alive, and 60 s cut without',
    { timeout: 120_000 },
    async () => {
      const kept = await serving();
      const cut = await serving({ keepAliveMs: 0 });
      const withIt = await connected(kept, '');
      const without = await connected(cut, '', { keepAliveMs: 0 });
      const began = performance.now();
      const suspended = once(without.client, 'suspended').then(() => performance.now() - began);
      const resumed = once(without.client, 'resumed');
      await idle(75_000);
      expect(await answer(withIt.session, 'still here')).toBe('still here');
      expect([withIt.events, kept.upgrades.length]).toEqual([[], 1]);
      const seconds = (await suspended) / 1000;
      expect(seconds).toBeGreaterThan(59);
      expect(seconds).toBeLessThan(70);
      await resumed;
      expect(await answer(without.session, 'back')).toBe('back');
      expect(cut.upgrades.length).toBeGreaterThan(1);
    },
  );
});

/** A server whose handler answers, waits to be told to go on, or counts until it is told. */
async function serving(config: NnrpServerOptions = {}, identify?: () => false) {
  const upgrades: string[] = [];
  const handled: string[] = [];
  let isGoing = false;
  let go: () => void = () => {};
  const going = new Promise<void>((resolve) => {
    go = () => {
      isGoing = true;
      resolve();
    };
  });
  const server = await bindWebSocket(
    'ws://127.0.0.1:0/nnrp',
    {
      identify:
        identify ??
        (({ url = '', headers }: IncomingMessage) => {
          upgrades.push(url);
          const { authorization, 'x-forwarded-for': forwarded, 'x-real-ip': real } = headers;
          return { claims: { authorization, forwarded, real } };
        }),
    },
    { deadlines: false, drainTimeoutMs: 0, ...config },
  );
  cleanup.push(() => server.close());
  server
    .serve({
      async *submit(operation: OperationContext) {
        const text = operation.text();
        handled.push(text);
        if (text === 'wait') await going;
        if (text !== 'count') return text;
        let number = 0;
        for (; number < PARTIALS || !isGoing; number++) {
          // From the middle on, as long as something is to happen.
          if (number > PARTIALS / 2 && !isGoing) await new Promise(setImmediate);
          yield `${number} ${'-'.repeat(number % 200)}`;
        }
        return `counted ${number}`;
      },
    })
    .catch(() => {});
  return { url: server.localAddress, upgrades, handled, go, close: () => server.close() };
}

/** A session through nginx, and what becomes of its connection. */
async function connected(
  server: { readonly url: string },
  directives: string,
  config: NnrpClientOptions = {},
  options: WebSocketClientOptions = {},
) {
  const nginx = await Nginx.start(server.url, directives);
  cleanup.push(() => nginx.close());
  const client = await NnrpClient.connect(webSocketConnector(nginx.url, options), config);
  cleanup.push(() => client.close());
  const events: string[] = [];
  for (const name of ['suspended', 'resumed', 'reopened', 'lost', 'peerError'] as const)
    client.on(name, () => events.push(name));
  return { nginx, client, events, session: await client.openSession({ defaultDeadlineMs: 0 }) };
}

async function answer(session: NnrpClientSession, text: string): Promise<string> {
  return (await session.request(text)).text();
}

/** Reads a stream that counts. @returns how many partial results have come in order; halfWay is called at half of them */
async function counted(session: NnrpClientSession, halfWay: () => Promise<void> = async () => {}): Promise<number> {
  let next = 0;
  let disturbing: Promise<void> | undefined;
  for await (const result of await session.submit('count')) {
    if (!result.partial) {
      expect(result.text()).toBe(`counted ${next}`);
      continue;
    }
    expect(result.text().split(' ')[0]).toBe(String(next++));
    if (next === PARTIALS / 2) disturbing = halfWay();
  }
  await disturbing;
  return next;
}

/** Time in which nothing is sent is what these tests are about. */
function idle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
