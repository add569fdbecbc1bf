import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RecordingSink } from '../../../src/testing/recording-sink.js';
import { assertTestPacket, TestPacket } from '../../../src/testing/test-packet.js';
import { parseAddress } from '../../../src/transport/address/address.js';
import type { FramedTransport } from '../../../src/transport/contract/contract.js';
import { StreamTransport } from '../../../src/transport/stream/stream-transport.js';
import type { TcpOptions } from '../../../src/transport/tcp/tcp-options.js';
import { TlsConnector, TlsListener } from '../../../src/transport/tls/tls.js';
import type { TlsClientOptions, TlsServerOptions } from '../../../src/transport/tls/tls-options.js';
import { der, type Issued, issue } from '../../support/certificates.js';

const root = await issue({ name: 'CN=root', authority: true });
const server = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'] });
const client = await issue({
  name: 'CN=worker 7, O=Example\\, Inc, C=DE',
  issuer: root,
  use: 'client',
  dns: ['worker-7.example'],
});
const stranger = await issue({ name: 'CN=stranger' });
const ROOTS = { clientRoots: root.certificate };

const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 10_000 });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const own = ({ certificate, key }: Issued) => ({ certificateChain: certificate, privateKey: key });
const bare = ({ certificate, key }: Issued) => ({ cert: certificate, key });

async function listening(tls: Partial<TlsServerOptions> = {}, options: TcpOptions = {}): Promise<TlsListener> {
  const listener = await TlsListener.bind('127.0.0.1:0', { ...own(server), ...tls }, options);
  cleanup.push(() => listener.close());
  return listener;
}

interface Pair {
  readonly near: FramedTransport;
  readonly far: FramedTransport;
}

async function pairOver(listener: TlsListener, tls: TlsClientOptions = {}, via = listener.address): Promise<Pair> {
  const accepting = listener.accept();
  const near = await new TlsConnector(via, { roots: root.certificate, ...tls }).connect();
  const far = await accepting;
  cleanup.push(
    () => near.abort(),
    () => far.abort(),
  );
  return { near, far };
}

/** A client of node:tls, and the transport at the other end. */
async function bareOver(listener: TlsListener, options: ConnectionOptions = {}) {
  const accepting = listener.accept();
  const socket = connect({ ...parseAddress(listener.address), ca: root.certificate, ...options });
  cleanup.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  const far = await accepting;
  cleanup.push(() => far.abort());
  return { socket: socket.on('error', () => {}), far };
}

function started(transport: FramedTransport): RecordingSink {
  const sink = new RecordingSink();
  transport.start(sink);
  return sink;
}

