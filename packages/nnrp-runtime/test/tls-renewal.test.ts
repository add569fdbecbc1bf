import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type NnrpError, UsageError } from 'nnrp-core';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../src/client/client.js';
import type { NnrpClientSession } from '../src/client/client-session.js';
import { NnrpServer } from '../src/server/server.js';
import { parseAddress } from '../src/transport/address.js';
import { MemoryListener } from '../src/transport/memory.js';
import { TlsConnector, TlsListener } from '../src/transport/tls.js';
import type { TlsClientOptions, TlsServerOptions } from '../src/transport/tls-options.js';
import { type Issued, issue } from './certificates.js';

const oldRoot = await issue({ name: 'CN=old root', authority: true });
const newRoot = await issue({ name: 'CN=new root', authority: true });
const oldLeaf = await issue({ name: 'CN=server', issuer: oldRoot, ips: ['127.0.0.1'] });
const newLeaf = await issue({ name: 'CN=server', issuer: newRoot, ips: ['127.0.0.1'] });
const expired = await issue({ name: 'CN=server', issuer: newRoot, fromDay: -9, toDay: -1 });
const oldClients = await issue({ name: 'CN=old clients', authority: true });
const newClients = await issue({ name: 'CN=new clients', authority: true });
const oldClient = await issue({ name: 'CN=old client', issuer: oldClients, use: 'client' });
const newClient = await issue({ name: 'CN=new client', issuer: newClients, use: 'client' });

const own = ({ certificate, key }: Issued) => ({ certificateChain: certificate, privateKey: key });
const bare = ({ certificate, key }: Issued) => ({ cert: certificate, key });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serving(tls: Partial<TlsServerOptions> = {}): Promise<NnrpServer> {
  const server = await NnrpServer.bindTls('127.0.0.1:0', { ...own(oldLeaf), ...tls });
  cleanup.push(() => server.close());
  server.serve({ submit: ({ body }) => body });
  return server;
}

async function opened(server: NnrpServer, tls: TlsClientOptions): Promise<NnrpClientSession> {
  const client = await NnrpClient.connectTls(server.localAddress, tls);
  cleanup.push(() => client.close());
  return client.openSession({ defaultDeadlineMs: 0 });
}

async function echo(session: NnrpClientSession): Promise<string> {
  return new TextDecoder().decode((await (await session.submit('still here')).result()).body);
}

/** Who the server says it is, to a client of node:tls that takes anybody. */
async function shownBy(server: NnrpServer, options: ConnectionOptions = {}): Promise<string> {
  const socket = await bareTls(server, options);
  const { CN } = socket.getPeerCertificate().issuer;
  socket.destroy();
  return String(CN);
}

async function bareTls(server: NnrpServer, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ ...parseAddress(server.localAddress), rejectUnauthorized: false, ...options });
  cleanup.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

