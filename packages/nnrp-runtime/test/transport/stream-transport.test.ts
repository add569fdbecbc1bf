import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { Duplex, PassThrough, Readable, Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { RecordingSink } from '../../src/testing/recording-sink.js';
import { assertTestPacket, TestPacket } from '../../src/testing/test-packet.js';
import type { FramedTransport } from '../../src/transport/contract/contract.js';
import { StreamTransport } from '../../src/transport/stream/stream-transport.js';
import { TcpListener } from '../../src/transport/tcp/tcp.js';
import type { TcpOptions } from '../../src/transport/tcp/tcp-options.js';
import { RawPeer } from '../support/raw-peer.js';
import { packetBytes } from '../support/wire-packets.js';

const PING = packetBytes(0x20);
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

interface Accepted {
  readonly peer: RawPeer;
  readonly transport: FramedTransport;
  readonly sink: RecordingSink;
}

/** A transport on the one side, a bare socket on the other. */
async function accepted(options: TcpOptions = {}): Promise<Accepted> {
  const listener = await TcpListener.bind('127.0.0.1:0', options);
  const accepting = listener.accept();
  const peer = await RawPeer.connect(listener.address);
  const transport = await accepting;
  cleanup.push(
    () => peer.destroy(),
    () => transport.abort(),
    () => listener.close(),
  );
  const sink = new RecordingSink();
  return { peer, transport, sink };
}

describe('a transport over a byte stream', () => {
  it('says drained with a limit so low that the kernel takes everything at once', async () => {
    const { peer, transport, sink } = await accepted({ highWaterBytes: 100 });
    transport.start(sink);
    for (let number = 1; number <= 20; number++) {
      expect(transport.send(new TestPacket(number, 200))).toBe(false);
      await sink.until(() => sink.drains === number, `drained() number ${number}`);
    }
    for (let number = 1; number <= 20; number++) assertTestPacket(await peer.next(), number, 200);
  });

  it('joins the packets of one turn and does not delay them', async () => {
    const { peer, transport, sink } = await accepted();
    transport.start(sink);
    const chunks: number[] = [];
    peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk.length));
    for (let number = 1; number <= 30; number++) transport.send(new TestPacket(number, 0));
    for (let number = 1; number <= 30; number++) await peer.next();
    expect(chunks).toEqual([30 * 112]);
  });

  it('delivers what came before a fault, reports the fault once, and can still say something', async () => {
    const { peer, transport, sink } = await accepted();
    transport.start(sink);
    peer.send(PING, PING, new Uint8Array(100), PING);
    await sink.until(() => sink.faults.length > 0, 'broken()');
    peer.send(PING);
    transport.send(new TestPacket(1, 10));
    assertTestPacket(await peer.next(), 1, 10);
    void transport.close();
    await sink.untilClosed();
    expect([sink.packets.length, sink.faults]).toEqual([2, [{ kind: 'invalid_magic' }]]);
  });

  it('does not reveal a fault while it is paused, nor lose what comes before it', async () => {
    const { peer, transport, sink } = await accepted();
    sink.onPacket = () => transport.pause();
    transport.start(sink);
    peer.send(PING, PING, new Uint8Array(40));
    await sink.untilPackets(1);
    transport.resume();
    await sink.untilPackets(2);
    expect(sink.faults).toEqual([]);
    transport.resume();
    await sink.until(() => sink.faults.length > 0, 'broken()');
  });

  it('says when the stream ended inside a packet, and when in good order', async () => {
    const { peer, transport, sink } = await accepted();
    transport.start(sink);
    peer.socket.end(Buffer.concat([PING, PING.subarray(0, 30)]));
    await sink.untilClosed();
    expect(sink.closes[0]?.message).toMatch(/ended inside a packet/);
    const other = await accepted();
    other.transport.start(other.sink);
    other.peer.socket.end(PING);
    await other.sink.untilClosed();
    expect([other.sink.packets.length, other.sink.closes]).toEqual([1, [undefined]]);
  });

  it('gives up waiting for room when its peer is gone, so that what came before the end is read', async () => {
    // Takes nothing; what it has to give comes at once with its end.
    const stream = new Duplex({ read() {}, write() {} });
    const options = { kind: 'tcp', remoteAddress: 'test', highWaterBytes: 100 } as const;
    const transport = new StreamTransport(stream, options);
    const sink = new RecordingSink();
    // As an outbox does that is full: nothing is read until there is room again.
    sink.onPacket = () => {
      if (!transport.send(new TestPacket(1, 200))) transport.pause();
    };
    sink.onDrained = () => transport.resume();
    stream.push(Buffer.concat([PING, PING, PING]));
    stream.push(null);
    transport.start(sink);
    await sink.untilPackets(1);
    expect([sink.drains, sink.closes]).toEqual([0, []]);
    stream.destroy(new Error('the peer is gone'));
    await sink.untilClosed();
    expect([sink.packets.length, sink.drains]).toEqual([3, 1]);
    expect(sink.closes[0]?.message).toMatch(/the peer is gone/);
  });

  it.each(['close', 'abort'] as const)(
    'ends by %s() when its peer is gone and its sink has not read all',
    async (way) => {
      // What it has to give comes at once with its end.
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
      const transport = new StreamTransport(stream, { kind: 'tcp', remoteAddress: 'test' });
      const sink = new RecordingSink();
      sink.onPacket = () => transport.pause();
      stream.push(Buffer.concat([PING, PING]));
      stream.push(null);
      transport.start(sink);
      await sink.untilPackets(1);
      stream.destroy();
      await once(stream, 'close');
      expect(sink.closes).toEqual([]);
      await transport[way]();
      await sink.untilClosed();
      expect([sink.packets.length, sink.closes]).toEqual([1, [undefined]]);
    },
  );

  it('keeps what has come when the memory of a chunk is made smaller', async () => {
    const stream = new Duplex({ read() {}, write() {} });
    const transport = new StreamTransport(stream, { kind: 'tcp', remoteAddress: 'test' });
    const sink = new RecordingSink();
    transport.start(sink);
    const chunk = Buffer.concat([packetBytes(0x20, 0, 1), packetBytes(0x20, 0, 2)]);
    const memory = Reflect.construct(ArrayBuffer, [chunk.length, { maxByteLength: chunk.length }]);
    const resizable = new Uint8Array(memory);
    resizable.set(chunk);
    sink.onPacket = () => (memory as unknown as { resize(bytes: number): void }).resize(60);
    stream.push(resizable);
    await sink.untilPackets(2);
    expect(sink.packets.map(({ frameId }) => frameId)).toEqual([1, 2]);
    transport.abort();
  });

  it('answers a peer that half-closes after its last packet', async () => {
    const { peer, transport, sink } = await accepted();
    sink.onPacket = () => void transport.send(new TestPacket(1, 50_000));
    transport.start(sink);
    peer.socket.end(PING);
    assertTestPacket(await peer.next(), 1, 50_000);
    await peer.closed();
  });

  it('names the failure of its connection', async () => {
    const { peer, transport, sink } = await accepted();
    transport.start(sink);
    peer.reset();
    await sink.untilClosed();
    expect(sink.closes[0]).toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      message: expect.stringContaining('ECONNRESET'),
    });
  });

  it('cuts a peer that takes no bytes when it closes, and lets one finish that begins to read late', async () => {
    const [silent, late] = await Promise.all([pairOver(50), pairOver(5000)]);
    for (const { transport, sink } of [silent, late]) {
      transport.start(sink);
      for (let number = 1; number <= 100; number++) transport.send(new TestPacket(number, 100_000));
    }
    silent.socket.pause();
    await silent.transport.close();
    expect(silent.socket.readableEnded).toBe(false);
    const peer = RawPeer.over(late.socket);
    late.socket.resume();
    await Promise.all([
      late.transport.close(),
      (async () => {
        for (let number = 1; number <= 100; number++) assertTestPacket(await peer.next(), number, 100_000);
      })(),
    ]);
  });

  it('lets a peer finish that takes one large packet slowly, longer than the close timeout in all', async () => {
    const { transport, socket, sink } = await pairOver(400);
    transport.start(sink);
    const bytes = 24 * 1024 * 1024;
    transport.send(new TestPacket(1, bytes));
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
    const ended = once(socket, 'end');
    socket.resume();
    const started = performance.now();
    const closed = transport.close();
    await ended;
    expect(performance.now() - started).toBeGreaterThan(400);
    expect(received).toBeGreaterThan(bytes);
    socket.end();
    await closed;
  });
});