describe('TLS over TCP', () => {
  it('carries a body of 2 MB intact, both ways', async () => {
    const { near, far } = await pairOver(await listening());
    const [nearSink, farSink] = [started(near), started(far)];
    near.send(new TestPacket(1, 2_000_000));
    far.send(new TestPacket(2, 2_000_000));
    await Promise.all([nearSink.untilPackets(1), farSink.untilPackets(1)]);
    assertTestPacket(farSink.packets[0], 1, 2_000_000);
    assertTestPacket(nearSink.packets[0], 2, 2_000_000);
  });

  it('is called tcp, and speaks TLS 1.3 unless told otherwise', async () => {
    const { near, far } = await pairOver(await listening());
    expect([near.kind, far.kind]).toEqual(['tcp', 'tcp']);
    expect(far.peerIdentity?.protocol).toBe('TLSv1.3');
    const older = await bareOver(await listening({ minVersion: 'TLSv1.2' }), { maxVersion: 'TLSv1.2' });
    expect(older.far.peerIdentity?.protocol).toBe('TLSv1.2');
  });

  it('puts the small packets of one turn into one record, and a large body into full ones', async () => {
    const listener = await listening();
    const { records, address } = await recordCounter(listener.address);
    const { near, far } = await pairOver(listener, {}, address);
    const [nearSink, farSink] = [started(near), started(far)];
    // An answer, so that the end of the handshake is not counted.
    near.send(new TestPacket(1, 0));
    await farSink.untilPackets(1);
    far.send(new TestPacket(1, 0));
    await nearSink.untilPackets(1);
    records.length = 0;
    for (let number = 2; number <= 101; number++) near.send(new TestPacket(number, 20));
    await farSink.untilPackets(101);
    // 13,200 bytes, and what TLS adds.
    expect(records).toHaveLength(1);
    records.length = 0;
    near.send(new TestPacket(102, 1_000_000));
    await farSink.untilPackets(102);
    expect(records.length).toBeLessThanOrEqual(Math.ceil(1_000_200 / 16_384) + 1);
  });

  it('sends a peer the rest of its answer that ends its direction after its last packet', async () => {
    const { socket, far } = await bareOver(await listening(), {});
    socket.allowHalfOpen = true;
    const received = new StreamTransport(socket, { kind: 'tcp', remoteAddress: 'test' });
    const sink = new RecordingSink();
    const farSink = new RecordingSink();
    farSink.onPacket = () => void far.send(new TestPacket(2, 5_000_000));
    far.start(farSink);
    received.send(new TestPacket(1, 0));
    await new Promise((resolve) => setImmediate(resolve));
    socket.end();
    received.start(sink);
    await Promise.all([sink.untilClosed(), farSink.untilClosed()]);
    assertTestPacket(sink.packets[0], 2, 5_000_000);
    expect([sink.closes, farSink.closes]).toEqual([[undefined], [undefined]]);
  });

  it('says how much has arrived of a packet that is not complete', async () => {
    const { socket, far } = await bareOver(await listening());
    const sink = started(far);
    expect(far.unfinishedBytes).toBe(0);
    const packet = wire(new TestPacket(1, 1000));
    socket.write(Buffer.concat([packet, packet.subarray(0, 600)]));
    await sink.untilPackets(1);
    await eventually(() => far.unfinishedBytes).toBe(600);
    socket.write(packet.subarray(600, 610));
    await eventually(() => far.unfinishedBytes).toBe(610);
    far.pause();
    expect(far.unfinishedBytes).toBe(0);
    far.resume();
    sink.onPacket = () => expect(far.unfinishedBytes).toBe(0);
    socket.write(packet.subarray(610));
    await sink.untilPackets(2);
    expect(far.unfinishedBytes).toBe(0);
  });

  it('names the failure of its connection', async () => {
    const listener = await listening();
    const { address, connections } = await recordCounter(listener.address);
    const { near, far } = await pairOver(listener, {}, address);
    const [nearSink, farSink] = [started(near), started(far)];
    near.send(new TestPacket(1, 0));
    await farSink.untilPackets(1);
    for (const socket of connections) socket.resetAndDestroy();
    await Promise.all([nearSink.untilClosed(), farSink.untilClosed()]);
    for (const { closes } of [nearSink, farSink]) {
      expect(closes).toEqual([expect.objectContaining({ message: expect.stringMatching(/: read ECONNRESET$/) })]);
    }
  });

  it('ends with one error when its records are tampered with', async () => {
    const listener = await listening();
    const { address, tamper } = await recordCounter(listener.address);
    const { near, far } = await pairOver(listener, {}, address);
    const farSink = started(far);
    started(near);
    tamper();
    near.send(new TestPacket(1, 100));
    await farSink.untilClosed();
    expect([farSink.packets.length, farSink.closes.length]).toEqual([0, 1]);
    expect(farSink.closes[0]?.message).toMatch(/TLS failed \(ERR_SSL_\w*BAD_RECORD_MAC\)/);
  });

  it('lets a peer finish that takes one large packet slowly, longer than the close timeout in all', async () => {
    // No option of a listener: a connection of its own would wait two seconds.
    const short = { highWaterBytes: 1024 * 1024, closeTimeoutMs: 500 };
    const { socket, far } = await bareOver(await listening({}, short));
    const sink = started(far);
    const bytes = 24 * 1024 * 1024;
    far.send(new TestPacket(1, bytes));
    let received = 0;
    let owed = 0;
    // 256 KiB, then a pause.
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      owed += chunk.length;
      if (owed < 256 * 1024) return;
      owed = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 20);
    });
    const ended = once(socket, 'end');
    const before = performance.now();
    const over = far.close();
    await ended;
    expect(performance.now() - before).toBeGreaterThan(1000);
    expect(received).toBeGreaterThan(bytes);
    await over;
    expect(sink.closes).toEqual([undefined]);
  });

  it('says drained with a limit lower than what a socket holds back', async () => {
    const { near, far } = await pairOver(await listening({}, { highWaterBytes: 100 }));
    const [nearSink, farSink] = [started(near), started(far)];
    for (let number = 1; number <= 20; number++) {
      expect(far.send(new TestPacket(number, 200))).toBe(false);
      await farSink.until(() => farSink.drains === number, `drained() number ${number}`);
    }
    await nearSink.untilPackets(20);
  });

  it('raises nothing when session tickets meet a client that has gone', async () => {
    const listener = await listening();
    for (let count = 0; count < 20; count++) {
      const accepting = listener.accept();
      const near = await new TlsConnector(listener.address, { roots: root.certificate }).connect();
      // The tickets are on their way, or not even written.
      if (count % 2 === 0) near.abort();
      else await near.close();
      const farSink = started(await accepting);
      await farSink.untilClosed();
      expect(farSink.closes).toHaveLength(1);
      if (count % 2 === 1) expect(farSink.closes[0]).toBeUndefined();
    }
  });
});

describe('the identity of a TLS server', () => {
  it('is seen by the client that has verified it', async () => {
    const { near } = await pairOver(await listening());
    expect(near.peerIdentity).toMatchObject({ authorized: true, alpn: 'nnrp/1-tcp', protocol: 'TLSv1.3' });
    expect(near.peerIdentity?.certificateDer).toEqual(der(server.certificate));
    expect(Object.isFrozen(near.peerIdentity)).toBe(true);
  });

  it('is a claim where the client has not verified it', async () => {
    const { near } = await pairOver(await listening(), { insecureSkipVerify: true, roots: undefined });
    expect(near.peerIdentity).toMatchObject({ authorized: false });
    expect(near.peerIdentity).not.toHaveProperty('authorizationError');
  });
});

