import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { RecordingSink } from '../../../src/testing/recording-sink.js';
import { assertTestPacket, TestPacket } from '../../../src/testing/test-packet.js';
import type { FramedTransport } from '../../../src/transport/contract/contract.js';
import type { SentPiece } from '../../../src/transport/contract/sent-pieces.js';
import { StreamTransport } from '../../../src/transport/stream/stream-transport.js';
import { WriteQueue } from '../../../src/transport/stream/write-queue.js';
import { TcpListener } from '../../../src/transport/tcp/tcp.js';
import { eventually } from '../../support/eventually.js';
import { RawPeer } from '../../support/raw-peer.js';

const MIB = 1024 * 1024;
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

/** A stream that takes nothing until it is told to, and then everything. */
class Stuck extends Duplex {
  bytes = 0;
  /** The memory that it was given, as far as it was not used again. */
  readonly memory = new Set<ArrayBufferLike>();
  private pending: (() => void) | undefined;
  private takes = false;

  override _read(): void {}

  override _writev(chunks: readonly { chunk: Buffer }[], callback: () => void): void {
    for (const { chunk } of chunks) {
      this.bytes += chunk.length;
      this.memory.add(chunk.buffer);
    }
    if (this.takes) callback();
    else this.pending = callback;
  }

  takeAll(): void {
    this.takes = true;
    this.pending?.();
  }
}

/** A small packet in each turn of the event loop, until there is no room for more. @returns how many */
async function fill(transport: FramedTransport): Promise<number> {
  for (let number = 1; ; number++) {
    if (!transport.send(new TestPacket(number, 200))) return number;
    await turn();
  }
}

describe('small packets that wait, each from a turn of its own', () => {
  it('hold about what they are counted as, and arrive in order', async () => {
    const listener = await TcpListener.bind('127.0.0.1:0', { highWaterBytes: MIB });
    const accepting = listener.accept();
    const peer = await RawPeer.connect(listener.address);
    const transport = await accepting;
    cleanup.push(
      () => peer.destroy(),
      () => transport.abort(),
      () => listener.close(),
    );
    transport.start(new RecordingSink());
    peer.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const count = await fill(transport);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(24 * MIB);
    peer.socket.resume();
    for (let number = 1; number <= count; number++) assertTestPacket(await peer.next(), number, 200);
  });

  it.each(['call', 'callback'] as const)(
    'take few chunks of a stream that borrows them until the %s',
    async (borrowsWrites) => {
      const stream = new Stuck();
      const transport = new StreamTransport(stream, {
        kind: 'own',
        remoteAddress: 'own:1',
        borrowsWrites,
        highWaterBytes: MIB,
      });
      cleanup.push(() => transport.abort());
      transport.start(new RecordingSink());
      const count = await fill(transport);
      stream.takeAll();
      await eventually(() => transport.unsentBytes === 0, 'all is written');
      const { headBytes } = new TestPacket(0, 0);
      expect(stream.bytes).toBe(count * (headBytes + 200));
      expect(stream.memory.size).toBeLessThan(64);
    },
  );

  it('are told of as sent when the stream ends before it has taken them', async () => {
    const stream = new Stuck();
    const transport = new StreamTransport(stream, { kind: 'own', remoteAddress: 'own:1', borrowsWrites: 'callback' });
    const sink = new RecordingSink();
    transport.start(sink);
    let told = 0;
    const lengthOf = (piece: SentPiece) =>
      ArrayBuffer.isView(piece) ? piece.length : piece.head.length + piece.bodyLength;
    transport.tellSent({
      append: (pieces) => {
        for (const piece of pieces) told += lengthOf(piece);
      },
    });
    for (let number = 1; number <= 3; number++) {
      transport.send(new TestPacket(number, 100));
      await turn();
    }
    stream.destroy();
    await sink.untilClosed();
    expect(told).toBe(3 * (new TestPacket(0, 0).headBytes + 100));
  });
});

