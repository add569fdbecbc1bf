import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import {
  type ConnectionOptions,
  connect,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { isNnrpError, type NnrpError } from 'nnrp-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordingSink } from '../../../src/testing/recording-sink.js';
import { parseAddress } from '../../../src/transport/address/address.js';
import type { FramedTransport } from '../../../src/transport/contract/contract.js';
import { TlsConnector, TlsListener } from '../../../src/transport/tls/tls.js';
import type { TlsClientOptions, TlsServerOptions } from '../../../src/transport/tls/tls-options.js';
import { type Issued, issue } from '../../support/certificates.js';

const HERE = { ips: ['127.0.0.1'] };
const root = await issue({ name: 'CN=root', authority: true });
const strangeRoot = await issue({ name: 'CN=strange root', authority: true });
const intermediate = await issue({ name: 'CN=intermediate', issuer: root, authority: true });
const server = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1', '::1'], dns: ['*.test.example'] });
const selfSigned = await issue({ name: 'CN=alone', ...HERE });
const client = await issue({ name: 'CN=client', issuer: root, use: 'client' });

const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 10_000 });

const cleanup: (() => unknown)[] = [];
const failures: NnrpError[] = [];
beforeEach(() => failures.splice(0));
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const own = ({ certificate, key }: Issued) => ({ certificateChain: certificate, privateKey: key });
const bare = ({ certificate, key }: Issued) => ({ cert: certificate, key });

async function listening(options: Partial<TlsServerOptions> = {}): Promise<TlsListener> {
  const onHandshakeFailure = (error: NnrpError) => void failures.push(error);
  const listener = await TlsListener.bind('127.0.0.1:0', { ...own(server), onHandshakeFailure, ...options });
  cleanup.push(() => listener.close());
  return listener;
}

/** A server of node:tls, which allows itself what TlsListener refuses. @returns its address */
async function bareServer(options: TlsOptions): Promise<string> {
  const listener = createTlsServer(options, (socket) => socket.on('error', () => {}).end());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanup.push(() => listener.close());
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

/** A client of node:tls. Its errors are its own affair. */
async function bareClient(listener: TlsListener, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ ...parseAddress(listener.address), ca: root.certificate, ...options });
  cleanup.push(() => socket.destroy());
  socket.on('error', () => {});
  return socket;
}

/** Unlike `once`, content with an error on the way. */
function closed(socket: TLSSocket): Promise<unknown> {
  return new Promise((resolve) => socket.resume().once('close', resolve));
}

async function connected(address: string, options: TlsClientOptions = {}): Promise<FramedTransport> {
  const transport = await new TlsConnector(address, { roots: root.certificate, ...options }).connect();
  cleanup.push(() => transport.abort());
  return transport;
}

/** Why there is no connection. */
async function refusal(address: string, options: TlsClientOptions = {}): Promise<string> {
  try {
    await connected(address, options);
  } catch (error) {
    if (isNnrpError(error, 'NNRP_ERR_TRANSPORT')) return error.rawMessage;
    throw error;
  }
  throw new Error('the connection came about');
}

/** The only failure of a handshake that the listener has reported, once it has. */
async function onlyFailure(listener: TlsListener): Promise<string> {
  await eventually(() => failures.length).toBeGreaterThan(0);
  // Another connection, from beginning to end: whatever was still to come of the first has come.
  const accepting = listener.accept();
  const socket = await bareClient(listener, bare(client));
  await accepting;
  socket.destroy();
  expect(failures.map(({ rawMessage }) => rawMessage)).toHaveLength(1);
  return failures[0]?.rawMessage ?? '';
}