describe('a peer that only sends', () => {
  /** Writes a byte every now and then. */
  function chatter(socket: Duplex, everyMs: number): void {
    socket.on('error', () => {});
    const timer = setInterval(() => socket.write('N'), everyMs);
    cleanup.push(() => clearInterval(timer));
  }

  it('does not prolong close(), with nothing to send and with much', async () => {
    for (const count of [0, 200]) {
      const { transport, socket, sink } = await pairOver(200);
      transport.start(sink);
      chatter(socket, 20);
      for (let number = 1; number <= count; number++) transport.send(new TestPacket(number, 100_000));
      const begunMs = performance.now();
      await transport.close();
      const tookMs = performance.now() - begunMs;
      expect(tookMs).toBeGreaterThanOrEqual(195);
      expect(tookMs).toBeLessThan(3 * 200);
      socket.destroy();
    }
  });

  it('is given up after stallTimeoutMs, also with less than highWaterBytes waiting', async () => {
    const { peer, transport, sink } = await accepted({ stallTimeoutMs: 200, highWaterBytes: 2 ** 30 });
    transport.start(sink);
    peer.socket.pause();
    chatter(peer.socket, 20);
    for (let number = 1; number <= 200; number++) expect(transport.send(new TestPacket(number, 100_000))).toBe(true);
    await sink.untilClosed();
    expect(sink.closes[0]?.message).toMatch(/has taken nothing for 200 ms while bytes wait for it/);
    expect(transport.hasStalled).toBe(true);
  });
});

/** A stream whose other end takes what it is given at its own pace. */
class Slow extends Duplex {
  /** Bytes it has been given by writes, of which it has taken all. */
  taken = 0;

