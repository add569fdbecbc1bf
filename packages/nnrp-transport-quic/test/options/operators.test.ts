import { AsyncLocalStorage } from 'node:async_hooks';
import { createSocket, Socket } from 'node:dgram';
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { inspect } from 'node:util';
import type { NnrpError } from 'nnrp-core';
import { NnrpClient, type NnrpClientSession, type NnrpServer } from 'nnrp-runtime';
import { type HostPort, parseAddress } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { type Issued, issue } from '../../../nnrp-runtime/test/support/certificates.js';
import {
  QuicClientEndpointConfig,
  type QuicClientEndpointOptions,
  QuicConnector,
  QuicFramedListener,
  QuicProvider,
  QuicServerEndpointConfig,
  type QuicServerOptions,
} from '../../src/index.js';

const oldRoot = await issue({ name: 'CN=old root', authority: true });
const newRoot = await issue({ name: 'CN=new root', authority: true });
const oldLeaf = await issue({ name: 'CN=server', issuer: oldRoot, ips: ['127.0.0.1', '::1'], dns: ['localhost'] });
const newLeaf = await issue({ name: 'CN=server', issuer: newRoot, ips: ['127.0.0.1'] });
const named = await issue({ name: 'CN=named', issuer: oldRoot, dns: ['other.test', 'second.test'] });
const clients = await issue({ name: 'CN=clients', authority: true });
const client = await issue({ name: 'CN=client', issuer: clients, use: 'client' });
const own = ({ certificate, key }: Issued) => ({ certificateChain: certificate, privateKey: key });
const OLD = { roots: oldRoot.certificate };

const undo: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  for (const each of undo.splice(0).reverse()) await each();
});

function configured(leaf: Issued, options: QuicServerOptions = {}, address = '127.0.0.1:0'): QuicServerEndpointConfig {
  return new QuicServerEndpointConfig(address, { ...own(leaf), ...options });
}

async function serving(config: QuicServerEndpointConfig = configured(oldLeaf)): Promise<NnrpServer> {
  const server = await QuicProvider.bind(config);
  undo.push(() => server.close());
  server.serve({ submit: ({ body }) => body });
  return server;
}

async function opened(
  address: string | HostPort,
  endpoint: QuicClientEndpointOptions = OLD,
): Promise<NnrpClientSession> {
  const connected = await QuicProvider.connect(address, endpoint);
  undo.push(() => connected.close());
  return connected.openSession({ defaultDeadlineMs: 0 });
}

async function echo(session: NnrpClientSession): Promise<string> {
  return Buffer.from((await (await session.submit('still here')).result()).body).toString();
}

/** Answers instead of the system's lookup of names. */
function lookingUp(answer: () => Promise<readonly string[]>): void {
  vi.spyOn(dns, 'lookup').mockImplementation((async () =>
    (await answer()).map((address) => ({ address, family: 4 }))) as never);
  syncBuiltinESMExports();
}

async function messageOf(connecting: Promise<unknown>): Promise<string> {
  const error = await connecting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return (error as NnrpError).rawMessage;
}

describe('a QUIC server renews', () => {
  it('its certificate through the server, while sessions that are there go on', async () => {
    const server = await serving();
    const session = await opened(server.localAddress);
    server.renew(configured(newLeaf));
    await expect(opened(server.localAddress)).rejects.toThrow(/unknown root/);
    expect(await echo(await opened(server.localAddress, { roots: newRoot.certificate }))).toBe('still here');
    expect(await echo(session)).toBe('still here');
  });

  it('nothing when it is told what cannot work', async () => {
    const server = await serving();
    expect(() => server.renew(undefined as never)).toThrow(
      /renew: expected an object with certificate and key, got undefined/,
    );
    for (const wrong of [{}, own(newLeaf), new QuicClientEndpointConfig(OLD)]) {
      expect(() => server.renew(wrong as object)).toThrow(/expected a QuicServerEndpointConfig/);
    }
    expect(() => configured({ ...newLeaf, key: oldLeaf.key })).toThrow(/does not belong/);
    expect(await echo(await opened(server.localAddress))).toBe('still here');
    await server.close();
    expect(() => server.renew(configured(newLeaf))).toThrow(/is closed/);
  });

  it('whether clients are asked who they are', async () => {
    const asking = { clientCertificates: 'request', clientRoots: clients.certificate } as const;
    const listener = await QuicFramedListener.bind(configured(oldLeaf));
    undo.push(() => listener.close());
    const join = async () => {
      const accepting = listener.accept();
      const near = await new QuicConnector(listener.address, { ...OLD, ...own(client) }).connect();
      const far = await accepting;
      undo.push(() => near.abort());
      return far.peerIdentity?.authorized;
    };
    expect(await join()).toBe(false);
    listener.renew(configured(oldLeaf, asking));
    expect(await join()).toBe(true);
    listener.renew(configured(oldLeaf));
    expect(await join()).toBe(false);
  });
});

