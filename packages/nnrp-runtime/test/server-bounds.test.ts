import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type BoundReached, NnrpClient, NnrpServer } from '../src/index.js';
import { eventually } from './eventually.js';
import { packetBytes } from './wire-packets.js';

describe('the bounds of a server', () => {
  it('are shown with what there is, what there may be and how often that was reached', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxSessionsPerConnection: 2, maxConnections: 50 });
    const client = await NnrpClient.connectTcp(server.localAddress);
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
    const client = await NnrpClient.connectTcp(server.localAddress);
    await client.openSession();
    for (let refused = 0; refused < 20; refused++) await expect(client.openSession()).rejects.toThrow('maxSessions');
    expect(reached[0]).toEqual({ name: 'sessions', scope: 'server', value: 1, bound: 1, hits: 1 });
    expect(reached.length).toBeLessThan(20);
    expect(server.stats().sessions?.hits).toBe(20);
    await client.close();
    await server.close();
  });

  it('count connections that are being closed until they are gone, and cut the oldest of them to make room', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxConnections: 3 });
    const strangers = [0, 1, 2].map(() => {
      const port = Number(server.localAddress.split(':')[1]);
      const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => {});
      // A rule is broken; it is told so, but neither ends its side nor stops sending.
      socket.write(Buffer.alloc(40, 0xff));
      const timer = setInterval(() => socket.write('N'), 50);
      socket.on('close', () => clearInterval(timer));
      return socket;
    });
    await eventually(() => server.stats().closingConnections?.value === 3, 'all are being closed');
    expect(server.connectionCount).toBe(3);
    expect(server.stats()).toMatchObject({ connections: { value: 3, bound: 3 }, closingConnections: { hits: 0 } });

    const client = await NnrpClient.connectTcp(server.localAddress, { closeTimeoutMs: 100 });
    await client.openSession();
    expect(server.stats()).toMatchObject({ connections: { hits: 0 }, closingConnections: { value: 2, hits: 1 } });
    expect(server.connectionCount).toBe(3);
    await eventually(() => server.connectionCount === 1, 'the others are cut, whatever they send');
    expect(server.stats().closingConnections).toMatchObject({ value: 0, hits: 1 });
    await client.close();
    await server.close();
    for (const socket of strangers) socket.destroy();
  });

  it('refuse a connection when there is no room and nobody is on the way out', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxConnections: 1 });
    const client = await NnrpClient.connectTcp(server.localAddress, { closeTimeoutMs: 100 });
    await client.openSession();
    const second = await NnrpClient.connectTcp(server.localAddress, { closeTimeoutMs: 100 });
    await expect(second.openSession()).rejects.toThrow();
    expect(server.stats()).toMatchObject({ connections: { value: 1, hits: 1 }, closingConnections: { hits: 0 } });
    await client.close();
    await server.close();
  });

  it('cut a stranger that has said nothing at once, and let one that was told something end', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { handshakeTimeoutMs: 50 });
    const port = Number(server.localAddress.split(':')[1]);
    const connected = (said: Uint8Array) => {
      const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => {}).write(said);
      return socket;
    };
    const silent = connected(packetBytes(0x20).subarray(0, 20));
    const asking = connected(packetBytes(0x20));
    await eventually(() => server.stats().closingConnections?.value === 1, 'only one takes time');
    expect(server.connectionCount).toBe(1);
    asking.end();
    await eventually(() => server.connectionCount === 0, 'it has ended');
    silent.destroy();
    await server.close();
  });
});
