import { setTimeout as passing } from 'node:timers/promises';
import { UsageError } from 'nnrp-core';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import { NnrpServer } from '../../src/server/server.js';
import type { FramedListener, FramedTransport } from '../../src/transport/contract/contract.js';
import { MemoryListener } from '../../src/transport/memory.js';
import { TcpConnector, TcpListener } from '../../src/transport/tcp/tcp.js';
import { TlsListener } from '../../src/transport/tls/tls.js';
import { issue } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';

const ANY_PORT = '127.0.0.1:0';
const root = await issue({ name: 'CN=root', authority: true, ips: ['127.0.0.1'] });
const TLS = { certificateChain: root.certificate, privateKey: root.key };

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

function kept(server: NnrpServer): NnrpServer {
  cleanup.push(() => server.close());
  return server;
}

async function connected(client: Promise<NnrpClient>): Promise<NnrpClient> {
  const there = await client;
  cleanup.push(() => there.close());
  return there;
}

/** A server on TCP, on TLS and in memory. */
async function serve(config: NnrpServerOptions = {}) {
  const memory = new MemoryListener();
  const server = kept(
    await NnrpServer.listenOn(
      [(options) => TcpListener.bind(ANY_PORT, options), TlsListener.bind(ANY_PORT, TLS), memory],
      { drainTimeoutMs: 0, ...config },
    ),
  );
  const [tcp = '', tls = ''] = server.endpoints.map(({ localAddress }) => localAddress);
  const ways = {
    tcp: () => connected(NnrpClient.connectTcp(tcp)),
    tls: () => connected(NnrpClient.connectTls(tls, { roots: root.certificate })),
    memory: async () => connected(Promise.resolve(NnrpClient.fromTransport(await memory.connect()))),
  };
  return { server, memory, tcp, tls, ways };
}

/** A listener that fails when it is told to. */
class BreakableListener implements FramedListener {
  readonly kind = 'memory';
  readonly address = 'breakable';
  isClosed = false;
  private breakIt: (error: Error) => void = () => {};
  private readonly broken = new Promise<never>((_, reject) => {
    this.breakIt = reject;
  });

