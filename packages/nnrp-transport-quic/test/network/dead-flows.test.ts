import { NnrpClient } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
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