describe('a QUIC client', () => {
  it('says whose certificate it has met', async () => {
    const server = await serving(configured(named));
    const message = await messageOf(opened(server.localAddress, { ...OLD, serverName: 'host.example.test' }));
    expect(message).toContain('the certificate is not for host.example.test, but for DNS:other.test, DNS:second.test');
    const byAddress = await messageOf(opened(server.localAddress));
    expect(byAddress).toContain('the certificate is not for 127.0.0.1, but for DNS:other.test');
  });

  it('reaches a server on all addresses of the machine by its own address', async () => {
    for (const address of ['0.0.0.0:0', '[::]:0']) {
      const server = await serving(configured(oldLeaf, {}, address));
      expect(await echo(await opened(server.localAddress))).toBe('still here');
      const { port } = parseAddress(server.localAddress);
      for (const other of ['[::ffff:0.0.0.0]', '0', '0x0', '000.000.000.000', '127.1'])
        expect(await echo(await opened(`${other}:${port}`))).toBe('still here');
      expect(await echo(await opened({ host: address.slice(0, -2), port }))).toBe('still here');
    }
  });

  it('reaches it by a name that stands for all addresses, too', async () => {
    const server = await serving(configured(oldLeaf, {}, '0.0.0.0:0'));
    const { port } = parseAddress(server.localAddress);
    lookingUp(async () => ['0.0.0.0']);
    const endpoint = { ...OLD, serverName: 'localhost' };
    expect(await echo(await opened(`any.test:${port}`, endpoint))).toBe('still here');
  });

  it('takes a certificate for the IPv4 address that an IPv6 address stands for', async () => {
    const server = await serving(configured(newLeaf, {}, '[::ffff:127.0.0.1]:0'));
    expect(await echo(await opened(server.localAddress, { roots: newRoot.certificate }))).toBe('still here');
  });

  it('says of every address of a name why it could not connect', async () => {
    lookingUp(async () => ['127.0.0.1', '127.0.0.2']);
    const free = await serving();
    const { port } = parseAddress(free.localAddress);
    await free.close();
    const why = 'nothing listens there (ECONNREFUSED)';
    expect(await messageOf(opened(`two.test:${port}`))).toBe(
      `cannot connect to two.test:${port} over QUIC: 127.0.0.1:${port}: ${why}, 127.0.0.2:${port}: ${why}`,
    );
  });

  it('says which addresses gave no answer in time, and what was not looked up', async () => {
    const hole = createSocket('udp4');
    await new Promise<void>((resolve) => hole.bind(0, '127.0.0.1', resolve));
    undo.push(() => hole.close());
    const { port } = hole.address();
    lookingUp(async () => ['127.0.0.1']);
    const connecting = (host: string) =>
      messageOf(new QuicConnector(`${host}:${port}`, OLD, { connectTimeoutMs: 150 }).connect());
    expect(await connecting('silent.test')).toContain(
      `over QUIC: no connection within 150 ms: 127.0.0.1:${port}: no answer`,
    );
    lookingUp(() => new Promise(() => {}));
    expect(await connecting('slow.test')).toContain('over QUIC: no connection within 150 ms');
    lookingUp(() => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })));
    expect(await connecting('none.test')).toContain("the name 'none.test' cannot be looked up (ENOTFOUND)");
  });
});

