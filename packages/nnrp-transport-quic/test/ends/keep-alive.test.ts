import { setTimeout as passing } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { QuicStage } from '../support/quic-stage.js';

const stage = new QuicStage();
afterEach(() => stage.clear());

describe('a connection on which nothing is said', () => {
  it.each([
    ['at a server that gives up sooner than its client would say something', { idleTimeoutMs: 400 }, {}],
    [
      'with little time between two signs of life and the end',
      { idleTimeoutMs: 1200 },
      { idleTimeoutMs: 1200, keepAliveMs: 900 },
    ],
  ])('lives on, %s', async (_, ofServer, ofClient) => {
    const server = await stage.echo(ofServer);
    const client = await stage.connect(server.localAddress, ofClient);
    const session = await client.openSession();
    // Silence is the matter of this test.
    await passing(2500);
    expect((await (await session.submit('x')).result()).body.length).toBe(1);
    expect(server.connectionCount).toBe(1);
  });
});