  /** @param bytesPerMs - 0: never */
  constructor(private readonly bytesPerMs: number) {
    super();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (this.bytesPerMs === 0) return;
    setTimeout(() => {
      this.taken += chunk.length;
      callback();
    }, chunk.length / this.bytesPerMs);
  }
}

describe('what a transport over a stream is made of', () => {
  const options = { kind: 'own', remoteAddress: 'own:1' };
  const wrong = (given: object) => () => new StreamTransport(new PassThrough(), { ...options, ...given } as never);

  it.each([
    undefined,
    null,
    'own:1',
    {},
    new Readable({ read() {} }),
    new Writable({ write() {} }),
    Readable.toWeb(new Readable({ read() {} })),
  ])('is a stream to read and to write, not %s', (stream) => {
    const making = () => new StreamTransport(stream as never, options);
    expect(making).toThrow(/^\[NNRP_ERR_USAGE\] StreamTransport: expected a Duplex of node:stream, got /);
  });

  it.each(['kind', 'remoteAddress'])('has text for %s', (name) => {
    for (const value of [undefined, 5, {}]) expect(wrong({ [name]: value })).toThrow(`${name}: expected a string, got`);
    expect(() => new StreamTransport(new PassThrough(), undefined as never)).toThrow('kind: expected a string');
  });

  it.each(['maxPacketBytes', 'highWaterBytes', 'stallTimeoutMs', 'closeTimeoutMs', 'maxWriteBytes'])(
    'has an integer for %s that is of use',
    (name) => {
      for (const value of [Number.NaN, -1, 1.5, '1000', Number.NEGATIVE_INFINITY, 2 ** 53])
        expect(wrong({ [name]: value })).toThrow(new RegExp(`${name}: expected an integer`));
    },
  );

  it('leaves a stream alone that it refuses', () => {
    const stream = new PassThrough();
    expect(() => new StreamTransport(stream, { ...options, stallTimeoutMs: -1 })).toThrow('stallTimeoutMs');
    expect([stream.listenerCount('error'), stream.listenerCount('data'), stream.destroyed]).toEqual([0, 0, false]);
  });
});

describe("a Duplex of one's own", () => {
  function over(stream: Duplex, options: { stallTimeoutMs?: number; maxWriteBytes?: number; closeTimeoutMs?: number }) {
    const transport = new StreamTransport(stream, { kind: 'own', remoteAddress: 'own:1', ...options });
    cleanup.push(() => transport.abort());
    const sink = new RecordingSink();
    transport.start(sink);
    const timer = setInterval(() => stream.push(Buffer.from('N')), 20);
    cleanup.push(() => clearInterval(timer));
    return { transport, sink };
  }

  it('that calls no write back is given up, whatever it delivers', async () => {
    const { transport, sink } = over(new Slow(0), { stallTimeoutMs: 200 });
    transport.send(new TestPacket(1, 1000));
    await sink.untilClosed();
    expect(sink.closes[0]?.message).toMatch(/own:1 has taken nothing for 200 ms/);
  });

  it('that takes one large body in small writes is borne with, longer than any limit in all', async () => {
    const stream = new Slow((16 * 1024) / 50);
    const { transport, sink } = over(stream, { stallTimeoutMs: 400, closeTimeoutMs: 400 });
    transport.send(new TestPacket(1, 500_000));
    const begunMs = performance.now();
    await transport.close();
    expect(performance.now() - begunMs).toBeGreaterThan(800);
    expect(stream.taken).toBeGreaterThan(500_000);
    expect(sink.closes).toEqual([undefined]);
  });

  it('whose other end takes a few bytes now and then holds nothing for ever', async () => {
    const { transport, sink } = over(new Slow(0.1), { stallTimeoutMs: 400, maxWriteBytes: 2 });
    transport.send(new TestPacket(1, 100_000));
    await sink.untilClosed();
    expect(sink.closes[0]?.message).toMatch(/own:1 has taken only \d+ bytes for 400 ms/);
  });

  it('that says what has been taken is believed', async () => {
    class Measured extends Slow {
      takenBytes = 0;
    }
    const stream = new Measured(0);
    const { transport, sink } = over(stream, { stallTimeoutMs: 300 });
    transport.send(new TestPacket(1, 100_000));
    const timer = setInterval(() => {
      stream.takenBytes += 1000;
      if (stream.takenBytes === 40_000) clearInterval(timer);
    }, 25);
    const begunMs = performance.now();
    await sink.untilClosed();
    expect(performance.now() - begunMs).toBeGreaterThan(900);
    expect(sink.closes[0]?.message).toMatch(/for 300 ms while bytes wait/);
  });
});

/** A transport that closes this fast, and the bare socket it is connected to, which does not read yet. */
async function pairOver(closeTimeoutMs: number) {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stream = createConnection({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  const [[socket]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(stream, 'connect')]);
  const transport = new StreamTransport(stream, { kind: 'tcp', remoteAddress: 'test', closeTimeoutMs });
  cleanup.push(
    () => socket.destroy(),
    () => transport.abort(),
    () => server.close(),
  );
  return { transport, socket, sink: new RecordingSink() };
}
