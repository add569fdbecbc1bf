import { setTimeout as passing } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import { TcpConnector } from '../../../src/transport/tcp/tcp.js';
import { registerTransport } from '../../../src/transport/url/registry.js';
import { eventually } from '../../support/eventually.js';
import { closedPort, connect, Relay, serve } from './ways.js';

/** No time limit of either side ends a connection while a test waits for its end. */
const LONG_MS = 60_000;
const MEASURED = { measureTransports: true, connectTimeoutMs: LONG_MS };
/** More than a probe takes on this machine, and less than the time in which the others may answer, too. */
const SLOW_MS = 100;

async function slowAndFast() {
  const server = await serve(['nnrp://127.0.0.1:0'], { handshakeTimeoutMs: LONG_MS });
  const [slow, fast] = [
    await Relay.before(`nnrp://${server.localAddress}`),
    await Relay.before(`nnrp://${server.localAddress}`),
  ];
  slow.delayMs = SLOW_MS;
  return { server, slow, fast };
}

const resumed = (client: NnrpClient) => new Promise((resolve) => client.once('resumed', resolve));

describe('measureTransports', () => {
  it.each(['the first', 'the last'])('takes the fastest address, also as %s; the others are closed', async (where) => {
    const { server, slow, fast } = await slowAndFast();
    const addresses = [slow.address, fast.address];
    const client = await connect(where === 'the last' ? addresses : addresses.reverse(), MEASURED);
    expect([client.remoteAddress, slow.count, fast.count]).toEqual([fast.remoteAddress, 1, 1]);
    const session = await client.openSession();
    expect((await session.request('hello')).text()).toBe('hello');
    await eventually(() => server.connectionCount === 1, 'the slow one is gone from the server');
    expect([slow.clients.size, fast.clients.size]).toEqual([0, 1]);

    // After a loss whichever answers first is taken, without probes.
    const back = resumed(client);
    fast.close();
    await back;
    expect([client.remoteAddress, slow.count]).toEqual([slow.remoteAddress, 2]);
    expect((await session.request('hello')).text()).toBe('hello');
  });

  it('does not wait for one that connects and answers no probe', async () => {
    const { slow, fast } = await slowAndFast();
    slow.mode = 'be silent';
    const client = await connect([slow.address, fast.address], MEASURED);
    expect(client.remoteAddress).toBe(fast.remoteAddress);
    await eventually(() => slow.clients.size === 0, 'the silent one is closed');
  });

  it('works where a hello goes first', async () => {
    const { slow, fast } = await slowAndFast();
    const client = await connect([slow.address, fast.address], {
      ...MEASURED,
      hello: true,
      transportPolicy: { force: 'tcp' },
    });
    expect(client.remoteAddress).toBe(fast.remoteAddress);
    await client.openSession();
    expect(client.serverHello).toBeDefined();
  });

  it('races without probes when no server knows them', async () => {
    const { server, slow, fast } = await slowAndFast();
    for (const relay of [slow, fast]) relay.mode = 'hang up when spoken to';
    const connecting = connect([slow.address, fast.address], MEASURED);
    await eventually(() => slow.count + fast.count === 2, 'both have been probed');
    for (const relay of [slow, fast]) relay.mode = 'pass on';
    const client = await connecting;
    const session = await client.openSession();
    expect((await session.request('hello')).text()).toBe('hello');
    await eventually(() => server.connectionCount === 1, 'there is one connection');
  });

  it('waits for one that connects later than another has left its probe without an answer', async () => {
    const { server, fast } = await slowAndFast();
    fast.mode = 'be silent';
    registerTransport({
      scheme: 'test+later',
      isEncrypted: false,
      connector: () => ({
        kind: 'later',
        connect: async () => {
          // Beyond the probe, which has a third of the time, and the 250 ms that an answer gives to others.
          await passing(1100);
          return new TcpConnector(server.localAddress).connect();
        },
      }),
    });
    const client = await connect([fast.address, 'test+later://a:1'], { ...MEASURED, connectTimeoutMs: 2100 });
    expect(client.toJSON()).toMatchObject({ remoteAddress: server.localAddress });
    await eventually(() => fast.clients.size === 0, 'the silent one is closed');
  });

  it('keeps a connection on which no probe was answered, within the whole time', async () => {
    const { slow, fast } = await slowAndFast();
    slow.mode = 'be silent';
    fast.mode = 'be silent';
    const one = await connect([slow.address, fast.address], { ...MEASURED, connectTimeoutMs: 900 });
    expect([slow.remoteAddress, fast.remoteAddress]).toContain(one.remoteAddress);
    expect([slow.count, fast.count]).toEqual([1, 1]);
  });

  it('takes none that has ended after its answer', async () => {
    const { slow, fast } = await slowAndFast();
    const connecting = connect([fast.address, slow.address], MEASURED);
    await eventually(() => fast.answers === 1, 'the fast one has answered');
    fast.close();
    const client = await connecting;
    expect(client.remoteAddress).toBe(slow.remoteAddress);
    expect((await (await client.openSession()).request('hello')).text()).toBe('hello');
  });

  it('names each address with its reason when none can be connected to', async () => {
    const addresses = [await closedPort(), await closedPort()];
    await expect(NnrpClient.connect(addresses, MEASURED)).rejects.toThrow(
      `no address can be connected to: ${addresses[0]}: cannot connect to`,
    );
  });

  it('is given up by a signal, and leaves no connection', async () => {
    const { server, slow, fast } = await slowAndFast();
    slow.mode = 'be silent';
    fast.mode = 'be silent';
    const giveUp = new AbortController();
    const connecting = NnrpClient.connect([slow.address, fast.address], { ...MEASURED, signal: giveUp.signal });
    connecting.catch(() => {});
    await eventually(() => slow.clients.size + fast.clients.size === 2, 'both are being probed');
    giveUp.abort(new Error('changed my mind'));
    await expect(connecting).rejects.toThrow('changed my mind');
    await eventually(() => slow.clients.size + fast.clients.size === 0, 'both are closed');
    expect(server.connectionCount).toBe(0);
  });

  it('contradicts a preference, and takes true or false', async () => {
    const asking = (option: object) => NnrpClient.connect(['127.0.0.1:1', '127.0.0.1:2'], option);
    await expect(asking({ ...MEASURED, transportPolicy: { prefer: 'tcp' } })).rejects.toThrow(
      /USAGE.*measureTransports takes the fastest address, so transportPolicy can prefer none/,
    );
    await expect(asking({ measureTransports: 1 })).rejects.toThrow(
      /USAGE.*measureTransports takes true or false, got 1/,
    );
  });
});
