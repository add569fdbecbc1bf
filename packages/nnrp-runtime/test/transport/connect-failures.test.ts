import dns from 'node:dns';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import { parseAddress, reachableHost } from '../../src/transport/address/address.js';
import { describeConnectFailure } from '../../src/transport/listening/connect-failure.js';
import { TlsConnector } from '../../src/transport/tls/tls.js';
import { issue } from '../support/certificates.js';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const root = await issue({ name: 'CN=root', authority: true });
const leaf = await issue({ name: 'CN=leaf', issuer: root, ips: ['127.0.0.1', '::1'] });

/** Makes `two.test` a name with these addresses. */
function named(...addresses: string[]): void {
  const real = dns.lookup;
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, options: { all?: boolean }, done: CallableFunction) => {
    if (host === 'silent.test') return;
    if (host !== 'two.test') return real(host, options as never, done as never);
    if (options.all) done(null, all);
    else done(null, all[0]?.address, all[0]?.family);
  }) as never);
}

async function messageOf(connecting: Promise<NnrpClient>): Promise<string> {
  const outcome = await connecting.catch((error: unknown) => error);
  if (outcome instanceof NnrpClient) throw new Error('it has connected');
  return (outcome as { readonly rawMessage: string }).rawMessage;
}

/** A port of the loopback interface that nobody listens on. */
async function freePort(): Promise<number> {
  const server = await listening('127.0.0.1');
  const { port } = parseAddress(addressOf(server));
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listening(host: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(0, host, () => resolve(server)));
}

function addressOf(server: Server): string {
  const { address, port } = server.address() as { address: string; port: number };
  return `${address}:${port}`;
}

const REFUSED = 'nothing listens there (ECONNREFUSED)';
const WAYS = [
  ['TCP', (to: string, ms = 5000) => NnrpClient.connectTcp(to, { connectTimeoutMs: ms })],
  ['TLS', (to: string, ms = 5000) => NnrpClient.connectTls(to, { roots: root.certificate }, { connectTimeoutMs: ms })],
] as const;

describe.each(WAYS)('a client over %s', (_, connect) => {
  it('says why it cannot connect to an address', async () => {
    const port = await freePort();
    expect(await messageOf(connect(`127.0.0.1:${port}`))).toBe(`cannot connect to 127.0.0.1:${port}: ${REFUSED}`);
  });

  it('says it of every address of a name, once each', async () => {
    const port = await freePort();
    named('127.0.0.1', '127.0.0.2', '127.0.0.1');
    expect(await messageOf(connect(`two.test:${port}`))).toBe(
      `cannot connect to two.test:${port}: 127.0.0.1:${port}: ${REFUSED}, 127.0.0.2:${port}: ${REFUSED}`,
    );
  });

  it('says which address a name with one had', async () => {
    const port = await freePort();
    named('127.0.0.2');
    const message = `cannot connect to two.test:${port}: 127.0.0.2:${port}: ${REFUSED}`;
    expect(await messageOf(connect(`two.test:${port}`))).toBe(message);
  });

  it('says that a name is not known', async () => {
    expect(await messageOf(connect('no-such-host.invalid:1'))).toMatch(
      /^cannot connect to no-such-host\.invalid:1: the name 'no-such-host\.invalid' cannot be looked up \(E(NOTFOUND|AI_AGAIN)\)$/,
    );
  });

  it('says that a name took too long to be looked up', async () => {
    named();
    const message = await messageOf(connect('silent.test:1', 30));
    expect(message).toMatch(/within 30 ms: the name 'silent\.test' is still being looked up$/);
  });
});

