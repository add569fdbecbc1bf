import { describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import { NnrpServer } from '../../../src/server/server.js';
import type { FramedTransport } from '../../../src/transport/contract/contract.js';
import { TcpConnector } from '../../../src/transport/tcp/tcp.js';
import { registerTransport } from '../../../src/transport/url/registry.js';
import { eventually } from '../../support/eventually.js';
import { freePath } from '../ipc/ipc-carrier.js';
import { atEnd, CERTIFIED, closedPort, connect, Relay, serve, silent, TRUSTING } from './ways.js';

/** Attempts that are not given up last longer than a test waits for their end. */
const PATIENT = { ...TRUSTING, connectTimeoutMs: 60_000 };

const PLAIN = { connectTimeoutMs: 60_000 };

/** A server over TLS, and two ways to it. */
async function twoWays() {
  const server = await serve(['nnrps://127.0.0.1:0'], { ...CERTIFIED, handshakeTimeoutMs: 60_000 });
  const [first, second] = [
    await Relay.before(`nnrps://${server.localAddress}`),
    await Relay.before(`nnrps://${server.localAddress}`),
  ];
  return { server, first, second, addresses: [first.address, second.address] };
}

const resumed = (client: NnrpClient) => new Promise((resolve) => client.once('resumed', resolve));

describe('a way that is blocked', () => {
  it('is overtaken by the next, closed, and leaves no connection on its server', async () => {
    const { server, first, second, addresses } = await twoWays();
    first.mode = 'be silent';
    const client = await connect(addresses, PATIENT);
    expect([client.remoteAddress, first.count, second.count]).toEqual([second.remoteAddress, 1, 1]);
    await eventually(() => first.clients.size === 0, 'the socket of the loser is closed');
    expect(server.connectionCount).toBe(1);
  });

  it('leaves none either when its connection comes about all the same', async () => {
    const server = await serve(['nnrp://127.0.0.1:0']);
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const made: FramedTransport[] = [];
    registerTransport({
      scheme: 'test+late',
      isEncrypted: false,
      connector: () => ({
        kind: 'late',
        connect: async () => {
          await gate;
          const transport = await new TcpConnector(server.localAddress).connect();
          made.push(transport);
          return transport;
        },
      }),
    });
    const client = await connect(['test+late://a:1', `nnrp://${server.localAddress}`]);
    expect(client.toJSON()).toMatchObject({ transport: 'tcp' });
    await client.openSession();
    release();
    await eventually(() => made.length === 1, 'the late one has connected');
    await eventually(() => server.connectionCount === 1, 'the late one is gone from the server');
    expect(client.remoteAddress).toBe(server.localAddress);
  });

  it('is given up with all others by a signal, in the middle of the race', async () => {
    const { first, second, addresses } = await twoWays();
    first.mode = 'be silent';
    second.mode = 'be silent';
    const giveUp = new AbortController();
    const connecting = NnrpClient.connect(addresses, { ...PATIENT, signal: giveUp.signal });
    connecting.catch(() => {});
    await eventually(() => first.clients.size + second.clients.size === 2, 'both attempts are under way');
    giveUp.abort(new Error('changed my mind'));
    await expect(connecting).rejects.toThrow('changed my mind');
    await eventually(() => first.clients.size + second.clients.size === 0, 'both sockets are closed');
    expect([first.count, second.count]).toEqual([1, 1]);
  });

  it('is left for the next when it takes connections and ends them, also the first one of a client', async () => {
    const server = await serve(['nnrp://127.0.0.1:0']);
    const [first, second] = [
      await Relay.before(`nnrp://${server.localAddress}`),
      await Relay.before(`nnrp://${server.localAddress}`),
    ];
    first.mode = 'hang up';
    const client = await connect([first.address, second.address], PLAIN);
    const session = await client.openSession();
    expect((await session.request('hello')).text()).toBe('hello');
    expect([first.count, client.remoteAddress]).toEqual([1, second.remoteAddress]);

    // Where none is left, the client ends.
    second.mode = 'hang up';
    const lost = await connect([first.address, second.address], PLAIN);
    expect(await lost.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(first.count + second.count).toBeLessThanOrEqual(6);
  });

  it.each([
    ['be silent', {}],
    ['be silent', { hello: true }],
    ['be silent', { revision: 'auto' }],
    ['speak HTTP', {}],
    ['speak HTTP', { hello: true }],
    ['speak HTTP', { revision: 'auto' }],
    ['speak half NNRP', {}],
    ['speak half NNRP', { hello: true }],
    ['speak half NNRP', { revision: 'auto' }],
    ['declare too much', {}],
    ['declare too much', { hello: true }],
    ['declare too much', { revision: 'auto' }],
  ] as const)('is left for the next when it takes connections to %s, with %o', async (mode, config) => {
    const server = await serve(['nnrp://127.0.0.1:0']);
    const [first, second] = [
      await Relay.before(`nnrp://${server.localAddress}`),
      await Relay.before(`nnrp://${server.localAddress}`),
    ];
    first.mode = mode;
    const client = await connect([first.address, second.address], { connectTimeoutMs: 1000, ...config });
    const session = await client.openSession();
    expect((await session.request('hello')).text()).toBe('hello');
    expect([first.count, client.remoteAddress]).toEqual([1, second.remoteAddress]);
    await eventually(() => first.clients.size === 0, 'the socket to what is no server is closed');
  });

  it.each([{}, { hello: true }, { revision: 'auto' }] as const)(
    'is left, however many there are, with %o',
    async (config) => {
      const server = await serve(['nnrp://127.0.0.1:0']);
      const address = `nnrp://${server.localAddress}`;
      const relays: Relay[] = [];
      for (let count = 0; count < 4; count++) {
        const relay = await Relay.before(address);
        relay.mode = count % 2 === 0 ? 'speak HTTP' : 'hang up';
        relays.push(relay);
      }
      const client = await connect([...relays.map((relay) => relay.address), address], {
        connectTimeoutMs: 2000,
        ...config,
      });
      expect((await (await client.openSession()).request('hello')).text()).toBe('hello');
      expect(relays.map(({ count }) => count)).toEqual([1, 1, 1, 1]);
    },
  );

  it('is kept when it is the only one, however long it thinks', async () => {
    const server = await serve(['nnrp://127.0.0.1:0']);
    const relay = await Relay.before(`nnrp://${server.localAddress}`);
    relay.delayMs = 300;
    const client = await connect([relay.address], { connectTimeoutMs: 200 });
    await client.openSession();
    expect(relay.count).toBe(1);
  });

  it('is not tried first after a loss, and another one is taken over when it is blocked in turn', async () => {
    const { first, second, addresses } = await twoWays();
    first.mode = 'be silent';
    const client = await connect(addresses, PATIENT);
    const session = await client.openSession();
    let back = resumed(client);
    second.cut();
    await back;
    expect([first.count, second.count]).toEqual([1, 2]);

    first.mode = 'pass on';
    second.mode = 'be silent';
    back = resumed(client);
    second.cut();
    await back;
    expect([client.remoteAddress, first.count, second.count]).toEqual([first.remoteAddress, 2, 3]);
    expect((await session.request('hello')).text()).toBe('hello');
  });
});

describe('sessions whose way is lost', () => {
  it('go on over whichever answers first, as the same ones, and nothing is lost or comes twice', async () => {
    const server = await NnrpServer.listen(['nnrps://127.0.0.1:0'], CERTIFIED);
    atEnd(() => server.close());
    const submits: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    server.serve({
      submit: async (operation) => {
        submits.push(operation.text());
        await gate;
        return operation.text();
      },
    });
    const first = await Relay.before(`nnrps://${server.localAddress}`);
    const second = await Relay.before(`nnrps://${server.localAddress}`);
    const client = await connect([first.address, second.address], PATIENT);
    const session = await client.openSession();
    const id = session.sessionId;
    const texts = ['one', 'two', 'three'];
    const answers = texts.map((text) => session.request(text));
    // The third waits for its turn: the server takes two at once.
    await eventually(() => submits.length === 2, 'two submits are with the server');
    const back = resumed(client);
    first.mode = 'be silent';
    first.cut();
    const more = session.request('four');
    await back;
    expect([client.remoteAddress, first.count, second.count]).toEqual([second.remoteAddress, 2, 1]);
    release();
    expect((await Promise.all([...answers, more])).map((result) => result.text())).toEqual([...texts, 'four']);
    expect([session.sessionId, submits]).toEqual([id, [...texts, 'four']]);
    await eventually(() => first.clients.size === 0, 'the blocked attempt is closed');
  });
});

describe('transportPolicy', () => {
  async function tcpAndIpc() {
    const server = await serve([`unix:${freePath()}`]);
    const [tcp, ipc] = [await Relay.before(server.localAddress), await Relay.before(server.localAddress, freePath())];
    return { tcp, ipc, addresses: [tcp.address, ipc.address] };
  }

  it("'auto' keeps the order that is given", async () => {
    const { tcp, ipc, addresses } = await tcpAndIpc();
    await connect(addresses, { transportPolicy: 'auto' });
    expect([tcp.count, ipc.count]).toEqual([1, 0]);
  });

  it.each([{ prefer: 'ipc' }, { force: 'ipc' }])(
    '%o begins with that kind, and asks no other',
    async (transportPolicy) => {
      const { tcp, ipc, addresses } = await tcpAndIpc();
      const client = await connect(addresses, { transportPolicy });
      expect(client.toJSON()).toMatchObject({ transport: 'ipc' });
      const session = await client.openSession();
      const back = resumed(client);
      ipc.cut();
      await back;
      expect((await session.request('hello')).text()).toBe('hello');
      expect([tcp.count, ipc.count]).toEqual([0, 2]);
    },
  );

  it('falls back from a kind that is preferred, and not from one that is forced', async () => {
    const { tcp, addresses } = await tcpAndIpc();
    const gone = `unix:${freePath()}`;
    const [to = ''] = addresses;
    expect((await connect([to, gone], { transportPolicy: { prefer: 'ipc' } })).toJSON()).toMatchObject({
      transport: 'tcp',
    });
    const forced = NnrpClient.connect([to, gone], { transportPolicy: { force: 'ipc' } });
    await expect(forced).rejects.toThrow(`cannot connect to ${gone}: no socket is there`);
    const both = NnrpClient.connect([to, gone, `${gone}2`], { transportPolicy: { force: 'ipc' } });
    await expect(both).rejects.toThrow(new RegExp(`no address can be connected to: ${gone}: .*; ${gone}2: `));
    expect(tcp.count).toBe(1);
  });

  it.each([{ prefer: 'quic' }, { force: 'quic' }])(
    '%o is refused where no address has that kind',
    async (transportPolicy) => {
      const { tcp, ipc, addresses } = await tcpAndIpc();
      for (const where of [addresses, addresses[0] as string])
        await expect(NnrpClient.connect(where, { transportPolicy })).rejects.toThrow(
          /USAGE.*transportPolicy: no address is of the kind 'quic'; expected one of tcp/,
        );
      expect([tcp.count, ipc.count]).toEqual([0, 0]);
    },
  );

  it.each<[unknown, RegExp]>([
    ['quic', /transportPolicy takes 'auto', \{ prefer: KIND \} or \{ force: KIND \}, got 'quic'/],
    [null, /transportPolicy takes 'auto'.*got null/],
    [{}, /transportPolicy takes 'auto'.*got neither/],
    [{ prefer: 'tcp', force: 'tcp' }, /transportPolicy takes 'auto'.*got both/],
    [{ force: 3 }, /transportPolicy takes 'auto'.*got/],
    [{ forced: 'tcp' }, /transportPolicy: there is no option 'forced'; did you mean force\?/],
  ])('%o is refused', async (transportPolicy, message) => {
    const connecting = NnrpClient.connect('127.0.0.1:1', { transportPolicy } as object);
    await expect(connecting).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE', message: expect.stringMatching(message) });
  });

  it('and measureTransports mean nothing for a connector', async () => {
    const connector = { kind: 'tcp', connect: () => Promise.reject(new Error('not asked')) };
    for (const option of [{ transportPolicy: 'auto' }, { measureTransports: true }])
      await expect(NnrpClient.connect(connector, option as object)).rejects.toThrow(/USAGE.*there is no option/);
  });

  it('never mixes plain and encrypted addresses, whatever is preferred, forced or measured', async () => {
    const { server, addresses } = await twoWays();
    const [sealed = ''] = addresses;
    const plain = await Relay.before(`nnrp://${server.localAddress}`);
    for (const option of [
      { transportPolicy: { prefer: 'tcp' } },
      { transportPolicy: { force: 'tcp' } },
      { transportPolicy: 'auto' },
      { measureTransports: true },
    ] as const)
      for (const mixed of [
        [sealed, plain.address],
        [plain.address, sealed],
      ])
        await expect(NnrpClient.connect(mixed, { ...TRUSTING, ...option })).rejects.toThrow(
          /USAGE.*is not encrypted and nnrps:.* is/,
        );
    // One that encrypts and cannot be proved is no reason for another sort of connection.
    const unproved = NnrpClient.connect([await silent(), sealed, await closedPort('nnrps')], {
      connectTimeoutMs: 1000,
    });
    await expect(unproved).rejects.toThrow(/said nothing since; .*certificate.*; .*ECONNREFUSED/);
    expect([plain.count, server.connectionCount]).toEqual([0, 0]);
  });
});
