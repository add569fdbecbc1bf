import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { NnrpClient } from 'nnrp-runtime';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UdpSocket } from '../../src/udp/udp-socket.js';
import { QuicStage } from '../support/quic-stage.js';

const stage = new QuicStage();
afterEach(() => stage.clear());

/** A server, and a network that loses all that comes from some clients' ports or goes to them, and nothing else. */
async function network() {
  const server = await stage.echo();
  const proxy = await stage.proxy(server);
  const seen = new Set<string>();
  const dead = new Set<string>();
  proxy.filter = (_, __, client) => {
    seen.add(client);
    return !dead.has(client);
  };
  const lose = () => {
    for (const client of seen) dead.add(client);
  };
  return { address: proxy.address, seen, lose };
}

describe('a network that leads one port of a client nowhere, as a router does that has forgotten its server', () => {
  it('costs a connection and no session: the client comes back from another port', async () => {
    const { address, seen, lose } = await network();
    const connector = stage.connector(address);
    const client = stage.adopt(
      await NnrpClient.connect(connector, {
        pingTimeoutMs: 300,
        keepAliveMs: 300,
        connectTimeoutMs: 3000,
        reconnectBackoffMs: 1,
      }),
    );
    const session = await client.openSession();
    for (const body of ['one', 'two']) {
      lose();
      expect((await session.request(body)).text()).toBe(body);
    }
    expect(seen.size).toBeGreaterThanOrEqual(3);
  });

  it('costs a handshake no more than that: the next one has another port', async () => {
    const { address, seen, lose } = await network();
    const connector = stage.connector(address, { handshakeTimeoutMs: 300 });
    const first = await stage.connectBy(connector);
    await first.ping();
    expect(seen.size).toBe(1);
    lose();
    await expect(connector.connect()).rejects.toThrow(/handshake took longer/);
    const again = await stage.connectBy(connector);
    await again.ping();
    expect(seen.size).toBe(2);
  });

  it('costs no port where all is well: connections of a connector share one', async () => {
    const { address, seen } = await network();
    const connector = stage.connector(address);
    const [first, second] = [await stage.connectBy(connector), await stage.connectBy(connector)];
    await Promise.all([first.ping(), second.ping()]);
    await first.close();
    await (await stage.connectBy(connector)).ping();
    expect(seen.size).toBe(1);
  });
});

describe('sockets of a connector', () => {
  /** A port that nothing answers from, and the ports that something has come from. */
  async function silence() {
    const socket = createSocket('udp4');
    const ports = new Set<number>();
    socket.on('message', (_, { port }) => ports.add(port));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return { socket, ports, address: `127.0.0.1:${socket.address().port}` };
  }

  it('are few, however often an application gives up', async () => {
    const { socket, ports, address } = await silence();
    const connector = stage.connector(address);
    for (let attempt = 0; attempt < 40; attempt++) {
      const giveUp = new AbortController();
      const connecting = connector.connect(giveUp.signal);
      await once(socket, 'message');
      giveUp.abort(new Error('given up'));
      await expect(connecting).rejects.toThrow('given up');
    }
    socket.close();
    expect(ports.size).toBeGreaterThan(1);
    expect(ports.size).toBeLessThanOrEqual(9);
  });

  it('are not closed under another attempt by one that is given up', async () => {
    const server = await stage.echo();
    const connector = stage.connector(server.localAddress);
    const giveUp = new AbortController();
    const bound = vi.spyOn(UdpSocket.prototype, 'connect').mockImplementation(function (this: UdpSocket, ...args) {
      bound.mockRestore();
      giveUp.abort(new Error('given up'));
      return this.connect(...args);
    });
    const attempts = [connector.connect(giveUp.signal), connector.connect()];
    await expect(attempts[0]).rejects.toThrow('given up');
    const transport = await attempts[1];
    await transport?.close();
  });
});