describe('a renewed certificate', () => {
  it('is shown to new clients, while sessions that are there go on', async () => {
    const server = await serving();
    const session = await opened(server, { roots: oldRoot.certificate });
    server.renew(own(newLeaf));
    await expect(opened(server, { roots: oldRoot.certificate })).rejects.toThrow(/unknown root/);
    const other = await opened(server, { roots: newRoot.certificate });
    expect([await echo(session), await echo(other)]).toEqual(['still here', 'still here']);
    server.renew(own(oldLeaf));
    expect(await echo(await opened(server, { roots: oldRoot.certificate }))).toBe('still here');
  });

  it('leaves a handshake that is under way to the old one', async () => {
    const server = await serving();
    const { host, port } = parseAddress(server.localAddress);
    const raw = createConnection({ host, port });
    cleanup.push(() => raw.destroy());
    await once(raw, 'connect');
    // The listener has begun the handshake when it counts one; nothing has been said in it yet.
    const { handshakes } = (server as unknown as { listener: { handshakes: { size: number } } }).listener;
    await expect.poll(() => handshakes.size).toBe(1);
    server.renew(own(newLeaf));
    const socket = connect({ socket: raw, rejectUnauthorized: false });
    cleanup.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect(socket.getPeerCertificate().issuer.CN).toBe('old root');
    expect(await shownBy(server)).toBe('new root');
  });

  it.each<[string, object, RegExp]>([
    ['a key of another', { certificateChain: newLeaf.certificate, privateKey: oldLeaf.key }, /^privateKey: /],
    ['an expired certificate', own(expired), /has expired/],
    ['no key', { certificateChain: newLeaf.certificate }, /^privateKey: /],
    ['no certificate', {}, /^certificateChain: /],
    ['a mode without roots', { ...own(newLeaf), clientCertificates: 'require' }, /^clientRoots: is needed/],
    ['a wrong passphrase', { ...own(newLeaf), passphrase: 5 }, /^passphrase: /],
    ['an option that there is not', { ...own(newLeaf), certificate: 'x' }, /there is no option 'certificate'/],
    ['nothing', undefined as never, /expected an object/],
  ])('that cannot work is refused, and nothing has changed: %s', async (_, options, message) => {
    const server = await serving();
    const refused = expect.objectContaining({ code: 'NNRP_ERR_USAGE', rawMessage: expect.stringMatching(message) });
    expect(() => server.renew(options)).toThrow(refused);
    expect(await shownBy(server)).toBe('old root');
    expect(await echo(await opened(server, { roots: oldRoot.certificate }))).toBe('still here');
  });

  it('needs a listener that has one, and that is open', async () => {
    const tcp = await NnrpServer.bindTcp('127.0.0.1:0');
    const memory = NnrpServer.fromListener(new MemoryListener());
    for (const server of [tcp, memory]) {
      expect(() => server.renew(own(newLeaf))).toThrow(UsageError);
      expect(() => server.renew(own(newLeaf))).toThrow(/listens on (tcp|memory) without TLS, so it has no certificate/);
      await server.close();
    }
    const closed = await serving();
    await closed.close();
    expect(() => closed.renew(own(newLeaf))).toThrow(/is closed/);
  });
});