  accept(): Promise<FramedTransport> {
    return this.broken;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  break(): void {
    this.breakIt(new Error('the cable is cut'));
  }
}

describe('a server of several listeners', () => {
  it('serves the clients of all of them, with one table of sessions', async () => {
    const { server, ways } = await serve();
    const serving = server.serve({ submit: ({ body }) => body });
    const clients = await Promise.all([ways.tcp(), ways.tls(), ways.memory()]);
    const sessions = await Promise.all(clients.map((client) => client.openSession({ defaultDeadlineMs: 0 })));
    const texts = sessions.map(async (session, index) => (await (await session.submit(`${index}`)).result()).text());
    expect(await Promise.all(texts)).toEqual(['0', '1', '2']);
    expect(new Set(sessions.map(({ sessionId }) => sessionId)).size).toBe(3);
    expect([server.sessionCount, server.connectionCount]).toEqual([3, 3]);
    await server.close();
    await serving;
    expect(server.endpoints.map(({ isListening }) => isListening)).toEqual([false, false, false]);
  });

  it('says where it listens', async () => {
    const { server, tcp } = await serve();
    expect(server.endpoints.map(({ kind, isListening }) => [kind, isListening])).toEqual([
      ['tcp', true],
      ['tcp', true],
      ['memory', true],
    ]);
    expect(server.localAddress).toBe(tcp);
    expect(server.config.transport).toBe('tcp');
    expect(JSON.parse(JSON.stringify(server))).toMatchObject({
      localAddress: tcp,
      endpoints: [{ kind: 'tcp' }, { kind: 'tcp' }, { kind: 'memory', localAddress: 'memory', isListening: true }],
    });
    expect(Object.isFrozen(server.endpoints)).toBe(true);
  });

  it('hands its limits to what makes a listener', async () => {
    const given: unknown[] = [];
    const server = kept(
      await NnrpServer.listenOn(
        [
          (options) => {
            given.push(options);
            return new MemoryListener();
          },
        ],
        { maxPacketBytes: 4096, stallTimeoutMs: 77 },
      ),
    );
    expect(given).toEqual([{ maxPacketBytes: 4096, highWaterBytes: 1024 * 1024, stallTimeoutMs: 77 }]);
    expect(server.localAddress).toBe('memory');
  });

  it('counts connections over all of them', async () => {
    const { server, ways } = await serve({ maxConnections: 2 });
    const clients = [await ways.tcp(), await ways.tls()];
    for (const client of clients) await client.openSession();
    const third = await ways.memory();
    await expect(third.openSession()).rejects.toMatchObject({ name: 'PeerError' });
    expect(server.stats().connections?.hits).toBe(1);
  });

  it('counts the guesses of one address over all of them', async () => {
    let asked = 0;
    const { ways } = await serve({
      refusalsPerAddress: 2,
      refusalPauseMs: 60_000,
      authorize: () => {
        asked++;
        return false;
      },
    });
    for (const way of [ways.tcp, ways.tls, ways.tcp, ways.tls, ways.tcp, ways.tls]) {
      const opening = way().then((client) => client.openSession());
      await expect(opening).rejects.toThrow();
    }
    // The one that goes over the limit is still asked about.
    expect(asked).toBe(3);
  });

  it('has one bound of a name that several of them keep, and tells of the fullest', async () => {
    const { server } = await serve();
    expect(server.stats().acceptQueue).toEqual({ scope: 'server', value: 0, bound: 1024, hits: 0 });
    expect(server.stats().tlsHandshakes).toBeDefined();
  });

  it('goes on when one of them fails, and tells of it', async () => {
    const breakable = new BreakableListener();
    const server = kept(await NnrpServer.listenOn([breakable, TcpListener.bind(ANY_PORT)], { drainTimeoutMs: 0 }));
    const failures: string[] = [];
    server.on('listenerFailed', (error) => failures.push(error.message));
    const serving = server.serve({ submit: ({ body }) => body });
    breakable.break();
    await eventually(() => failures.length === 1, 'the event');
    expect(failures).toEqual([expect.stringContaining('listener breakable: the cable is cut')]);
    const [first, second] = server.endpoints;
    expect([first?.isListening, second?.isListening]).toEqual([false, true]);
    const client = await connected(NnrpClient.connectTcp(second?.localAddress ?? ''));
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    expect((await (await session.submit('x')).result()).text()).toBe('x');
    await server.close();
    await serving;
    expect(breakable.isClosed).toBe(true);
  });

  it('is over with the last of them', async () => {
    const [one, other] = [new BreakableListener(), new BreakableListener()];
    const server = kept(await NnrpServer.listenOn([one, other], { drainTimeoutMs: 0 }));
    const failures: string[] = [];
    server.on('listenerFailed', (error) => failures.push(error.message));
    const serving = server.serve({ submit: () => {} });
    one.break();
    await eventually(() => failures.length === 1, 'the first event');
    other.break();
    await expect(serving).rejects.toThrow('listener breakable: the cable is cut');
    expect(failures).toHaveLength(2);
  });

  it('closes all of them', async () => {
    const { server, tcp, memory } = await serve();
    await server.close();
    await expect(new TcpConnector(tcp).connect()).rejects.toThrow();
    await expect(memory.connect()).rejects.toThrow();
  });
});

describe('renew', () => {
  it('goes to the one listener that has a certificate', async () => {
    const { server } = await serve();
    expect(() => server.renew(TLS)).not.toThrow();
    expect(() => server.renew({ certificateChain: 'x' })).toThrow(UsageError);
  });

  it('asks which one when several have', async () => {
    const server = kept(await NnrpServer.listenOn([TlsListener.bind(ANY_PORT, TLS), TlsListener.bind(ANY_PORT, TLS)]));
    expect(() => server.renew(TLS)).toThrow(/have certificates: call renew of one of server.endpoints/);
    const [first] = server.endpoints;
    expect(() => first?.renew(TLS)).not.toThrow();
    expect(() => first?.renew(null as never)).toThrow('expected an object with certificate and key');
  });

  it('is refused where none has', async () => {
    const server = kept(await NnrpServer.listenOn([new MemoryListener()]));
    expect(() => server.renew(TLS)).toThrow('listens on memory without TLS');
    expect(() => server.endpoints[0]?.renew(TLS)).toThrow('listens on memory without TLS');
  });
});

describe('listenOn', () => {
  it('names the addresses that stand for all of a machine, to one who tries *', async () => {
    await expect(NnrpServer.listen('nnrp://*:0')).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      message: expect.stringMatching(/cannot listen on \*:0: .*; all addresses of a machine are 0\.0\.0\.0, or \[::\]/),
    });
  });