describe('an error of the socket of a QUIC server', () => {
  /** The socket that was bound last. The system's own errors cannot be had at will. */
  const lastSocket = (binds: MockInstance<Socket['bind']>) => binds.mock.contexts.at(-1) as Socket;

  it('is an event, and the server goes on', async () => {
    const binds = vi.spyOn(Socket.prototype, 'bind');
    const server = await serving();
    const socket = lastSocket(binds);
    const failures: unknown[] = [];
    server.on('acceptFailed', (failure) => void failures.push(failure));
    const session = await opened(server.localAddress);
    socket.emit('error', Object.assign(new Error('recvmsg ENOBUFS'), { code: 'ENOBUFS' }));
    expect(failures).toMatchObject([
      { address: server.localAddress, failures: 1, error: { cause: { code: 'ENOBUFS' } } },
    ]);
    expect(await echo(session)).toBe('still here');
    expect(await echo(await opened(server.localAddress))).toBe('still here');
  });

  it('ends it when the socket is gone', async () => {
    const binds = vi.spyOn(Socket.prototype, 'bind');
    const server = await QuicProvider.bind(configured(oldLeaf));
    undo.push(() => server.close());
    const over = server.serve({ submit: () => 'x' });
    lastSocket(binds).close();
    await expect(over).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });
});

describe('what is logged of QUIC', () => {
  const KEY = oldLeaf.key.split('\n')[1]?.slice(0, 40) as string;
  const WAYS = [{ depth: 20 }, { depth: 20, showHidden: true }, { depth: 20, showHidden: true, customInspect: false }];

  it('shows no private key and no passphrase at any depth', async () => {
    const encrypted = oldLeaf.keyObject.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open sesame',
    }) as string;
    const secret = { certificateChain: oldLeaf.certificate, privateKey: encrypted, passphrase: 'open sesame' };
    const config = new QuicServerEndpointConfig('127.0.0.1:0', secret);
    const server = await serving(config);
    const listener = await QuicFramedListener.bind(config);
    undo.push(() => listener.close());
    const mine = { certificateChain: client.certificate, privateKey: client.key };
    const connector = new QuicConnector(server.localAddress, { ...OLD, ...mine });
    const connected = NnrpClient.fromTransport(await connector.connect());
    undo.push(() => connected.close());
    const clientKey = client.key.split('\n')[1]?.slice(0, 40) as string;
    const endpoint = new QuicClientEndpointConfig({ ...OLD, ...mine });
    for (const held of [config, server, listener, connector, connected, endpoint]) {
      for (const options of WAYS) {
        const text = inspect(held, { maxArrayLength: 1000, maxStringLength: 100_000, ...options });
        for (const word of [KEY, clientKey, 'open sesame']) expect(text.includes(word), text.slice(0, 80)).toBe(false);
      }
      expect(() => JSON.stringify(held)).not.toThrow();
      expect(JSON.stringify(held)).not.toContain('PRIVATE');
      expect(inspect(held).length).toBeLessThan(900);
    }
    expect(inspect(listener)).toMatch(/^QuicFramedListener \{/);
  });
});

describe('onHandshakeFailure', () => {
  const store = new AsyncLocalStorage<string>();

  it('is told in the async context in which it was given, and may throw', async () => {
    const warned: string[] = [];
    const note = ({ message }: Error) => void warned.push(message);
    process.on('warning', note);
    undo.push(() => process.off('warning', note));
    const told: (string | undefined)[] = [];
    const onHandshakeFailure = () => {
      told.push(store.getStore());
      throw new Error('by the test');
    };
    const config = store.run('of the configuration', () => configured(oldLeaf, { onHandshakeFailure }));
    const server = await store.run('of the server', () => serving(config));
    await expect(opened(server.localAddress, { roots: newRoot.certificate })).rejects.toThrow();
    await expect.poll(() => told).toEqual(['of the configuration']);
    await expect.poll(() => warned).toEqual(['the function onHandshakeFailure of the application has failed']);
    expect(await echo(await opened(server.localAddress))).toBe('still here');
  });
});

