import { ProtocolError, TransportError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { TestPacket } from '../../../nnrp-runtime/src/testing/test-packet.js';
import { within } from '../../../nnrp-runtime/src/testing/within.js';
import { expectAll, sendAll, slowly, TransportPair } from '../support/transport-pair.js';
import { until } from '../support/until.js';

const { ErrorCode } = preview3;
const MB = 1_000_000;
/** What `close` grants a peer that shows no sign of life, and what a busy machine may add. */
const GRACE_MS = 2000;
const LATE_MS = 1500;
const ROLES = ['client', 'server'] as const;
const other = (role: 'client' | 'server') => (role === 'client' ? 'server' : 'client');

let pair: TransportPair;
afterEach(() => pair?.clear());

describe('close()', () => {
  const weathers = {
    'a good network': {},
    'a network that loses, doubles and reorders': {
      lossPercent: 3,
      duplicatePercent: 3,
      reorderPercent: 3,
      seed: 5,
    },
  };
  for (const [network, weather] of Object.entries(weathers)) {
    for (const role of ROLES) {
      it(`of a ${role} delivers 30 MB that were queued, to a slow reader, over ${network}`, {
        timeout: 60_000,
      }, async () => {
        pair = await TransportPair.connect(weather);
        pair.start();
        const reader = other(role);
        slowly(pair.end(reader), pair.sink(reader), 20);
        sendAll(pair.end(role), 60, MB / 2);
        await within(pair.end(role).close(), 30_000, 'close()');
        await pair.sink(reader).untilClosed();
        expectAll(pair.sink(reader), 60, MB / 2);
        expect([pair.clientSink.closes, pair.serverSink.closes]).toEqual([[undefined], [undefined]]);
      });
    }
  }

  it('at both ends at once delivers what each had queued', async () => {
    pair = await TransportPair.connect();
    pair.start();
    // What a closing end receives it drops, so these have to be there before.
    sendAll(pair.client, 20, 1000);
    sendAll(pair.server, 20, 1000);
    await pair.serverSink.untilPackets(20);
    await pair.clientSink.untilPackets(20);
    await within(Promise.all([pair.client.close(), pair.server.close()]), GRACE_MS, 'close() of both');
    expectAll(pair.serverSink, 20, 1000);
    expectAll(pair.clientSink, 20, 1000);
    expect([pair.clientSink.closes, pair.serverSink.closes]).toEqual([[undefined], [undefined]]);
  });

  it('leaves a peer behind that has become silent, with much to send or nothing', async () => {
    const cases = [
      { role: 'client', count: 10 },
      { role: 'server', count: 10 },
      { role: 'client', count: 0 },
      { role: 'server', count: 0 },
    ] as const;
    const leave = async ({ role, count }: (typeof cases)[number]) => {
      const own = await TransportPair.connect();
      try {
        own.start();
        sendAll(own.client, 1, 100);
        await own.serverSink.untilPackets(1);
        own.proxy.dark = true;
        sendAll(own.end(role), count, MB);
        const begun = performance.now();
        await within(own.end(role).close(), 20_000, 'close()');
        expect(own.sink(role).closes).toHaveLength(1);
        return performance.now() - begun;
      } finally {
        await own.clear();
      }
    };
    for (const tookMs of await Promise.all(cases.map(leave))) expect(tookMs).toBeLessThan(GRACE_MS + LATE_MS);
  });

  it('waits for what is lost while the library takes the path for slow, and asks after it late', async () => {
    pair = await TransportPair.connect({ delayMs: 600 });
    pair.start();
    // What the client takes for a round trip follows the network: the handshake has been fast.
    for (let number = 1; number <= 3; number++) {
      pair.client.send(new TestPacket(number, 10));
      await pair.serverSink.untilPackets(number);
      pair.server.send(new TestPacket(number, 10));
      await pair.clientSink.untilPackets(number);
    }
    let losses = 0;
    pair.proxy.filter = (_datagram, direction) => direction === 'to-client' || ++losses > 2;
    pair.client.send(new TestPacket(4, 10));
    const begun = performance.now();
    await within(pair.client.close(), 20_000, 'close()');
    expect(performance.now() - begun).toBeGreaterThan(GRACE_MS);
    await pair.serverSink.untilClosed();
    expectAll(pair.serverSink, 4, 10);
    expect([pair.clientSink.closes, pair.serverSink.closes]).toEqual([[undefined], [undefined]]);
  });

  it('of one end ends the other in order, although the last it says is lost on the way', async () => {
    pair = await TransportPair.connect();
    const { clientSink, serverSink, proxy } = pair;
    const closed = clientSink.closed.bind(clientSink);
    clientSink.closed = (error) => {
      // The goodbye has left the client, but nothing of this turn has come to the proxy yet.
      proxy.dark = true;
      closed(error);
    };
    pair.start();
    sendAll(pair.client, 20, 1000);
    const begun = performance.now();
    await within(pair.client.close(), GRACE_MS, 'close()');
    await serverSink.untilClosed();
    expect(performance.now() - begun).toBeLessThan(GRACE_MS + LATE_MS);
    expect(serverSink.closes).toEqual([undefined]);
    expectAll(serverSink, 20, 1000);
    expect(proxy.counts.lost).toBeGreaterThan(0);
  });
});

describe('abort()', () => {
  for (const role of ROLES) {
    it(`of a ${role} tells the other end the code of its error`, async () => {
      pair = await TransportPair.connect();
      pair.start();
      sendAll(pair.client, 1, 100);
      await pair.serverSink.untilPackets(1);
      const error = new ProtocolError('not like this', ErrorCode.LimitExceeded);
      pair.end(role).abort(error);
      const told = pair.sink(other(role));
      await told.untilClosed();
      expect(pair.sink(role).closes).toEqual([error]);
      expect(told.closes[0]).toBeInstanceOf(TransportError);
      const code = ErrorCode.LimitExceeded.toString(16);
      expect(told.closes[0]?.message).toContain(`limit_exceeded (application error 0x${code}, 'NNRP_ERR_PROTOCOL')`);
    });
  }

  it('without an error ends the other end in order, once it has what had arrived', async () => {
    pair = await TransportPair.connect();
    pair.start();
    sendAll(pair.client, 3, 100);
    await pair.serverSink.untilPackets(3);
    pair.client.abort();
    await pair.serverSink.untilClosed();
    expect(pair.serverSink.closes).toEqual([undefined]);
    expectAll(pair.serverSink, 3, 100);
  });

  it('with an error that has no code says that it was an internal one', async () => {
    pair = await TransportPair.connect();
    pair.start();
    sendAll(pair.client, 1, 100);
    await pair.serverSink.untilPackets(1);
    pair.client.abort(new TransportError('something of our own'));
    await pair.serverSink.untilClosed();
    expect(pair.serverSink.closes[0]?.message).toContain('internal_error (application error');
  });

  it('is said again to a peer that goes on because it has missed it', async () => {
    pair = await TransportPair.connect();
    pair.start();
    sendAll(pair.client, 1, 100);
    await pair.serverSink.untilPackets(1);
    // The server is in the middle of something, and the first goodbye does not arrive.
    sendAll(pair.server, 20, MB);
    await pair.clientSink.untilPackets(1);
    let missed = 0;
    pair.proxy.filter = (_datagram, direction) => direction === 'to-client' || ++missed > 1;
    pair.client.abort(new ProtocolError('enough', ErrorCode.LimitExceeded));
    await until(() => pair.serverSink.closes.length === 1, 'the server knows', 3000);
    expect(pair.serverSink.closes[0]?.message).toContain('limit_exceeded');
    expect(missed).toBeGreaterThan(1);
  });
});
