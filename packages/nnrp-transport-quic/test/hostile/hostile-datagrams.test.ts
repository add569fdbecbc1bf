import type { NnrpClientSession, NnrpServer } from 'nnrp-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PacketCapture } from '../support/packet-capture.js';
import { QuicStage } from '../support/quic-stage.js';
import type { UdpProxy } from '../support/udp-proxy.js';
import { until } from '../support/until.js';
import { Attacker } from './attacker.js';

const MAX_HANDSHAKES = 64;
const MAX_CONNECTIONS = 200;
const HANDSHAKE_MS = 1000;
const CLIENTS = 3;
/** What a machine with something else to do may need for an answer that takes 2 ms. */
const LATENCY_MS = 5000;
const MB = 1024 * 1024;

const stage = new QuicStage();
let server: NnrpServer;
let proxy: UdpProxy;
let sessions: NnrpClientSession[];
let attacker: Attacker;
const lost: string[] = [];

beforeEach(async () => {
  const limits = { maxHandshakes: MAX_HANDSHAKES, maxConnections: MAX_CONNECTIONS, handshakeTimeoutMs: HANDSHAKE_MS };
  server = await stage.echo(limits);
  lost.length = 0;
  server.on('connectionLost', ({ error }) => lost.push(error.message));
  proxy = await stage.proxy(server);
  const capture = new PacketCapture();
  proxy.filter = capture.note;
  const connector = stage.connector(server.localAddress);
  const clients = [
    await stage.connect(proxy.address),
    await stage.connectBy(connector),
    await stage.connectBy(connector),
  ];
  sessions = await Promise.all(clients.map((client) => client.openSession()));
  await Promise.all(sessions.map((session) => echoed(session, 30_000)));
  proxy.filter = () => true;
  expect(capture.initials.length * capture.handshakes.length * capture.oneRtt.length).toBeGreaterThan(0);
  attacker = await Attacker.against(server.localAddress, capture, 1);
});

afterEach(async () => {
  attacker.close();
  await stage.clear();
});

async function echoed(session: NnrpClientSession, bytes: number): Promise<void> {
  const body = Buffer.alloc(bytes, session.inFlightCount + bytes);
  const { body: got } = await (await session.submit(body)).result();
  expect(Buffer.compare(got, body)).toBe(0);
}

/** Keeps every session busy while something happens. @returns milliseconds that the slowest answer took */
async function whileTheyWork(happens: Promise<unknown>): Promise<number> {
  let over = false;
  let slowest = 0;
  const work = async (session: NnrpClientSession) => {
    for (let count = 0; !over; count++) {
      const begun = performance.now();
      await echoed(session, 1000 + (count % 20) * 1000);
      slowest = Math.max(slowest, performance.now() - begun);
    }
  };
  await Promise.all([
    ...sessions.map(work),
    happens.finally(() => {
      over = true;
    }),
  ]);
  return slowest;
}

/** The most that the server kept while something happened. */
async function peak(happens: Promise<unknown>): Promise<{ handshakes: number; connections: number; inModule: number }> {
  const most = { handshakes: 0, connections: 0, inModule: 0 };
  const look = setInterval(() => {
    const now = stage.inside(server);
    for (const what of ['handshakes', 'connections', 'inModule'] as const) most[what] = Math.max(most[what], now[what]);
  }, 1);
  await happens.finally(() => clearInterval(look));
  return most;
}

/** Everything that the attack has left is gone, the sessions are there, and a newcomer is served. */
async function expectUnharmed(): Promise<void> {
  const atEase = () => {
    const { handshakes, connections, inModule } = stage.inside(server);
    return handshakes === 0 && connections === CLIENTS && inModule === CLIENTS;
  };
  await until(atEase, 'only the live connections are left');
  await Promise.all(sessions.map((session) => echoed(session, 100_000)));
  const client = await stage.connect(server.localAddress);
  await echoed(await client.openSession(), 1000);
  expect(lost).toEqual([]);
}

describe('a server with live sessions', () => {
  it('survives 100,000 hostile datagrams of every kind, and its sessions do not notice', {
    timeout: 120_000,
  }, async () => {
    const before = process.memoryUsage.rss();
    const attack = attacker.send(100_000);
    const [most, slowest] = await Promise.all([peak(attack), whileTheyWork(attack)]);
    expect(slowest).toBeLessThan(LATENCY_MS);
    expect(most.handshakes).toBeLessThanOrEqual(MAX_HANDSHAKES);
    expect(most.connections).toBeLessThanOrEqual(MAX_CONNECTIONS);
    expect(attacker.answers).toBeGreaterThan(1000);
    expect(attacker.longestNegotiation).toBeGreaterThan(0);
    expect(attacker.longestNegotiation).toBeLessThan(1200);
    await expectUnharmed();
    // What the process keeps of freed memory is its own affair; a kilobyte for each datagram would be a leak.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * MB);
  });

  it('is not filled by first packets that nobody can decrypt, from ids that nobody knows', async () => {
    const attack = attacker.send(3000, () => attacker.initial());
    const [most, slowest] = await Promise.all([peak(attack), whileTheyWork(attack)]);
    expect(slowest).toBeLessThan(LATENCY_MS);
    expect(most.handshakes).toBeLessThanOrEqual(MAX_HANDSHAKES);
    expect(most.connections).toBeLessThanOrEqual(MAX_CONNECTIONS);
    await expectUnharmed();
  });

  it('does not lose a session to packets with its connection id that somebody else has made', async () => {
    const attack = attacker.send(10_000, () => attacker.spoofed());
    const slowest = await whileTheyWork(attack);
    expect(slowest).toBeLessThan(LATENCY_MS);
    await expectUnharmed();
  });
});

describe('a client with live sessions', () => {
  it('does not lose one to what somebody sends it in the name of the server', async () => {
    const attack = async () => {
      for (let sent = 0; sent < 5000; sent++) {
        proxy.inject(attacker.anything(), 'to-client');
        if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const slowest = await whileTheyWork(attack());
    expect(slowest).toBeLessThan(LATENCY_MS);
    await expectUnharmed();
  });
});