describe('a TLS client refuses a server', () => {
  const anyName = { ...HERE, issuer: root };
  const cases: [what: string, certificate: Promise<Issued>, message: RegExp][] = [
    [
      'that has expired',
      issue({ name: 'CN=s', ...anyName, fromDay: -9, toDay: -1 }),
      /has expired \(CERT_HAS_EXPIRED\)/,
    ],
    ['that is too early', issue({ name: 'CN=s', ...anyName, fromDay: 1 }), /is not valid yet/],
    ['that is meant to be a client', issue({ name: 'CN=s', ...anyName, use: 'client' }), /not meant for this use/],
    ['that is self-signed', issue({ name: 'CN=s', ...HERE }), /is self-signed and not among the roots/],
    ['from an unknown root', issue({ name: 'CN=s', ...HERE, issuer: strangeRoot }), /leads to an unknown root/],
    ['without its intermediate', issue({ name: 'CN=s', ...HERE, issuer: intermediate }), /an intermediate is missing/],
    [
      'with another address',
      issue({ name: 'CN=s', issuer: root, ips: ['127.0.0.2'] }),
      /not for 127.0.0.1, but for IP Add/,
    ],
    ['with names only', issue({ name: 'CN=s', issuer: root, dns: ['127.0.0.1'] }), /not for 127.0.0.1, but for DNS/],
    [
      'with a common name only',
      issue({ name: 'CN=127.0.0.1', issuer: root }),
      /not for 127.0.0.1, but for no name at all/,
    ],
  ];
  for (const [what, certificate, message] of cases) {
    it(what, async () => {
      const address = await bareServer(bare(await certificate));
      expect(await refusal(address)).toMatch(message);
    });
  }

  it('by its DNS name, and takes it by another', async () => {
    const { address } = await listening();
    expect(await refusal(address, { serverName: 'a.other.example' })).toMatch(
      /not for a.other.example, but for DNS:\*.test.example, IP/,
    );
    expect(await refusal(address, { serverName: 'test.example' })).toMatch(/not for test.example/);
    expect(await refusal(address, { serverName: '127.0.0.2' })).toMatch(/not for 127.0.0.2/);
    for (const serverName of ['a.test.example', 'A.Test.Example.', '::1', '::1%eth0'])
      await connected(address, { serverName });
  });

  it('whose common name is right, when its certificate has no other', async () => {
    const address = await bareServer(bare(await issue({ name: 'CN=a.test.example', issuer: root })));
    expect(await refusal(address, { serverName: 'a.test.example' })).toMatch(/but for no name at all/);
  });

  it('from a root of its own when only those of the platform are trusted', async () => {
    const { address } = await listening();
    await expect(new TlsConnector(address).connect()).rejects.toThrow(/unknown root/);
  });

  it('whatever the environment says', async () => {
    const { address } = await listening(own(selfSigned));
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await refusal(address)).toMatch(/self-signed/);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('unless it is among the roots, or nothing is verified at all', async () => {
    const { address } = await listening(own(selfSigned));
    await connected(address, { roots: selfSigned.certificate });
    const careless = new TlsConnector(address, { insecureSkipVerify: true, serverName: 'no.matter.example' });
    cleanup.push(async () => (await connection).abort());
    const connection = careless.connect();
    await expect(connection).resolves.toMatchObject({ kind: 'tcp' });
    expect(await refusal(address, { insecureSkipVerify: false })).toMatch(/self-signed/);
  });

  it('that speaks only an older TLS', async () => {
    const address = await bareServer({ ...bare(server), maxVersion: 'TLSv1.2' });
    expect(await refusal(address)).toMatch(/no version of TLS that is allowed/);
    await connected(address, { minVersion: 'TLSv1.2' });
  });

  it('that does not speak TLS', async () => {
    const plain = createServer((socket) => socket.on('error', () => {}).end('220 hello\r\n')).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    cleanup.push(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    expect(await refusal(`127.0.0.1:${port}`)).toMatch(/does not speak TLS/);
  });

  it('that vanishes within the handshake', async () => {
    const rude = createServer((socket) => socket.once('data', () => socket.end())).listen(0, '127.0.0.1');
    await once(rude, 'listening');
    cleanup.push(() => rude.close());
    const { port } = rude.address() as AddressInfo;
    expect(await refusal(`127.0.0.1:${port}`)).toMatch(/^cannot connect to 127.0.0.1:\d+: .*disconnected/);
  });

  it('that says nothing, after connectTimeoutMs', async () => {
    const mute = createServer((socket) => void cleanup.push(() => socket.destroy())).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    cleanup.push(() => mute.close());
    const { port } = mute.address() as AddressInfo;
    const connecting = new TlsConnector(`127.0.0.1:${port}`, {}, { connectTimeoutMs: 60 }).connect();
    await expect(connecting).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 60 });
  });

  it('that is not there, in words also when several addresses were tried', async () => {
    const { address, close } = await listening().then((listener) => ({
      address: listener.address,
      close: () => listener.close(),
    }));
    await close();
    expect(await refusal(address)).toMatch(/ECONNREFUSED/);
    expect(await refusal(address.replace('127.0.0.1', 'localhost'))).toMatch(/ECONNREFUSED/);
  });
});

