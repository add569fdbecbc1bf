import { randomBytes } from 'node:crypto';
import type { NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { FIN, Opcode } from '../src/frames/frame-header.js';
import { bindWebSocket, connectWebSocket } from '../src/index.js';
import { closeFrame, frame, message } from './bare-stream.js';
import { packet } from './packets.js';
import { RawClient } from './raw-client.js';
import { connectTo, upgradeRequest } from './upgrading.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function serving(config = {}, options = {}): Promise<NnrpServer> {
  const server = await bindWebSocket('127.0.0.1:0', options, config);
  undo.push(() => server.close());
  server.serve({ submit: (operation) => operation.text() }).catch(() => {});
  return server;
}

/** An honest client is answered, whatever the others do. */
async function expectService(server: NnrpServer): Promise<void> {
  const client = await connectWebSocket(server.localAddress);
  const session = await client.openSession();
  expect((await session.request('still there')).text()).toBe('still there');
  await client.close();
}

describe('a client that sends what is not allowed is told why, and costs itself alone:', () => {
  const good = packet();

  it.each<[string, Buffer, RegExp]>([
    ['text', frame(FIN | Opcode.Text, Buffer.from('hello'), true), /^1003 .*binary/],
    ['an unmasked frame', message(good, false), /^1002 .*mask/],
    ['a message that is longer than its packet', message(Buffer.concat([good, good])), /^1007 .*80 bytes.*40/],
    ['a message that is shorter', message(packet(Buffer.alloc(9)).subarray(0, 45)), /^1007 .*45 bytes.*49/],
    ['compressed frames that were not agreed on', frame(FIN | 0x40 | Opcode.Binary, good, true), /^1002 .*reserved/],
    ['a continuation of nothing', frame(FIN, good, true), /^1002/],
    ['its own close frame', closeFrame(3456, 'I go'), /^3456/],
  ])('%s', async (_, bytes, expected) => {
    const server = await serving();
    const client = await RawClient.connect(server.localAddress);
    client.socket.write(bytes);
    expect(await client.closed()).toMatch(expected);
    await expectService(server);
  });

  it('a packet above the limit, before it has come', async () => {
    const server = await serving();
    const client = await RawClient.connect(server.localAddress);
    // 3 GiB are announced, and little is sent.
    const head = Buffer.from('827f00000000c000000011223344', 'hex');
    head[1] = 0xff;
    const length = 0xc000_0000;
    const start = packet();
    start.writeUInt32LE(length - 40, 16);
    client.socket.write(Buffer.concat([head, start.map((byte, index) => byte ^ (0x11 + 0x11 * (index % 4)))]));
    expect(await client.closed()).toMatch(/^1009/);
    await expectService(server);
  });

  it('bytes at random, thousands of times', async () => {
    const server = await serving();
    for (let round = 0; round < 40; round++) {
      const clients = await Promise.all(Array.from({ length: 25 }, () => RawClient.connect(server.localAddress)));
      await Promise.all(
        clients.map(async (client, index) => {
          const good = message(packet(randomBytes(index)));
          const bytes = index % 2 === 0 ? randomBytes(200) : Buffer.concat([good, good]);
          const at = Math.floor(Math.random() * bytes.length);
          if (index % 2 === 1) bytes[at] = (bytes[at] as number) ^ (1 << (index % 8));
          client.socket.end(bytes);
          await client.closed();
        }),
      );
    }
    await expectService(server);
    expect(server.connectionCount).toBeLessThan(2);
  }, 60_000);
});

describe('pings', () => {
  it('are answered, the last one for all that have come while the peer takes nothing', async () => {
    const server = await serving();
    const client = await RawClient.connect(server.localAddress);
    const pongs: string[] = [];
    client.socket.on('data', (chunk: Buffer) => pongs.push(chunk.toString('latin1')));
    client.socket.write(frame(FIN | Opcode.Ping, Buffer.from('are you there'), true));
    await expect.poll(() => pongs.join('')).toContain('are you there');
    client.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 5000 }, () => frame(FIN | Opcode.Ping, Buffer.alloc(125), true)));
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 40; round++) client.socket.write(flood);
    await expectService(server);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    client.socket.destroy();
  });
});

describe('peers without an upgrade', () => {
  it('are cut when their time is up, whatever they send', async () => {
    const failures: string[] = [];
    const server = await serving(
      {},
      { handshakeTimeoutMs: 300, onHandshakeFailure: (error: Error) => failures.push(error.message) },
    );
    const silent = await connectTo(server.localAddress);
    const slow = await connectTo(server.localAddress);
    const timer = setInterval(() => slow.write('x'), 20);
    slow.on('error', () => {});
    slow.write('GET / HTTP/1.1\r\nx: ');
    await Promise.all([silent, slow].map((socket) => new Promise((resolve) => socket.resume().on('close', resolve))));
    clearInterval(timer);
    expect(failures.join()).toMatch(/no WebSocket upgrade within 300 ms/);
    await expectService(server);
  });

  it('make room for others, those first of one address that has its fill', async () => {
    const server = await serving({}, { maxHandshakes: 20, maxHandshakesPerAddress: 10 });
    const sockets = await Promise.all(Array.from({ length: 200 }, () => connectTo(server.localAddress)));
    for (const socket of sockets) socket.on('error', () => {}).resume();
    await expect.poll(() => server.stats().waitingWebSocketHandshakes).toMatchObject({ value: 190, bound: 1024 });
    expect(server.stats().addressWebSocketHandshakes).toMatchObject({
      scope: 'address',
      value: 10,
      bound: 10,
      hits: 190,
    });
    // The newest of those that wait, as soon as one has had its second.
    await expectService(server);
    await expect.poll(() => sockets.filter((socket) => socket.closed).length, { timeout: 10_000 }).toBeGreaterThan(100);
    for (const socket of sockets) socket.destroy();
  });

  it('upgrade and send nothing: 1,000 of them are bounded as over TCP', async () => {
    const server = await serving({ maxConnections: 50 });
    const clients = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const socket = await connectTo(server.localAddress);
        socket.on('error', () => {}).resume();
        socket.write(upgradeRequest());
        return socket;
      }),
    );
    await expect.poll(() => clients.filter((socket) => socket.closed).length, { timeout: 20_000 }).toBeGreaterThan(900);
    expect(server.connectionCount).toBeLessThanOrEqual(51);
    await expectService(server);
    for (const socket of clients) socket.destroy();
  }, 60_000);
});
