import { once } from 'node:events';
import type { ConnectionLost, NnrpClient, NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { within } from '../../../nnrp-runtime/src/testing/within.js';
import { QuicProcess } from '../support/quic-process.js';
import { PATIENCE_MS, QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

const IDLE_MS = 800;
/** Fifty clients connect within it, on a busy machine too. */
const MANY_IDLE_MS = 4 * IDLE_MS;
const KEEP_ALIVE_MS = 200;
/** What an idle connection is watched for. */
const LIVING_MS = 2.5 * IDLE_MS;
/** What a timer of the library may be late on a busy machine. */
const LATE_MS = 4000;
/** These tests are about the loss itself, which recovery would mend. */
const NEVER = { reconnect: 'never' } as const;
const IDLE = { idleTimeoutMs: IDLE_MS, keepAliveMs: 0 };

const stage = new QuicStage();
const processes: QuicProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map((started) => started.kill()));
  await stage.clear();
});

/** What the server reports of connections that it loses. */
function losses(server: NnrpServer): ConnectionLost[] {
  const lost: ConnectionLost[] = [];
  server.on('connectionLost', (loss) => lost.push(loss));
  return lost;
}

/** Milliseconds until the condition holds. */
async function took(condition: () => boolean, what: string): Promise<number> {
  const begun = performance.now();
  await until(condition, what);
  return performance.now() - begun;
}

const closed = (client: NnrpClient) => within(client.closed, PATIENCE_MS, 'the client to notice');

async function expectNothingKept(server: NnrpServer): Promise<void> {
  expect([server.connectionCount, server.sessionCount]).toEqual([0, 0]);
  await until(() => stage.inside(server).connections === 0, 'the socket has forgotten it');
  expect(stage.inside(server)).toEqual({ handshakes: 0, connections: 0, inModule: 0 });
}

describe('a server', () => {
  it('reports a client whose process was killed after the idle time, and keeps nothing of it', async () => {
    const server = await stage.echo({ idleTimeoutMs: IDLE_MS });
    const lost = losses(server);
    const client = QuicProcess.call('stays', server.localAddress, stage.certificate);
    processes.push(client);
    expect(await client.next()).toEqual({ answer: 'ping' });
    const sessionIds = server.sessions().map(({ sessionId }) => sessionId);
    await client.kill();
    const waited = await took(() => lost.length === 1, 'the loss is reported');
    expect(waited).toBeLessThan(IDLE_MS + LATE_MS);
    expect(lost[0]?.error.message).toMatch(/idle timeout.*800 ms/);
    expect(lost[0]?.sessionIds).toEqual(sessionIds);
    expect(sessionIds).toHaveLength(1);
    await expectNothingKept(server);
  });

  it('reports clients behind a cut cable after the idle time, and keeps nothing of them', async () => {
    const server = await stage.echo({ idleTimeoutMs: MANY_IDLE_MS });
    const lost = losses(server);
    const proxy = await stage.proxy(server);
    const clients = await Promise.all(Array.from({ length: 50 }, () => stage.connect(proxy.address, {}, NEVER)));
    await Promise.all(clients.map(async (client) => (await client.openSession()).submit('said before the cut')));
    proxy.dark = true;
    const waited = await took(() => lost.length === 50, 'every loss is reported');
    expect(waited).toBeLessThan(MANY_IDLE_MS + LATE_MS);
    for (const { error, sessionIds } of lost) {
      expect(error.message).toContain('idle timeout');
      expect(sessionIds).toHaveLength(1);
    }
    await expectNothingKept(server);
  });

  it('gives up a client that vanishes in the middle of a large result', async () => {
    const server = await stage.serve({ idleTimeoutMs: IDLE_MS });
    void server.serve({ submit: () => Buffer.alloc(30_000_000) });
    const lost = losses(server);
    const proxy = await stage.proxy(server);
    const session = await (await stage.connect(proxy.address, {}, NEVER)).openSession();
    const operation = await session.submit('much');
    operation.result().catch(() => {});
    await until(() => proxy.counts.forwarded > 100, 'the result is under way');
    proxy.dark = true;
    await until(() => lost.length === 1, 'the loss is reported');
    expect(lost[0]?.error.message).toContain('idle timeout');
    await expectNothingKept(server);
  });
});