describe('ALPN over TLS', () => {
  it('is agreed on by default', async () => {
    const listener = await listening({ requireAlpn: true });
    const accepting = listener.accept();
    await connected(listener.address, { requireAlpn: true });
    expect((await accepting).peerIdentity?.alpn).toBe('nnrp/1-tcp');
  });

  it('is not needed on either side', async () => {
    const listener = await listening();
    const accepting = listener.accept();
    const socket = await bareClient(listener, {});
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe(false);
    expect((await accepting).peerIdentity).not.toHaveProperty('alpn');
    await connected(await bareServer(bare(server)));
  });

  it('is missed by a server that requires it', async () => {
    const listener = await listening({ requireAlpn: true });
    const socket = await bareClient(listener, {});
    await closed(socket);
    await eventually(() => failures.length).toBe(1);
    expect(failures[0]?.rawMessage).toMatch(/^127\.0\.0\.1:\d+: ALPN: the peer has not agreed on nnrp\/1-tcp$/);
  });

  it('is missed by a client that requires it', async () => {
    expect(await refusal(await bareServer(bare(server)), { requireAlpn: true })).toMatch(
      /: ALPN: the peer has not agreed/,
    );
  });

  it('refuses a client that offers only other protocols', async () => {
    const listener = await listening();
    const socket = await bareClient(listener, { ALPNProtocols: ['h2', 'nnrp/1'] });
    await closed(socket);
    expect(socket.errored).toMatchObject({ code: expect.stringMatching(/ALERT_NO_APPLICATION_PROTOCOL$/) });
    expect(await onlyFailure(listener)).toMatch(/^127\.0\.0\.1:\d+: ALPN: the peer offers other protocols only/);
  });

  it('says so when the server speaks only other protocols', async () => {
    const address = await bareServer({ ...bare(server), ALPNProtocols: ['h2'] });
    expect(await refusal(address)).toMatch(/: ALPN: the peer speaks other protocols only/);
  });
});

describe('a TLS server refuses a client', () => {
  const asking = { clientCertificates: 'require', clientRoots: root.certificate } as const;

  it('without a certificate, and lets it know', async () => {
    const listener = await listening(asking);
    const transport = await connected(listener.address);
    const sink = new RecordingSink();
    transport.start(sink);
    await sink.untilClosed();
    expect(sink.closes).toHaveLength(1);
    expect(sink.closes[0]).toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      message: expect.stringContaining('the peer requires a client certificate and got none'),
      isRetryable: false,
    });
    expect(await onlyFailure(listener)).toMatch(/^127\.0\.0\.1:\d+: the peer has sent no client certificate/);
    expect(failures[0]?.isRetryable).toBe(false);
  });

  const cases: [what: string, certificate: Promise<Issued>, message: RegExp][] = [
    ['that is self-signed', issue({ name: 'CN=c' }), /self-signed and not among the roots/],
    ['from an unknown root', issue({ name: 'CN=c', issuer: strangeRoot }), /unknown root/],
    ['that has expired', issue({ name: 'CN=c', issuer: root, fromDay: -9, toDay: -1 }), /has expired/],
    ['that is meant to be a server', issue({ name: 'CN=c', issuer: root, use: 'server' }), /not meant for this use/],
  ];
  for (const [what, certificate, message] of cases) {
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      it(`${what}, over ${maxVersion}`, async () => {
        const listener = await listening({ ...asking, minVersion: 'TLSv1.2' });
        const socket = await bareClient(listener, { ...bare(await certificate), maxVersion });
        await closed(socket);
        expect(await onlyFailure(listener)).toMatch(message);
      });
    }
  }

  it('that speaks only an older TLS', async () => {
    const listener = await listening();
    await bareClient(listener, { maxVersion: 'TLSv1.2' });
    expect(await onlyFailure(listener)).toMatch(/no version of TLS that is allowed/);
  });

  it('and goes on when the application throws over it', async () => {
    const warned: string[] = [];
    const note = ({ message, detail }: Error & { detail?: string }) => void warned.push(`${message}: ${detail}`);
    process.on('warning', note);
    try {
      const listener = await listening({
        onHandshakeFailure: () => {
          throw new Error('thrown by the test');
        },
      });
      await bareClient(listener, { ALPNProtocols: ['h2'] });
      await eventually(() => warned.join()).toMatch(
        /the function onHandshakeFailure .* failed: Error: thrown by the test/,
      );
      await connected(listener.address);
    } finally {
      process.off('warning', note);
    }
  });
});
