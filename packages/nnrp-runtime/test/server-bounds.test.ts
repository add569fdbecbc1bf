import { type BoundReached, NnrpClient, NnrpServer } from 'nnrp-runtime';
import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.js';

describe('the bounds of a server', () => {
  it('are shown with what there is, what there may be and how often that was reached', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxSessionsPerConnection: 2, maxConnections: 50 });
    const client = await NnrpClient.connectTcp(server.localAddr);
    await client.openSession();
    await client.openSession();
    await expect(client.openSession()).rejects.toMatchObject({ message: expect.stringContaining('maxSessionsPer') });
    expect(server.stats()).toMatchObject({
      connections: { scope: 'server', value: 1, bound: 50, hits: 0 },
      sessions: { scope: 'server', value: 2, bound: 65_536, hits: 0 },
      connectionSessions: { scope: 'connection', value: 2, bound: 2, hits: 1 },
    });
    await client.close();
    await eventually(() => server.stats().sessions?.value === 0, 'the sessions are gone');
    await server.close();
  });

  it('are told of when they are reached, each once a second at most', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxSessions: 1, maxSessionsPerConnection: 9 });
    const reached: BoundReached[] = [];
    server.on('boundReached', (event) => reached.push(event));
    const client = await NnrpClient.connectTcp(server.localAddr);
    await client.openSession();
    for (let refused = 0; refused < 20; refused++) await expect(client.openSession()).rejects.toThrow('maxSessions');
    expect(reached[0]).toEqual({ name: 'sessions', scope: 'server', value: 1, bound: 1, hits: 1 });
    expect(reached.length).toBeLessThan(20);
    expect(server.stats().sessions?.hits).toBe(20);
    await client.close();
    await server.close();
  });
});
