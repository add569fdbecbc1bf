import { afterEach, expect, it } from 'vitest';
import { RecordingSink } from '../../../src/testing/recording-sink.js';
import { TestPacket } from '../../../src/testing/test-packet.js';
import { TcpListener } from '../../../src/transport/tcp/tcp.js';
import { eventually } from '../../support/eventually.js';
import { collectGarbage } from '../../support/measuring.js';
import { RawPeer } from '../../support/raw-peer.js';

const MIB = 1024 * 1024;
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

function bytesHeld(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

it.each([200, 5000, 100_000])(
  'what has waited for a peer goes with the stream, whoever still holds the transport: packets of %i bytes',
  async (bytes) => {
    const listener = await TcpListener.bind('127.0.0.1:0', { highWaterBytes: 16 * MIB });
    cleanup.push(() => listener.close());
    const accepting = listener.accept();
    const peer = await RawPeer.connect(listener.address);
    cleanup.push(() => peer.destroy());
    const transport = await accepting;
    const sink = new RecordingSink();
    transport.start(sink);
    peer.socket.pause();
    const before = bytesHeld();
    for (let number = 1; transport.send(new TestPacket(number, bytes)); ) {
      number++;
      if (number % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bytesHeld() - before).toBeGreaterThan(10 * MIB);
    transport.abort();
    await sink.untilClosed();
    // The kernel's side of the last write ends by itself.
    await eventually(() => bytesHeld() - before < MIB, 'it is let go of');
    expect(transport.kind).toBe('tcp');
  },
);
