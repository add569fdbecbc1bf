import { Duplex } from 'node:stream';
import { type Packet, UsageError } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { expect, it } from 'vitest';
import type { PacketSink } from '../../../src/transport/contract/contract.js';
import { StreamTransport } from '../../../src/transport/stream/stream-transport.js';
import { eventually } from '../../support/eventually.js';
import { packetBytes } from '../../support/wire-packets.js';

/** Two packets come at once, the receiver stops after the first; then the peer ends, and the stream breaks. */
async function stopped() {
  const stream = new Duplex({ read() {}, write() {}, allowHalfOpen: true });
  const transport = new StreamTransport(stream, { kind: 'pipe', remoteAddress: 'a pipe' });
  const seen: string[] = [];
  const sink: PacketSink = {
    packet({ messageType }: Packet) {
      seen.push(messageType === MessageType.Ping ? 'ping' : 'pong');
      transport.pause();
    },
    broken: () => seen.push('broken'),
    drained: () => {},
    peerEnded: () => seen.push('end'),
    closed: (error) => seen.push(error === undefined ? 'closed' : 'failed'),
  };
  transport.start(sink);
  stream.push(Buffer.concat([packetBytes(MessageType.Ping), packetBytes(MessageType.Pong)]));
  await eventually(() => seen.length > 0, 'the first packet');
  stream.push(null);
  stream.read(0);
  await eventually(() => stream.readableEnded, 'the end');
  stream.destroy(new UsageError('by the test'));
  await eventually(() => stream.closed, 'the stream is closed');
  return { transport, seen };
}

it('what came before a stream broke is delivered first', async () => {
  const { transport, seen } = await stopped();
  expect(seen).toEqual(['ping']);
  transport.resume();
  expect(seen).toEqual(['ping', 'pong']);
  transport.resume();
  await eventually(() => seen.includes('failed'), 'the end of the connection');
});
