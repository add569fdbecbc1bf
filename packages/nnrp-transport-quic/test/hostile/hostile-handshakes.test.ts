import { createSocket, type Socket } from 'node:dgram';
import { isNnrpError } from 'nnrp-core';
import type { NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QuicServerOptions } from '../../src/server-endpoint-config.js';
import { BareClient } from '../support/bare-client.js';
import { PacketCapture } from '../support/packet-capture.js';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';
import { tinyPackets } from './tiny-packets.js';

const HANDSHAKE_MS = 700;

const stage = new QuicStage();
const failures: string[] = [];
let server: NnrpServer;
let stranger: Socket;
let answeredBytes: number;

beforeEach(() => {
  failures.length = 0;
  answeredBytes = 0;
  stranger = createSocket('udp4', (answer) => {
    answeredBytes += answer.length;
  });
});

afterEach(async () => {
  stranger.close();
  await stage.clear();
});

async function serve(options: QuicServerOptions): Promise<void> {
  const onHandshakeFailure = (error: Error) => failures.push(error.message.replace(/^.*127\.0\.0\.1:\d+: /, ''));
  server = await stage.echo({ handshakeTimeoutMs: HANDSHAKE_MS, onHandshakeFailure, ...options });
}

/** Says so many first words and nothing more, as fast as the server takes them. */
async function knock(times: number, make: () => Buffer): Promise<void> {
  const { host, port } = parseAddress(server.localAddress);
  for (let count = 0; count < times; count++) {
    stranger.send(make(), port, host);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const firstDatagram = () => BareClient.firstDatagram(server.localAddress);
const nobodyLeft = () => until(() => stage.inside(server).connections === 0, 'no connection is left');

describe('handshakes that never finish', () => {
  it('end after handshakeTimeoutMs, are reported one by one, and get no more than three times what they said', async () => {
    await serve({ retry: 'never' });
    const begun = performance.now();
    let saidBytes = 0;
    await knock(30, () => {
      const first = firstDatagram();
      saidBytes += first.length;
      return first;
    });
    await until(() => stage.inside(server).handshakes === 30, 'all of them have begun');
    await until(() => failures.length === 30, 'all of them have been given up');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(HANDSHAKE_MS);
    expect(new Set(failures)).toEqual(new Set([`the handshake took longer than ${HANDSHAKE_MS} ms`]));
    expect(stage.inside(server).handshakes).toBe(0);
    await nobodyLeft();
    expect(stage.inside(server).inModule).toBe(0);
    expect(answeredBytes).toBeGreaterThan(0);
    expect(answeredBytes).toBeLessThanOrEqual(3 * saidBytes);
  });

  it('end at the same time however much the stranger repeats itself', async () => {
    await serve({ retry: 'never' });
    const first = firstDatagram();
    await knock(1, () => first);
    const begun = performance.now();
    while (failures.length === 0 && performance.now() - begun < 5000) await knock(1, () => first);
    expect(performance.now() - begun).toBeLessThan(HANDSHAKE_MS + 1000);
  });

  it('take no more than maxHandshakes places: the oldest makes room for who comes', async () => {
    await serve({ retry: 'never', maxHandshakes: 20, maxHandshakesPerAddress: 0, handshakeTimeoutMs: 30_000 });
    await knock(100, firstDatagram);
    await until(() => failures.length === 80, 'the oldest have been cut');
    expect(new Set(failures)).toEqual(new Set(['the handshake made room for others that have begun since']));
    expect(stage.inside(server)).toMatchObject({ handshakes: 20, connections: 20 });
    expect(server.stats().quicHandshakes).toMatchObject({ scope: 'server', value: 20, bound: 20, hits: 80 });
    const client = await stage.connect(server.localAddress);
    await client.openSession();
  });

  it('take no more of one address than maxHandshakesPerAddress, and cost others nothing', async () => {
    await serve({ retry: 'never', maxHandshakes: 20, maxHandshakesPerAddress: 5, handshakeTimeoutMs: 30_000 });
    const elsewhere = createSocket('udp4');
    await new Promise<void>((resolve) => elsewhere.bind(0, '127.0.0.2', resolve));
    const { host, port } = parseAddress(server.localAddress);
    elsewhere.send(firstDatagram(), port, host);
    await until(() => stage.inside(server).handshakes === 1, 'somebody else has begun');
    await knock(40, firstDatagram);
    await until(() => server.stats().addressQuicHandshakes?.hits === 35, 'the others have had no answer');
    expect(stage.inside(server)).toMatchObject({ handshakes: 6, connections: 6 });
    expect(server.stats().addressQuicHandshakes).toMatchObject({ scope: 'address', value: 5, bound: 5, hits: 35 });
    expect(failures).toEqual([]);
    expect(server.stats().quicHandshakes?.hits).toBe(0);
    elsewhere.close();
    // A client that tries again gets in as soon as the oldest has had its time.
    await (await stage.connect(server.localAddress)).openSession();
    expect(failures.length).toBeGreaterThan(0);
  });

  it('get no more than three times what one of them has said, however long they last', async () => {
    // Longer than the library takes to repeat itself three times.
    await serve({ retry: 'never', handshakeTimeoutMs: 8000 });
    const first = firstDatagram();
    await knock(1, () => first);
    await until(() => failures.length === 1, 'it has been given up', 15_000);
    await nobodyLeft();
    expect(answeredBytes).toBeGreaterThan(1000);
    expect(answeredBytes).toBeLessThanOrEqual(3 * first.length);
  }, 30_000);

  it('are answered again when they repeat themselves: what was lost on the way comes', async () => {
    await serve({ retry: 'never', handshakeTimeoutMs: 20_000 });
    const first = firstDatagram();
    for (let said = 1; said <= 5; said++) {
      const before = answeredBytes;
      await knock(1, () => first);
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(answeredBytes).toBeLessThanOrEqual(3 * first.length * said);
      if (said === 1) expect(answeredBytes).toBeGreaterThan(before);
    }
  });
});

describe('connections', () => {
  it('take no more than maxConnections places; who comes then gets in when one has ended', async () => {
    await serve({ maxConnections: 3, handshakeTimeoutMs: 10_000 });
    const connector = stage.connector(server.localAddress);
    const clients = [
      await stage.connectBy(connector),
      await stage.connectBy(connector),
      await stage.connectBy(connector),
    ];
    const late = stage.connect(server.localAddress, { handshakeTimeoutMs: 300 });
    await expect(late).rejects.toSatisfy((error) => isNnrpError(error, 'NNRP_ERR_TIMEOUT'));
    const patient = stage.connect(server.localAddress);
    await clients[0]?.close();
    await (await patient).openSession();
    expect(stage.inside(server).connections).toBeLessThanOrEqual(3);
  });
});

describe('handshakes that must fail', () => {
  it('with a name of another protocol make clients prove their address, and others still get in', async () => {
    await serve({});
    await knock(300, () => BareClient.firstDatagram(server.localAddress, 'http/1.1'));
    await until(() => failures.length >= 64, 'they have failed');
    expect(failures.length).toBeLessThan(150);
    expect(new Set(failures).size).toBe(1);
    expect(failures[0]).toContain('ALPN');
    await (await stage.connect(server.localAddress)).openSession();
    await until(() => stage.inside(server).connections === 1, 'only the client is left');
  });

  it('cannot follow in a datagram of thousands of packets: the connection lives', async () => {
    await serve({});
    const proxy = await stage.proxy(server);
    const capture = new PacketCapture();
    proxy.filter = capture.note;
    const session = await (await stage.connect(proxy.address)).openSession();
    proxy.inject(tinyPackets((capture.oneRtt[0] as Buffer).subarray(1, 17)), 'to-server');
    // It comes behind that, by the same way.
    await (await session.submit('still there')).result();
  });
});
