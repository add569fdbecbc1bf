import { Duplex } from 'node:stream';
import { MessageType } from 'nnrp-core/preview3';
import { expect, it } from 'vitest';
import { RecordingSink } from '../../../src/testing/recording-sink.js';
import { TestPacket } from '../../../src/testing/test-packet.js';
import { StreamTransport } from '../../../src/transport/stream/stream-transport.js';
import { packetBytes } from '../../support/wire-packets.js';

/** A stream whose other end is this test. */
class Line extends Duplex {
  writes: (() => void)[] = [];

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(done);
  }
}

function lineAndTransport(highWaterBytes = 1024) {
  const line = new Line();
  const options = { kind: 'custom', remoteAddress: 'a test', highWaterBytes } as const;
  return { line, transport: new StreamTransport(line, options) };
}

function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

it('resume() before start() reads nothing, and start() does', async () => {
  const { line, transport } = lineAndTransport();
  transport.resume();
  line.push(packetBytes(MessageType.Ping));
  await turns();
  expect(line.readableLength).toBe(40);
  const sink = new RecordingSink();
  transport.start(sink);
  await sink.until(() => sink.packets.length === 1, 'the packet');
  transport.abort();
  await sink.untilClosed();
});

it('drained() that throws when the stream ends keeps the end neither from the sink nor from close()', async () => {
  const { line, transport } = lineAndTransport();
  const sink = new RecordingSink();
  sink.onDrained = () => {
    throw new Error('a fault of the sink');
  };
  transport.start(sink);
  expect(transport.send(new TestPacket(1, 4096))).toBe(false);
  const closing = transport.close();
  line.destroy();
  await sink.untilClosed();
  await closing;
  expect(sink.closes).toHaveLength(1);
  expect(sink.drains).toBe(1);
});

it('close() resolves after closed(), also where the stream is over and packets are unread', async () => {
  const { line, transport } = lineAndTransport();
  const sink = new RecordingSink();
  sink.onPacket = () => transport.pause();
  line.push(Buffer.concat([packetBytes(MessageType.Ping), packetBytes(MessageType.Ping)]));
  line.push(null);
  transport.start(sink);
  await sink.until(() => sink.packets.length === 1, 'a packet');
  await turns();
  line.destroy();
  await turns();
  expect(sink.closes).toEqual([]);
  await transport.close();
  expect(sink.closes).toHaveLength(1);
});
