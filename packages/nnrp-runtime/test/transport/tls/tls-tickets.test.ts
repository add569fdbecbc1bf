import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RecordingSink } from '../../../src/testing/recording-sink.js';
import { TestPacket } from '../../../src/testing/test-packet.js';
import type { FramedTransport } from '../../../src/transport/contract/contract.js';
import { StreamTransport } from '../../../src/transport/stream/stream-transport.js';
import { TlsConnector, TlsListener } from '../../../src/transport/tls/tls.js';
import type { TlsServerOptions } from '../../../src/transport/tls/tls-options.js';
import { type Issued, issue } from '../../support/certificates.js';

const root = await issue({ name: 'CN=root', authority: true });
const server = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'] });
const client = await issue({ name: 'CN=client', issuer: root, use: 'client' });
const brief = await issue({ name: 'CN=brief', issuer: root, use: 'client', toDay: 1 });
const otherRoot = await issue({ name: 'CN=other root', authority: true });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** A server of node:tls, which knows whether a session was gone on with. */
async function bareServer(minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3', own = server): Promise<Server> {
  const bare = createServer({ cert: own.certificate, key: own.key, minVersion, maxVersion: minVersion });
  cleanup.push(() => bare.close());
  await once(bare.listen(0, '127.0.0.1'), 'listening');
  return bare;
}

/** Hands each connection to the server that is its `target` by then. */
async function balancer(target: Server) {
  const balancer = Object.assign(
    createTcpServer((socket) => void balancer.target.emit('connection', socket)),
    { target },
  );
  cleanup.push(() => balancer.close());
  await once(balancer.listen(0, '127.0.0.1'), 'listening');
  return balancer;
}

const addressOf = (bare: TcpServer) => `127.0.0.1:${(bare.address() as AddressInfo).port}`;

function started(transport: FramedTransport): RecordingSink {
  cleanup.push(() => transport.abort());
  const sink = new RecordingSink();
  transport.start(sink);
  return sink;
}

/** Connects, waits until the tickets of the server have come, and says whether a session was gone on with. */
async function connectOnce(bare: Server, connector: TlsConnector) {
  const accepted = once(bare, 'secureConnection') as Promise<[TLSSocket]>;
  const near = await connector.connect();
  const sink = started(near);
  const [far] = await accepted;
  const isReused = far.isSessionReused();
  // It comes behind the tickets: when it has been read, so have they.
  new StreamTransport(far, { kind: 'tcp', remoteAddress: 'a peer' }).send(new TestPacket(1, 0));
  await sink.untilPackets(1);
  near.abort();
  return { isReused, identity: near.peerIdentity };
}

