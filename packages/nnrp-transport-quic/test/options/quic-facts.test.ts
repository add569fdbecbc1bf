import { X509Certificate } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { type QuicFacts, quicFacts } from '../../src/quic-facts.js';
import { sendAll, TransportPair } from '../support/transport-pair.js';

let pair: TransportPair | undefined;
afterEach(() => pair?.clear());

it('a connection tells of its handshake and of its path, at both ends, and of no path once it is over', async () => {
  pair = await TransportPair.connect({}, { maxDatagramBytes: 1350 }, { maxDatagramBytes: 1350 });
  pair.start();
  sendAll(pair.client, 50, 1000);
  await pair.serverSink.untilPackets(50);
  for (const role of ['client', 'server'] as const) {
    const { handshakeMs, peerCertificate, path, ...rest } = quicFacts(pair.end(role)) as QuicFacts;
    expect(rest).toEqual({
      quicVersion: 1,
      tlsVersion: 'TLSv1.3',
      cipher: 'TLS_CHACHA20_POLY1305_SHA256',
      alpn: 'nnrp/1',
      zeroRtt: false,
    });
    expect(handshakeMs).toBeGreaterThan(0);
    expect(path?.roundTripMs).toBeGreaterThan(0);
    expect(path?.sentPackets).toBeGreaterThan(role === 'client' ? 40 : 2);
    expect(path?.congestionWindowBytes).toBeGreaterThanOrEqual(13_500);
    expect(path?.datagramBytes).toBe(1350);
    if (role === 'server') expect(peerCertificate).toBeUndefined();
    else expect(new X509Certificate(peerCertificate as Uint8Array).checkHost('localhost')).toBe('localhost');
  }
  await pair.client.close();
  await pair.serverSink.untilClosed();
  expect(quicFacts(pair.server)?.cipher).toBe('TLS_CHACHA20_POLY1305_SHA256');
  expect(quicFacts({ kind: 'tcp' } as never)).toBeUndefined();
});

it('packets that are lost on the way are counted', async () => {
  pair = await TransportPair.connect({ lossPercent: 10, seed: 3 }, {}, { maxDatagramBytes: 1350 });
  pair.start();
  sendAll(pair.client, 300, 1000);
  await pair.serverSink.untilPackets(300);
  expect(quicFacts(pair.client)?.path?.lostPackets).toBeGreaterThan(0);
});