describe('renewed rules for client certificates', () => {
  const OLD = { clientCertificates: 'require', clientRoots: oldClients.certificate } as const;
  const NEW = { clientCertificates: 'require', clientRoots: newClients.certificate } as const;
  const as = (client: Issued) => ({ roots: oldRoot.certificate, ...own(client) });

  /** A server may refuse a client only after it has connected. */
  const refused = async (server: NnrpServer, tls: TlsClientOptions) =>
    expect(opened(server, tls)).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });

  it('take other roots, and leave clients that are there alone', async () => {
    const server = await serving(OLD);
    const session = await opened(server, as(oldClient));
    await refused(server, as(newClient));
    server.renew({ ...own(oldLeaf), ...NEW });
    await refused(server, as(oldClient));
    expect(await echo(await opened(server, as(newClient)))).toBe('still here');
    expect(await echo(session)).toBe('still here');
  });

  it('stay what they were when only the certificate is renewed', async () => {
    const server = await serving(OLD);
    server.renew(own(oldLeaf));
    expect(await echo(await opened(server, as(oldClient)))).toBe('still here');
    await refused(server, as(newClient));
    await refused(server, { roots: oldRoot.certificate });
  });

  it('can ask where nobody was asked, and no more where somebody was', async () => {
    const identities: (boolean | undefined)[] = [];
    const listener = await TlsListener.bind('127.0.0.1:0', own(oldLeaf));
    cleanup.push(() => listener.close());
    const join = async (tls: TlsClientOptions) => {
      const accepting = listener.accept();
      const near = await new TlsConnector(listener.address, tls).connect();
      const far = await accepting;
      identities.push(far.peerIdentity?.authorized);
      near.abort();
      far.abort();
    };
    await join(as(oldClient));
    listener.renew({ ...own(oldLeaf), clientCertificates: 'request', clientRoots: oldClients.certificate });
    await join(as(oldClient));
    await join({ roots: oldRoot.certificate });
    listener.renew({ ...own(oldLeaf), clientCertificates: 'none' });
    await join(as(oldClient));
    expect(identities).toEqual([false, true, false, false]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('cannot be got round by a session of before, over %s', async (version) => {
    const server = await serving({ ...OLD, minVersion: 'TLSv1.2' });
    const wish: ConnectionOptions = { maxVersion: version, ...bare(oldClient) };
    const first = await bareTls(server, wish);
    const session = version === 'TLSv1.2' ? first.getSession() : (await once(first, 'session'))[0];
    const resuming = { ...wish, session: session as Buffer };
    // As long as nothing is renewed it can be taken up again.
    const second = await bareTls(server, resuming);
    expect(second.isSessionReused()).toBe(true);
    server.renew({ ...own(oldLeaf), ...NEW });
    const third = connect({ ...parseAddress(server.localAddress), rejectUnauthorized: false, ...resuming });
    cleanup.push(() => third.destroy());
    const ended = new Promise<unknown>((resolve) => third.on('error', resolve).on('close', resolve));
    let reused = false;
    third.on('secureConnect', () => {
      reused = third.isSessionReused();
    });
    third.resume();
    await ended;
    expect(reused).toBe(false);
    expect(server.connectionCount).toBe(2);
  });
});

describe('a client', () => {
  it('reads what it is given at each connect', async () => {
    const server = await serving();
    const roots = new Uint8Array(Buffer.from(`${oldRoot.certificate}${' '.repeat(200)}`));
    expect(await echo(await opened(server, { roots }))).toBe('still here');
    server.renew(own(newLeaf));
    await expect(opened(server, { roots })).rejects.toThrow(/unknown root/);
    roots.set(Buffer.from(`${newRoot.certificate}${' '.repeat(200)}`).subarray(0, roots.length));
    expect(await echo(await opened(server, { roots }))).toBe('still here');
  });

  it('that connects again and again asks for its options each time, where they are a function', async () => {
    const server = await serving();
    let roots = oldRoot.certificate;
    const connector = new TlsConnector(server.localAddress, () => ({ roots }));
    (await connector.connect()).abort();
    server.renew(own(newLeaf));
    await expect(connector.connect()).rejects.toThrow(/unknown root/);
    roots = newRoot.certificate;
    (await connector.connect()).abort();
    roots = 'garbage';
    await expect(connector.connect()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });
});

describe('onHandshakeFailure', () => {
  const store = new AsyncLocalStorage<string>();

  it('is told in the async context in which it was given, also after a renewal', async () => {
    const told: [string | undefined, string][] = [];
    const onHandshakeFailure = (error: NnrpError) => void told.push([store.getStore(), error.message]);
    const server = await store.run('of the server', () => serving({ onHandshakeFailure }));
    const fail = () =>
      store.run('of somebody else', () => opened(server, { roots: newClients.certificate }).catch(() => {}));
    await fail();
    await expect.poll(() => told.length).toBe(1);
    store.run('of the renewal', () => server.renew(own(newLeaf)));
    await fail();
    await expect.poll(() => told.length).toBe(2);
    expect(told.map(([context]) => context)).toEqual(['of the server', 'of the server']);
  });

  it('may throw or reject: it costs a warning', async () => {
    const warned: string[] = [];
    const note = ({ message }: Error) => void warned.push(message);
    process.on('warning', note);
    cleanup.push(() => process.off('warning', note));
    const server = await serving({ onHandshakeFailure: () => Promise.reject(new Error('by the test')) as never });
    await opened(server, { roots: newClients.certificate }).catch(() => {});
    await expect.poll(() => warned).toEqual(['the function onHandshakeFailure of the application has failed']);
    expect(await echo(await opened(server, { roots: oldRoot.certificate }))).toBe('still here');
  });
});