describe('options of QUIC', () => {
  const BAGS: Readonly<Record<string, (bag: object) => unknown>> = {
    'of a server': (bag) => new QuicServerEndpointConfig('127.0.0.1:0', Object.assign(bag, own(oldLeaf))),
    'of a server with a certificate of its own': (bag) =>
      QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0', bag),
    'of a client': (bag) => new QuicClientEndpointConfig(bag),
    'of a connector': (bag) => new QuicConnector('127.0.0.1:1', {}, bag),
  };

  it.each(Object.entries(BAGS))('%s are known by name, and undefined is their default', (_, read) => {
    read({ maxPacketBytes: undefined, highWaterBytes: undefined, stallTimeoutMs: undefined });
    for (const name of ['status', 'toString', 'constructor'])
      expect(() => read({ [name]: 1 })).toThrow(`there is no option '${name}'`);
    expect(() => read(Object.create({ status: 1 }))).toThrow("there is no option 'status'");
  });

  const ENDPOINT = ['idleTimeoutMs', 'keepAliveMs', 'handshakeTimeoutMs', 'maxDatagramBytes', 'streamWindowBytes'];
  const BOTH = [...ENDPOINT, 'maxStreamWindowBytes', 'maxPacketBytes', 'revision', 'highWaterBytes', 'stallTimeoutMs'];
  const SERVER = [
    'clientCertificates',
    'clientRoots',
    'retry',
    'maxConnections',
    'maxHandshakes',
    'onHandshakeFailure',
  ];
  const CLIENT = ['roots', 'serverName', 'bindAddress', 'certificateChain', 'privateKey', 'passphrase'];
  const NAMES: Readonly<Record<string, readonly string[]>> = {
    'of a server': [...BOTH, ...SERVER, 'passphrase'],
    'of a server with a certificate of its own': [...BOTH, ...SERVER],
    'of a client': [...BOTH, ...CLIENT, 'insecureSkipVerify'],
    'of a connector': ['connectTimeoutMs', 'maxPacketBytes', 'revision', 'highWaterBytes', 'stallTimeoutMs'],
  };

  it.each(Object.entries(BAGS))('%s are never null', (bag, read) => {
    for (const name of NAMES[bag] ?? [])
      expect(() => read({ [name]: null })).toThrow(new RegExp(`USAGE.*\\b${name}\\b`));
  });

  it('that are a private key in the wrong place are not shown', () => {
    const { key } = oldLeaf;
    for (const read of [
      () => configured(oldLeaf, { retry: key as 'auto' }),
      () => configured(oldLeaf, { maxConnections: key as never }),
      () => configured(oldLeaf, {}, key),
      () => new QuicClientEndpointConfig({ serverName: key }),
      () => new QuicClientEndpointConfig({ bindAddress: key }),
      () => new QuicConnector('127.0.0.1:1', key as never),
    ])
      expect(read).toThrow(new RegExp(`got a string of ${key.length} characters`));
  });

  it('that somebody has put on Object.prototype switch nothing off', () => {
    const polluted = Object.prototype as { insecureSkipVerify?: boolean };
    polluted.insecureSkipVerify = true;
    try {
      expect(new QuicClientEndpointConfig({}).settings.verify).toBe(true);
    } finally {
      delete polluted.insecureSkipVerify;
    }
  });

  it('of another copy of the package are taken', async () => {
    vi.resetModules();
    const copy = await import('../../src/index.js');
    const config = new copy.QuicServerEndpointConfig('127.0.0.1:0', own(oldLeaf));
    expect(config).not.toBeInstanceOf(QuicServerEndpointConfig);
    const server = await serving(config as unknown as QuicServerEndpointConfig);
    const endpoint = new copy.QuicClientEndpointConfig(OLD) as unknown as QuicClientEndpointConfig;
    const transport = await new QuicConnector(server.localAddress, endpoint).connect();
    transport.abort();
    server.renew(new copy.QuicServerEndpointConfig('127.0.0.1:0', own(newLeaf)));
    expect(await echo(await opened(server.localAddress, { roots: newRoot.certificate }))).toBe('still here');
  });
});