describe('the identity of a TLS client', () => {
  it('is seen on the other end', async () => {
    const listener = await listening({ clientCertificates: 'require', ...ROOTS });
    const { near, far } = await pairOver(listener, own(client));
    const identity = far.peerIdentity;
    expect(identity).toEqual({
      authorized: true,
      subject: 'C=DE,O=Example\\, Inc,CN=worker 7',
      subjectAltNames: 'DNS:worker-7.example',
      fingerprint256: new X509Certificate(client.certificate).fingerprint256,
      certificateDer: der(client.certificate),
      alpn: 'nnrp/1-tcp',
      protocol: 'TLSv1.3',
    });
    expect(Object.isFrozen(identity)).toBe(true);
    expect(far.peerIdentity).toBe(identity);
    near.abort();
    await started(far).untilClosed();
    expect(far.peerIdentity).toBe(identity);
  });

  it('is nobody when nobody asked', async () => {
    const { far } = await pairOver(await listening(), own(client));
    expect(far.peerIdentity).toEqual({ authorized: false, alpn: 'nnrp/1-tcp', protocol: 'TLSv1.3' });
  });

  it('is not authorized without a certificate that holds, when one is only requested', async () => {
    const listener = await listening({ clientCertificates: 'request', ...ROOTS });
    const nobody = await pairOver(listener);
    expect(nobody.far.peerIdentity).toMatchObject({ authorized: false, authorizationError: 'NO_CERTIFICATE' });
    expect(nobody.far.peerIdentity).not.toHaveProperty('subject');
    const claiming = await pairOver(listener, own(stranger));
    expect(claiming.far.peerIdentity).toMatchObject({
      authorized: false,
      authorizationError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      subject: 'CN=stranger',
    });
    const proved = await pairOver(listener, own(client));
    expect(proved.far.peerIdentity).toMatchObject({ authorized: true });
    expect(proved.far.peerIdentity).not.toHaveProperty('authorizationError');
  });

  const cases: [what: string, certificate: Issued | undefined, authorized: boolean][] = [
    ['without a certificate', undefined, false],
    ['with a certificate of its own making', stranger, false],
    ['with a good certificate', client, true],
  ];
  for (const [what, certificate, authorized] of cases) {
    it(`is no other after a session was resumed, ${what}`, async () => {
      const listener = await listening({ clientCertificates: 'request', ...ROOTS });
      const options = certificate === undefined ? {} : bare(certificate);
      const first = await bareOver(listener, options);
      const [session] = await once(first.socket, 'session');
      const second = await bareOver(listener, { ...options, session });
      expect(second.socket.isSessionReused()).toBe(true);
      expect(second.far.peerIdentity).toEqual(first.far.peerIdentity);
      expect(second.far.peerIdentity?.authorized).toBe(authorized);
    });
  }
});

/** The bytes of a packet on the wire. */
function wire(packet: TestPacket): Buffer {
  const head = Buffer.alloc(packet.headBytes);
  packet.writeHead(new DataView(head.buffer, head.byteOffset, head.byteLength), 0);
  return Buffer.concat([head, packet.body]);
}

/** A wire that notes the length of every record of data from the client, and can change a bit in the next one. */
async function recordCounter(target: string) {
  const records: number[] = [];
  const connections: Socket[] = [];
  let tampering = false;
  const between = createServer((client) => {
    const upstream = createConnection(parseAddress(target));
    connections.push(client, upstream);
    let pending = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 5 && pending.length >= 5 + pending.readUInt16BE(3)) {
        const record = Buffer.from(pending.subarray(0, 5 + pending.readUInt16BE(3)));
        pending = pending.subarray(record.length);
        if (record[0] === 23) records.push(record.length - 5);
        if (tampering) record.writeUInt8(record.readUInt8(record.length - 1) ^ 1, record.length - 1);
        tampering = false;
        upstream.write(record);
      }
    });
    upstream.on('data', (chunk: Buffer) => client.write(chunk));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
    }
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  cleanup.push(
    () => between.close(),
    () => connections.map((socket) => socket.destroy()),
  );
  const tamper = () => {
    tampering = true;
  };
  return { records, connections, tamper, address: `127.0.0.1:${(between.address() as AddressInfo).port}` };
}

it('packets that are written in a turn of their own each use the same memory again', async () => {
  const { near, far } = await pairOver(await listening());
  const sink = new RecordingSink();
  far.start(sink);
  near.start(new RecordingSink());
  const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
  cleanup.push(() => allocated.mockRestore());
  for (let number = 1; number <= 100; number++) {
    near.send(new TestPacket(number, 200));
    // A write over TLS is never done at once.
    do await turn();
    while ((near.unsentBytes ?? 0) > 0);
  }
  await eventually(() => sink.packets.length).toBe(100);
  for (const [index, packet] of sink.packets.entries()) assertTestPacket(packet, index + 1, 200);
  expect(allocated.mock.calls.filter(([size]) => size >= 64 * 1024).length).toBeLessThan(3);
});