describe('a client', () => {
  it('notices at once that its server was killed, when it says something', async () => {
    const server = QuicProcess.serve('stays');
    processes.push(server);
    const { address = '', certificate = '' } = await server.next();
    const client = await stage.connect(address, { roots: Buffer.from(certificate, 'base64') }, NEVER);
    const session = await client.openSession();
    await (await session.submit('there')).result();
    await server.kill();
    const begun = performance.now();
    // Where an acknowledgement was under way, it may know before.
    const answer = (async () => (await session.submit('not there')).result())();
    await expect(answer).rejects.toThrow(/nothing listens there \(ECONNREFUSED\)/);
    expect((await closed(client)).message).toContain('nothing listens there (ECONNREFUSED)');
    expect(performance.now() - begun).toBeLessThan(LATE_MS);
  });

  it('notices after the idle time that the cable to its server was cut, also in the middle of work', async () => {
    const server = await stage.echo();
    const proxy = await stage.proxy(server);
    const idle = await stage.connect(proxy.address, IDLE, NEVER);
    const busy = await stage.connect(proxy.address, IDLE, NEVER);
    await idle.openSession();
    const session = await busy.openSession();
    proxy.dark = true;
    const begun = performance.now();
    const answer = session.submit(Buffer.alloc(10_000_000)).then((operation) => operation.result());
    await expect(answer).rejects.toThrow(/idle timeout \(here 800 ms/);
    expect((await closed(idle)).message).toMatch(/idle timeout \(here 800 ms/);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(IDLE_MS - 50);
    expect(performance.now() - begun).toBeLessThan(IDLE_MS + LATE_MS);
  });

  it('notices a cut cable although it keeps sending signs of life', async () => {
    const server = await stage.echo();
    const proxy = await stage.proxy(server);
    const client = await stage.connect(proxy.address, { idleTimeoutMs: IDLE_MS, keepAliveMs: KEEP_ALIVE_MS }, NEVER);
    await client.openSession();
    proxy.dark = true;
    const begun = performance.now();
    expect((await closed(client)).message).toContain('idle timeout');
    expect(performance.now() - begun).toBeLessThan(IDLE_MS + LATE_MS);
  });
});

describe('an idle connection', () => {
  it('ends after the idle time without signs of life', async () => {
    const server = await stage.echo();
    const lost = losses(server);
    const client = await stage.connect(server.localAddress, IDLE, NEVER);
    await client.openSession();
    const begun = performance.now();
    expect((await closed(client)).message).toContain('idle timeout');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(IDLE_MS - 50);
    await until(() => lost.length === 1, 'the server has noticed as well');
  });

  const keepers = {
    'the client': { client: { keepAliveMs: KEEP_ALIVE_MS }, server: {} },
    'the server': { client: { keepAliveMs: 0 }, server: { keepAliveMs: KEEP_ALIVE_MS } },
  };
  for (const [keeper, options] of Object.entries(keepers)) {
    it(`lives as long as ${keeper} gives signs of life, and no longer`, async () => {
      const server = await stage.echo({ idleTimeoutMs: IDLE_MS, ...options.server });
      const proxy = await stage.proxy(server);
      const client = await stage.connect(proxy.address, { idleTimeoutMs: IDLE_MS, ...options.client }, NEVER);
      const session = await client.openSession();
      await expectToLive(client, LIVING_MS);
      await (await session.submit('still there')).result();
      proxy.dark = true;
      await closed(client);
    });
  }

  it('lives on signs of life although somebody sends in the name of the peer, which counts for nothing', async () => {
    const server = await stage.echo();
    const proxy = await stage.proxy(server);
    let spoofed: Buffer | undefined;
    proxy.filter = (datagram, direction) => {
      if (direction === 'to-client' && ((datagram[0] as number) & 0x80) === 0) {
        spoofed ??= Buffer.concat([datagram.subarray(0, 17), Buffer.alloc(50, 7)]);
      }
      return true;
    };
    const client = await stage.connect(proxy.address, { idleTimeoutMs: IDLE_MS, keepAliveMs: KEEP_ALIVE_MS });
    const session = await client.openSession();
    await until(() => spoofed !== undefined, 'the id of the client is known');
    const noise = setInterval(() => proxy.inject(Buffer.from(spoofed as Buffer), 'to-client'), 20);
    try {
      await expectToLive(client, LIVING_MS);
      await (await session.submit('still there')).result();
    } finally {
      clearInterval(noise);
    }
  });
});

/** Nothing but time proves that a connection does not end. */
async function expectToLive(client: NnrpClient, ms: number): Promise<void> {
  const signal = AbortSignal.timeout(ms);
  const ended = client.closed.then((reason) => reason.message);
  expect(await Promise.race([ended, once(signal, 'abort').then(() => 'alive')])).toBe('alive');
}