describe('a connector that connects again', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`goes on with the session of ${version}, and knows the server as before`, async () => {
      const bare = await bareServer(version);
      const connector = new TlsConnector(addressOf(bare), { roots: root.certificate, minVersion: version });
      const times: Awaited<ReturnType<typeof connectOnce>>[] = [];
      // A server of node:tls gives one ticket, with the first of them.
      while (times.length < 6) times.push(await connectOnce(bare, connector));
      expect(times.map(({ isReused }) => isReused)).toEqual([false, true, true, true, true, true]);
      const identities = times.map(({ identity }) => identity);
      expect(identities[0]).toMatchObject({ authorized: true, subject: 'CN=server' });
      expect(identities).toEqual(Array(6).fill(identities[0]));
    });
  }

  it('makes a whole handshake where the options are given anew: other roots may not trust the server', async () => {
    const bare = await bareServer();
    let roots = root.certificate;
    const connector = new TlsConnector(addressOf(bare), () => ({ roots }));
    await connectOnce(bare, connector);
    expect((await connectOnce(bare, connector)).isReused).toBe(false);
    roots = otherRoot.certificate;
    await expect(connector.connect()).rejects.toThrow('unknown root');
  });

  it('makes a whole handshake with a server that does not know the session any more', async () => {
    const bare = await bareServer();
    const connector = new TlsConnector(addressOf(bare), { roots: root.certificate });
    await connectOnce(bare, connector);
    bare.setTicketKeys(Buffer.alloc(48, 7));
    expect((await connectOnce(bare, connector)).isReused).toBe(false);
    expect((await connectOnce(bare, connector)).isReused).toBe(true);
  });

  it('offers a session twice and no more to a server that cuts such handshakes', async () => {
    const bare = await bareServer();
    const connector = new TlsConnector(addressOf(bare), { roots: root.certificate });
    await connectOnce(bare, connector);
    const connections: Socket[] = [];
    const cut = (socket: Socket) => {
      connections.push(socket);
      socket.destroy();
    };
    bare.prependListener('connection', cut);
    await expect(connector.connect()).rejects.toThrow('cannot connect');
    await expect(connector.connect()).rejects.toThrow('cannot connect');
    expect(connections).toHaveLength(2);
    bare.off('connection', cut);
    expect((await connectOnce(bare, connector)).isReused).toBe(false);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`makes a whole handshake at once with a server of ${version} that refuses its session by an alert`, async () => {
      const bare = await bareServer(version);
      const connector = new TlsConnector(addressOf(bare), { roots: root.certificate, minVersion: version });
      await connectOnce(bare, connector);
      let connections = 0;
      const refuse = (socket: Socket) => {
        connections++;
        bare.off('connection', refuse);
        // internal_error, as OpenSSL says of a session that belongs to another context.
        socket.end(Uint8Array.of(0x15, 3, 3, 0, 2, 2, 80));
      };
      bare.prependListener('connection', refuse);
      bare.on('connection', () => connections++);
      bare.on('tlsClientError', () => {});
      expect((await connectOnce(bare, connector)).isReused).toBe(false);
      expect((await connectOnce(bare, connector)).isReused).toBe(false);
      expect(connections).toBe(4);
    });

    it(`makes a whole handshake with a server of ${version} that takes its session, and says nothing then`, async () => {
      const bare = await bareServer(version);
      const connector = new TlsConnector(addressOf(bare), { roots: root.certificate, minVersion: version });
      await connectOnce(bare, connector);
      bare.once('secureConnection', (socket) => socket.destroy());
      await started(await connector.connect()).untilClosed();
      expect((await connectOnce(bare, connector)).isReused).toBe(false);
      expect((await connectOnce(bare, connector)).isReused).toBe(true);
    });

    it(`is refused each time by the name in the certificate of a server of ${version}`, async () => {
      const other = await issue({ name: 'CN=other', issuer: root, dns: ['other.example'] });
      const bare = await bareServer(version, other);
      bare.on('secureConnection', (socket) => socket.on('error', () => {}));
      const connector = new TlsConnector(addressOf(bare), { roots: root.certificate, minVersion: version });
      for (let time = 0; time < 3; time++)
        await expect(connector.connect()).rejects.toThrow('the certificate is not for 127.0.0.1');
    });
  }

  it('knows which of the servers behind one address it goes on with', async () => {
    const first = await bareServer();
    const second = await bareServer('TLSv1.3', await issue({ name: 'CN=second', issuer: root, ips: ['127.0.0.1'] }));
    const balanced = await balancer(first);
    const connector = new TlsConnector(addressOf(balanced), { roots: root.certificate });
    expect((await connectOnce(first, connector)).identity?.subject).toBe('CN=server');
    balanced.target = second;
    const without = await connector.connect();
    expect(without.peerIdentity?.subject).toBe('CN=second');
    // Before its ticket has been read.
    without.abort();
    balanced.target = first;
    const { isReused, identity } = await connectOnce(first, connector);
    expect([isReused, identity?.subject]).toEqual([true, 'CN=server']);
  });

  it('makes a whole handshake when the certificate of the server has expired since', async () => {
    const bare = await bareServer();
    const connector = new TlsConnector(addressOf(bare), { roots: root.certificate });
    await connectOnce(bare, connector);
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 31 * 86_400_000);
    cleanup.push(() => now.mockRestore());
    expect((await connectOnce(bare, connector)).isReused).toBe(false);
  });
});

describe('a listener whose clients come back with a session', () => {
  const own = ({ certificate, key }: Issued) => ({ certificateChain: certificate, privateKey: key });

  async function listening(tls: Partial<TlsServerOptions>): Promise<TlsListener> {
    const listener = await TlsListener.bind('127.0.0.1:0', { ...own(server), ...tls });
    cleanup.push(() => listener.close());
    return listener;
  }

  async function accepted(listener: TlsListener, connector: TlsConnector): Promise<FramedTransport> {
    const [far, near] = await Promise.all([listener.accept(), connector.connect()]);
    const sink = started(near);
    started(far);
    far.send(new TestPacket(1, 0));
    await sink.untilPackets(1);
    return far;
  }

  it('knows the client as before, and asks for its certificate again after a renewal of the roots', async () => {
    const failures: string[] = [];
    const listener = await listening({
      clientCertificates: 'require',
      clientRoots: root.certificate,
      onHandshakeFailure: (error) => failures.push(error.message),
    });
    const connector = new TlsConnector(listener.address, { roots: root.certificate, ...own(client) });
    const first = await accepted(listener, connector);
    expect(first.peerIdentity).toMatchObject({ authorized: true, subject: 'CN=client' });
    const second = await accepted(listener, connector);
    expect(second.peerIdentity).toEqual(first.peerIdentity);
    listener.renew({ ...own(server), clientRoots: otherRoot.certificate });
    await started(await connector.connect()).untilClosed();
    await expect.poll(() => failures).toEqual([expect.stringContaining('unknown root')]);
  });

  for (const mode of ['request', 'require'] as const) {
    it(`looks again at when the certificate of a client expires: ${mode}`, async () => {
      const failures: string[] = [];
      const listener = await listening({
        clientCertificates: mode,
        clientRoots: root.certificate,
        onHandshakeFailure: (error) => failures.push(error.message),
      });
      const connector = new TlsConnector(listener.address, { roots: root.certificate, ...own(brief) });
      expect((await accepted(listener, connector)).peerIdentity?.authorized).toBe(true);
      // Before that of the server.
      const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 2 * 86_400_000);
      cleanup.push(() => now.mockRestore());
      if (mode === 'request') {
        const { peerIdentity } = await accepted(listener, connector);
        expect(peerIdentity).toMatchObject({ authorized: false, authorizationError: 'CERT_HAS_EXPIRED' });
        return;
      }
      await started(await connector.connect()).untilClosed();
      await expect.poll(() => failures).toEqual([expect.stringContaining('has expired')]);
    });
  }
});
