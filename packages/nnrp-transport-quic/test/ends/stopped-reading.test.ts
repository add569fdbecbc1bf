import { afterEach, expect, it } from 'vitest';
import { RecordingSink } from '../../../nnrp-runtime/src/testing/recording-sink.js';
import { TestPacket } from '../../../nnrp-runtime/src/testing/test-packet.js';
import { within } from '../../../nnrp-runtime/src/testing/within.js';
import { QuicFramedListener } from '../../src/quic-listener.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';
import { BareClient } from '../support/bare-client.js';
import { until } from '../support/until.js';

/** What `close` grants a peer that shows no sign of life. */
const GRACE_MS = 2000;

let listener: QuicFramedListener | undefined;
let peer: BareClient | undefined;
afterEach(async () => {
  peer?.destroy();
  await listener?.close();
});

function bytesOf(packet: TestPacket): Uint8Array {
  const bytes = new Uint8Array(packet.headBytes + packet.body.length);
  packet.writeHead(new DataView(bytes.buffer), 0);
  bytes.set(packet.body, packet.headBytes);
  return bytes;
}

for (const ends of [false, true]) {
  const what = ends ? 'and has ended its own side' : 'and goes on otherwise';
  it(`close() does not wait for a peer that has stopped reading behind its last packet ${what}`, async () => {
    const { config } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
    listener = await QuicFramedListener.bind(config);
    peer = await BareClient.connected(listener.address);
    const { module, index } = peer;
    // In one datagram: the server knows of all of it at once.
    module.write(index, bytesOf(new TestPacket(1, 100)));
    if (ends) module.finish(index);
    module.exports.stop(index, 7);
    peer.flush();
    const transport = await listener.accept();
    const sink = new RecordingSink();
    // Else the end of the peer's side would end this one without `close`.
    Object.assign(sink, { peerEnded: () => {} });
    transport.start(sink);
    await sink.untilPackets(1);
    await within(transport.close(), GRACE_MS, 'close()');
    await until(() => peer?.isOver === true, 'the peer is told');
    expect(sink.closes).toEqual([undefined]);
  });
}