describe('a name that has no address now', () => {
  const connecting = {
    TCP: () => NnrpClient.connectTcp('two.test:1'),
    TLS: () => new TlsConnector('two.test:1').connect(),
  };

  for (const [over, connectOver] of Object.entries(connecting)) {
    it.each(['at once', 'later'])(`may have one later, over ${over}, when the lookup answers %s`, async (when) => {
      vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: object, done: CallableFunction) =>
        when === 'later' ? setImmediate(() => done(null, [])) : done(null, [])) as never);
      await expect(connectOver()).rejects.toMatchObject({
        rawMessage: "cannot connect to two.test:1: the name 'two.test' has no address",
        isRetryable: true,
      });
    });
  }
});

describe('a client over TLS', () => {
  it('says who has taken the connection, and said nothing', async () => {
    const silent = await listening('127.0.0.1');
    cleanup.push(() => silent.close());
    const sockets: { destroy(): void }[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    named('127.0.0.1');
    const { port } = parseAddress(addressOf(silent));
    const message = await messageOf(NnrpClient.connectTls(`two.test:${port}`, {}, { connectTimeoutMs: 100 }));
    for (const socket of sockets) socket.destroy();
    expect(message).toBe(
      `no TLS connection to two.test:${port} within 100 ms: 127.0.0.1:${port} has taken the connection, and said nothing since`,
    );
  });
});

describe('the words for a failure', () => {
  const target = { host: 'many.test', port: 1 };

  it('name eight addresses at most', () => {
    const errors = Array.from({ length: 20 }, (_, i) =>
      Object.assign(new Error('x'), { code: 'ECONNREFUSED', address: `10.0.0.${i}`, port: 1 }),
    );
    const text = describeConnectFailure(target, Object.assign(new Error(''), { errors }));
    expect(text.match(/10\.0\.0/g)).toHaveLength(8);
    expect(text).toMatch(/, and 12 more$/);
  });

  it('are never empty, and hide nothing', () => {
    const empty = Object.assign(new Error(''), { code: 'EODD' });
    expect(describeConnectFailure(target, empty)).toBe('EODD');
    expect(describeConnectFailure(target, new Error(''))).toBe('no connection');
    expect(describeConnectFailure(target, new Error('a\n\u001b[2Jb'))).toBe('a\\n\\x1b[2Jb');
  });
});

describe('a server on all addresses of the machine', () => {
  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1'],
    ['0:0:0:0:0:0:0:0', '::1'],
    ['::ffff:0.0.0.0', '127.0.0.1'],
    ['::ffff:0:0', '127.0.0.1'],
    ['::%lo', '::1'],
    ['0', '127.0.0.1'],
    ['0x0', '127.0.0.1'],
    ['000.000.000.000', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['localhost', 'localhost'],
  ])('at %s is reached at %s', (host, reachable) => {
    expect(reachableHost(host)).toBe(reachable);
  });

  it.each(['0.0.0.0:0', '[::]:0'])('is reached by its own address, %s, over TCP and TLS', async (address) => {
    const tcp = await NnrpServer.bindTcp(address);
    const tls = await NnrpServer.bindTls(address, { certificateChain: leaf.certificate, privateKey: leaf.key });
    cleanup.push(
      () => tcp.close(),
      () => tls.close(),
    );
    const clients = [
      await NnrpClient.connectTcp(tcp.localAddress),
      await NnrpClient.connectTls(tls.localAddress, { roots: root.certificate }),
    ];
    for (const client of clients) {
      expect((await client.openSession()).sessionId).toBeGreaterThan(0);
      await client.close();
    }
    const mapped = `[::ffff:0.0.0.0]:${parseAddress(tls.localAddress).port}`;
    const transport = await new TlsConnector(mapped, { roots: root.certificate }).connect();
    expect(transport.remoteAddress).toContain('127.0.0.1');
    transport.abort();
  });
});

