import type { SessionOpenContext } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { QuicStage } from './quic-stage.js';
import { until } from './until.js';

const CONNECTIONS = 1000;

const stage = new QuicStage();
afterEach(() => stage.clear());

describe('one socket at either end', () => {
  it('carries 1,000 connections, each with a session that is answered, and nothing is left of them', async () => {
    const addresses = new Set<string>();
    const applicationPolicy = {
      validateSessionOpen: (_open: unknown, context: SessionOpenContext) => void addresses.add(context.remoteAddress),
    };
    const server = await stage.echo(
      { handshakeTimeoutMs: 60_000 },
      {
        handshakeTimeoutMs: 60_000,
        maxSessions: 2 * CONNECTIONS,
        maxConnections: 2 * CONNECTIONS,
        applicationPolicy,
      },
    );
    const connector = stage.connector(server.localAddr, { handshakeTimeoutMs: 60_000 });
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, index) => {
        const client = await stage.connectBy(connector, { openTimeoutMs: 60_000 });
        const session = await client.openSession();
        const { body } = await (await session.submit(`body ${index}`)).result();
        expect(new TextDecoder().decode(body)).toBe(`body ${index}`);
        return client;
      }),
    );
    expect([server.connectionCount, server.sessionCount, addresses.size]).toEqual([CONNECTIONS, CONNECTIONS, 1]);
    await Promise.all(clients.map((client) => client.close()));
    await until(() => server.connectionCount === 0 && stage.inside(server).connections === 0, 'all are gone', 60_000);
    expect([server.sessionCount, stage.inside(server).routes]).toEqual([0, 0]);
  }, 120_000);

  it('is made anew for the next connection when the last one is gone', async () => {
    const server = await stage.echo();
    const connector = stage.connector(server.localAddr);
    for (let turn = 0; turn < 3; turn++) {
      const client = await stage.connectBy(connector);
      const session = await client.openSession();
      await (await session.submit('x')).result();
      await client.close();
      await until(() => stage.inside(server).connections === 0, 'the connection is gone');
    }
  });
});