  it('opens all or none, and says which one has failed', async () => {
    const taken = await TcpListener.bind(ANY_PORT);
    cleanup.push(() => taken.close());
    const breakable = new BreakableListener();
    const late = TcpListener.bind(ANY_PORT);
    const opening = NnrpServer.listenOn([breakable, () => TcpListener.bind(taken.address), late]);
    await expect(opening).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      message: expect.stringMatching(/listenOn: listener 2 of 3: .*(in use|EADDRINUSE)/),
    });
    expect(breakable.isClosed).toBe(true);
    await expect(new TcpConnector((await late).address).connect()).rejects.toThrow();
  });

  it.each([
    ['no list', 'x' as never, /expected a list of listeners/],
    ['an empty list', [] as never, /expected a list of listeners/],
    ['what is no listener', [{}] as never, /listener 1 of 1: expected a FramedListener/],
    [
      'what throws',
      [
        (() => {
          throw new Error('it broke');
        }) as never,
      ],
      /listener 1 of 1: it broke/,
    ],
  ])('refuses %s', async (_, sources, said) => {
    await expect(NnrpServer.listenOn(sources)).rejects.toThrow(said);
  });

  it('waits neither for one that never opens, nor for one that never closes, when another has failed', async () => {
    const taken = await TcpListener.bind(ANY_PORT);
    cleanup.push(() => taken.close());
    const endless = new BreakableListener();
    endless.close = () => new Promise(() => {});
    let open = (_: FramedListener) => {};
    const never = new Promise<FramedListener>((resolve) => {
      open = resolve;
    });
    const opening = NnrpServer.listenOn([endless, never, () => TcpListener.bind(taken.address)]);
    await expect(opening).rejects.toThrow(/listener 3 of 3: .*(in use|EADDRINUSE)/);
    // One that opens all the same later is closed.
    const late = new BreakableListener();
    open(late);
    await eventually(() => late.isClosed, 'it is closed');
  });

  it.each([
    ['nothing', undefined, 'got undefined'],
    ['an object', {}, 'got an object'],
    ['a promise', Promise.resolve(), 'await it'],
  ])('is not the only one to look: fromListener refuses %s', (_, given, said) => {
    expect(() => NnrpServer.fromListener(given as never)).toThrow(UsageError);
    expect(() => NnrpServer.fromListener(given as never)).toThrow(said);
  });

  it('refuses a listener that stands there twice', async () => {
    const breakable = new BreakableListener();
    await expect(NnrpServer.listenOn([breakable, breakable])).rejects.toThrow(
      'listener 2 of 2: it stands in the list twice',
    );
    expect(breakable.isClosed).toBe(true);
  });

  it('refuses a listener of another kind than the configuration names', async () => {
    const breakable = new BreakableListener();
    const opening = NnrpServer.listenOn([TcpListener.bind(ANY_PORT), breakable], { transport: 'tcp' });
    await expect(opening).rejects.toThrow("listener 2 of 2: transport is 'tcp', but the listener is memory");
    expect(breakable.isClosed).toBe(true);
  });

  it('closes what it was given when the configuration cannot work', async () => {
    const breakable = new BreakableListener();
    const made = () => {
      throw new Error('it was called');
    };
    await expect(NnrpServer.listenOn([made, breakable], { maxSessions: -1 })).rejects.toThrow(/maxSessions/);
    await passing(0);
    expect(breakable.isClosed).toBe(true);
  });
});
