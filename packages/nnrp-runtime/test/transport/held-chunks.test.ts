import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { RecordingSink } from '../../src/testing/recording-sink.js';
import { assertTestPacket, TestPacket } from '../../src/testing/test-packet.js';
import type { FramedTransport } from '../../src/transport/contract/contract.js';
import type { SentPiece } from '../../src/transport/contract/sent-pieces.js';
import { StreamTransport } from '../../src/transport/stream/stream-transport.js';
import { TcpListener } from '../../src/transport/tcp/tcp.js';
import { eventually } from '../support/eventually.js';
import { RawPeer } from '../support/raw-peer.js';

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
