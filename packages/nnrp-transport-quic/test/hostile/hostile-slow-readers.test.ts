import { setTimeout as after } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { TestPacket } from '../../../nnrp-runtime/src/testing/test-packet.js';
import { QuicStage } from '../support/quic-stage.js';
import { expectAll, sendAll, TransportPair } from '../support/transport-pair.js';
import type { UdpProxy } from '../support/udp-proxy.js';
import { until } from '../support/until.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Of headers, acknowledgements and of what is sent twice because an answer was late. */
const OVERHEAD = 1.2;
const WINDOW = 64 * KIB;
const WINDOWS = { streamWindowBytes: WINDOW, maxStreamWindowBytes: 4 * WINDOW };
const ROLES = ['client', 'server'] as const;
/** What a reader may hold besides the window: one chunk on its way to it, and one that waits. */
const CHUNKS = 128 * KIB;

/** Nothing moves any more. */
async function still(proxy: UdpProxy): Promise<void> {
  for (let before = -1; before !== proxy.counts.forwarded; await after(150)) before = proxy.counts.forwarded;
}

describe('a connection whose reader', () => {
  let pair: TransportPair;
  afterEach(() => pair.clear());

  for (const reader of ROLES) {
    const writer = reader === 'client' ? 'server' : 'client';
    const direction = `to-${reader}` as const;

    it(`is a ${reader} that does not read makes the sender wait, and takes no more than its window`, async () => {
      pair = await TransportPair.connect({}, WINDOWS, WINDOWS);
      const [from, to] = [pair.end(writer), pair.end(reader)];
      from.start(pair.sink(writer));
      // Without a first word of the client there is no stream that a server could send on.
      if (writer === 'server') pair.client.send(new TestPacket(1, 0));
      const before = pair.proxy.counts.bytes[direction];
      sendAll(from, 100, 100_000);
      expect(from.send(new TestPacket(101, 100_000))).toBe(false);
      await still(pair.proxy);
      expect(pair.proxy.counts.bytes[direction] - before).toBeLessThan(OVERHEAD * (WINDOW + CHUNKS));
      expect(pair.sink(writer).drains).toBe(0);
      to.start(pair.sink(reader));
      await pair.sink(reader).untilPackets(101);
      expectAll(pair.sink(reader), 101, 100_000);
      await pair.sink(writer).until(() => pair.sink(writer).drains > 0, 'there is room again');
    });

    it(`is a ${reader} that reads slowly never has more ahead of it than the largest window`, async () => {
      pair = await TransportPair.connect({}, WINDOWS, WINDOWS);
      const [from, to] = [pair.end(writer), pair.end(reader)];
      const [count, bytes] = [400, 16 * KIB];
      let ahead = 0;
      pair.start();
      if (writer === 'server') pair.client.send(new TestPacket(1, 0));
      const sink = pair.sink(reader);
      sink.onPacket = () => {
        ahead = Math.max(ahead, pair.proxy.counts.bytes[direction] / OVERHEAD - sink.packets.length * bytes);
        to.pause();
        setTimeout(() => to.resume(), 1);
      };
      sendAll(from, count, bytes);
      await sink.untilPackets(count);
      expectAll(sink, count, bytes);
      expect(ahead).toBeGreaterThan(0);
      expect(ahead).toBeLessThan(WINDOWS.maxStreamWindowBytes + CHUNKS);
    });
  }
});

describe('a session whose client', () => {
  const stage = new QuicStage();
  afterEach(() => stage.clear());

  it('does not read its results makes the handler wait', async () => {
    const total = 200;
    let made = 0;
    const server = await stage.serve();
    void server.serve({
      async *submit() {
        for (; made < total; made++) yield Buffer.alloc(MIB, made);
        return 'the end';
      },
    });
    const proxy = await stage.proxy(server);
    const client = await stage.connect(proxy.address, {}, { maxBufferedResultBytes: MIB });
    const operation = await (await client.openSession()).submit('all of it');
    await until(() => made > 0, 'the handler has begun');
    await still(proxy);
    // One that waits to be read, one window under way and one high-water mark at the server, and a few packets.
    expect(made).toBeLessThan(10);
    let read = 0;
    for await (const { partial, body } of operation) {
      if (!partial) continue;
      expect([body.length, body[0]]).toEqual([MIB, read++ & 0xff]);
      expect(made - read).toBeLessThan(40);
    }
    expect(read).toBe(total);
  });
});