describe('an address', () => {
  it.each([
    ['0:1', '0.0.0.0'],
    ['0x0:1', '0.0.0.0'],
    ['000.000.000.000:1', '0.0.0.0'],
    ['127.1:1', '127.0.0.1'],
    ['0x7f.1:1', '127.0.0.1'],
    ['127.0.257:1', '127.0.1.1'],
    ['2130706433:1', '127.0.0.1'],
    ['0177.0.0.01:1', '127.0.0.1'],
    ['255.255.255.255:1', '255.255.255.255'],
    ['LOCALHOST:1', 'LOCALHOST'],
    ['1.example:1', '1.example'],
    ['0x:1', '0x'],
    ['[::1%lo]:1', '::1%lo'],
  ])('%s has the host %s', (address, host) => {
    expect(parseAddress(address)).toEqual({ host, port: 1 });
  });

  it('may be an object, with an IPv6 host in brackets or without', () => {
    for (const host of ['[::]', '::']) expect(parseAddress({ host, port: 1 })).toEqual({ host: '::', port: 1 });
    expect(parseAddress({ host: '0', port: 1 })).toEqual({ host: '0.0.0.0', port: 1 });
  });

  it.each(['256.0.0.1', '1.2.3.256', '1.2.65536', '4294967296', '08.0.0.1', '1.2.3.4.5', '0x100.1'])(
    'of numbers that are no IPv4 address is refused, such as %s',
    (host) => {
      expect(() => parseAddress(`${host}:1`)).toThrow(`address: the host is no IPv4 address, got '${host}:1'`);
    },
  );

  it.each<[unknown, string]>([
    ['x://user:TOKEN@host:1', "got 'x://…@host:1'"],
    ['user@host:1', "got '…@host:1'"],
    ['host:1/TOKEN', "got 'host:1…'"],
    [{ host: 'x://user:TOKEN@host', port: 1 }, "got host 'x://…@host' and port 1"],
    [{ host: 'a:b', port: 1 }, "got host 'a:b' and port 1"],
    [{ host: 'host', port: 'TOKEN' }, "got host 'host' and port a string of 5 characters"],
    [{ host: 'two words', port: 1 }, "got host 'two words' and port 1"],
    [null, 'got null'],
    ['', "got ''"],
  ])('is none: %j', (address, got) => {
    expect(() => parseAddress(address as string)).toThrow(
      `address: expected HOST:PORT with a port of 0 to 65535, ${got}`,
    );
  });

  it('of a server on all addresses may be written in any way, over TCP and TLS', async () => {
    const tcp = await NnrpServer.bindTcp('0:0');
    const tls = await NnrpServer.bindTls('0x0:0', { certificateChain: leaf.certificate, privateKey: leaf.key });
    cleanup.push(
      () => tcp.close(),
      () => tls.close(),
    );
    expect(tcp.localAddress).toMatch(/^0\.0\.0\.0:/);
    for (const host of ['0', '0x0', '000.000.000.000', '127.1', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]']) {
      const at = (server: NnrpServer) => `${host}:${parseAddress(server.localAddress).port}`;
      const clients = [
        await NnrpClient.connectTcp(at(tcp)),
        await NnrpClient.connectTls(at(tls), { roots: root.certificate }),
      ];
      for (const client of clients) await client.close();
    }
  });
});

describe('whether to connect again', () => {
  const failure = (connecting: Promise<unknown>) => connecting.then(undefined, (error: unknown) => error);

  it('is said: the network may come back, a refused certificate is refused again', async () => {
    const port = await freePort();
    expect(await failure(NnrpClient.connectTcp(`127.0.0.1:${port}`))).toMatchObject({ isRetryable: true });
    expect(await failure(NnrpClient.connectTls(`127.0.0.1:${port}`))).toMatchObject({ isRetryable: true });
    const server = await NnrpServer.bindTls('127.0.0.1:0', {
      certificateChain: leaf.certificate,
      privateKey: leaf.key,
    });
    cleanup.push(() => server.close());
    expect(await failure(NnrpClient.connectTls(server.localAddress))).toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      isRetryable: false,
    });
    expect(await failure(NnrpServer.bindTcp(server.localAddress))).toMatchObject({ isRetryable: false });
  });
});