/** The bytes of a packet, each in memory of its own from one cut to the next. */
function cut(packet: TestPacket, ...ends: number[]): Buffer[] {
  const bytes = new Uint8Array(packet.headBytes + packet.body.length);
  packet.writeHead(new DataView(bytes.buffer), 0);
  bytes.set(packet.body, packet.headBytes);
  return [...ends, bytes.length].map((end, index) => {
    const part = Buffer.allocUnsafeSlow(end - (ends[index - 1] ?? 0));
    part.set(bytes.subarray(ends[index - 1] ?? 0, end));
    return part;
  });
}

describe('chunks that a large packet came in', () => {
  async function receive(options: { readonly ownsReads?: boolean }, chunks: readonly Buffer[]) {
    const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    const transport = new StreamTransport(stream, { kind: 'own', remoteAddress: 'own:1', ...options });
    cleanup.push(() => transport.abort());
    const sink = new RecordingSink();
    transport.start(sink);
    for (const chunk of chunks) {
      stream.push(chunk);
      await turn();
    }
    return sink;
  }

  it('are given back at once when nobody else has them', async () => {
    const chunks = cut(new TestPacket(1, 200_000), 65_536, 131_072);
    const sink = await receive({ ownsReads: true }, chunks);
    assertTestPacket(sink.packets[0], 1, 200_000);
    expect(chunks.map((chunk) => chunk.buffer.byteLength)).toEqual([0, 0, 0]);
  });

  it('are left alone when somebody may have them', async () => {
    const chunks = cut(new TestPacket(1, 200_000), 65_536, 131_072);
    assertTestPacket((await receive({}, chunks)).packets[0], 1, 200_000);
    expect(chunks.map((chunk) => chunk.buffer.byteLength)).toEqual([65_536, 65_536, 69_040]);
  });

  it('are left alone when a packet lies in them, and when they are small or part of larger memory', async () => {
    const [first = Buffer.alloc(0), second, third] = cut(new TestPacket(1, 200_000), 8000, 100_000);
    const larger = Buffer.alloc(200_000);
    const part = larger.subarray(0, second?.length).fill(second as Buffer);
    const [small = Buffer.alloc(0)] = cut(new TestPacket(2, 10));
    const last = Buffer.allocUnsafeSlow((third?.length ?? 0) + small.length);
    last.set(third as Buffer);
    last.set(small, third?.length);
    const sink = await receive({ ownsReads: true }, [first, part, last]);
    assertTestPacket(sink.packets[0], 1, 200_000);
    assertTestPacket(sink.packets[1], 2, 10);
    expect([first, larger, last].every(({ buffer }) => buffer.byteLength > 0)).toBe(true);
  });
});

describe('a large body that is lent', () => {
  function queued(looksLater: boolean, listens: boolean) {
    const memory: Uint8Array[] = [];
    const queue = new WriteQueue(true, { allWritten: true, looksLater });
    if (listens)
      queue.tellTo({ append: (_pieces, chunks) => memory.push(...(chunks ?? []).map(({ bytes }) => bytes)) });
    const packet = new TestPacket(1, MIB);
    queue.add(packet);
    const pieces = queue.take();
    const isLent = pieces.some((piece) => !ArrayBuffer.isView(piece) && piece.body.buffer === packet.body.buffer);
    const isIn = (piece: Uint8Array) => memory.some(({ buffer }) => buffer === piece.buffer);
    return { isLent, isHandedOn: pieces.every((piece) => ArrayBuffer.isView(piece) && isIn(piece)) };
  }

  it('is copied once for a stream that looks later and a log, which gets the memory of that copy', () => {
    expect(queued(true, true)).toEqual({ isLent: false, isHandedOn: true });
  });

  it('stays where it is when only one of them wants it', () => {
    expect(queued(true, false)).toEqual({ isLent: true, isHandedOn: false });
    expect(queued(false, true)).toEqual({ isLent: true, isHandedOn: false });
  });
});
