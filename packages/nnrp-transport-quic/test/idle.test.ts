import { setTimeout as passing } from 'node:timers/promises';
import type { NnrpClient, NnrpClientSession } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { QuicStage } from './quic-stage.js';
import { until } from './until.js';

const stage = new QuicStage();
afterEach(() => stage.clear());

async function answers(session: NnrpClientSession): Promise<void> {
  expect((await (await session.submit('x')).result()).body.length).toBe(1);
}

async function opened(client: NnrpClient): Promise<NnrpClientSession> {
  const session = await client.openSession();
  await answers(session);
  return session;
}

describe('a peer that vanishes', () => {
  it('is gone from the server after the idle time, with its session and all that was kept of it', async () => {
    const server = await stage.echo({ idleTimeoutMs: 500 });
    const lost: string[] = [];
    server.on('connectionLost', ({ error }) => lost.push(error.message));
    const proxy = await stage.proxy(server);
    await opened(await stage.connect(proxy.address));
    proxy.dark = true;
    await until(() => server.connectionCount === 0, 'the server has noticed');
    expect([server.sessionCount, stage.inside(server)]).toEqual([0, { handshakes: 0, connections: 0, routes: 0 }]);
    expect(lost).toEqual([
      expect.stringMatching(/nothing was heard of the peer within the idle timeout \(here 500 ms/),
    ]);
  });

  it('is noticed by the client in the same way', async () => {
    const server = await stage.echo();
    const proxy = await stage.proxy(server);
    const client = await stage.connect(proxy.address, { idleTimeoutMs: 500 });
    await opened(client);
    proxy.dark = true;
    expect((await client.closed).message).toMatch(/nothing was heard of the peer within the idle timeout/);
  });

  it('is noticed at once when its machine says that nobody listens there any more', async () => {
    const server = await stage.echo();
    const client = await stage.connect(server.localAddr, { keepAliveMs: 50 });
    await opened(client);
    stage.cut(server);
    expect((await client.closed).message).toMatch(/nobody listens there \(ECONNREFUSED\)/);
  });
});

describe('a connection on which nothing is said', () => {
  it('ends after the idle time', async () => {
    const server = await stage.echo({ idleTimeoutMs: 400 });
    const client = await stage.connect(server.localAddr, { keepAliveMs: 0 });
    await opened(client);
    expect((await client.closed).message).toMatch(/idle timeout/);
  });

  it.each([
    ['as its client says so', { idleTimeoutMs: 400 }, { keepAliveMs: 100 }],
    ['as its server says so', { idleTimeoutMs: 400, keepAliveMs: 100 }, { keepAliveMs: 0 }],
    ['as the other end gives up sooner than this one would ask', { idleTimeoutMs: 400 }, {}],
    ['with little time to spare', { idleTimeoutMs: 1200 }, { idleTimeoutMs: 1200, keepAliveMs: 900 }],
  ])('lives on with signs of life, %s', async (_, ofServer, ofClient) => {
    const server = await stage.echo(ofServer);
    const client = await stage.connect(server.localAddr, ofClient);
    const session = await opened(client);
    // Silence is the matter of this test.
    await passing(2500);
    await answers(session);
    expect(server.connectionCount).toBe(1);
  });
});
