import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ConnectionSettings } from '../../src/engine.js';
import { addressWords } from '../../src/module/address-words.js';
import { patterned } from '../support/patterned.js';
import { type Network, SimulatedNetwork } from './simulated-network.js';

/** Of Ed25519: signatures of the others are different each time. */
const read = (name: string) => readFileSync(fileURLToPath(new URL(`data/${name}.pem`, import.meta.url)), 'utf8');
const pem = { cert: read('simulated'), key: read('simulated-key') };

const BODY = patterned(1_000_000);
const DIGEST = createHash('sha256').update(BODY).digest('hex');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function connected(seed: number, network: Network, settings: Partial<ConnectionSettings> = {}): SimulatedNetwork {
  const sim = new SimulatedNetwork(seed, network, pem, settings);
  sim.connect();
  sim.until(() => sim.client.connected && sim.server.connected, MINUTE_MS, 'the handshake');
  return sim;
}

/** Sends the body one way, then the other, each with the end of the stream behind it. */
function transfer(sim: SimulatedNetwork): void {
  for (const [from, to] of [
    [sim.client, sim.server],
    [sim.server, sim.client],
  ] as const) {
    from.unsent = BODY;
    from.finish = true;
    sim.act(from);
    sim.until(() => to.ended, 10 * MINUTE_MS, 'all of the body');
    expect([to.received, to.digest()]).toEqual([BODY.length, DIGEST]);
  }
}

const BAD: Network = { delayMs: 20, lossPercent: 5, duplicatePercent: 5, reorderPercent: 5 };

describe('a simulated network', () => {
  for (const congestion of ['cubic', 'newreno', 'bbr'] as const) {
    it(`that loses, doubles and delays datagrams delivers everything, by ${congestion}`, () => {
      const sim = connected(1, BAD, { congestion });
      transfer(sim);
      expect(sim.lost).toBeGreaterThan(20);
      const { lostPackets = 0, sentPackets = 0 } = sim.client.module.pathFacts(sim.client.index) ?? {};
      expect(lostPackets).toBeGreaterThan(0);
      expect(sentPackets).toBeGreaterThan(lostPackets);
    });
  }

  it('of any kind delivers everything: 20 seeds', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = {
        delayMs: seed * 7,
        lossPercent: seed % 10,
        duplicatePercent: (seed * 3) % 10,
        reorderPercent: (seed * 7) % 20,
      };
      transfer(connected(seed, network));
    }
  });
});

describe('the path MTU', () => {
  it('is found, up to what Ethernet carries', () => {
    const sim = connected(2, { delayMs: 10 });
    transfer(sim);
    expect(sim.client.module.pathFacts(sim.client.index)?.datagramBytes).toBe(1452);
    expect(sim.largest).toBe(1452);
  });

  it('is found below that where the path carries less', () => {
    const sim = connected(2, { delayMs: 10, mtu: 1400 });
    transfer(sim);
    const { datagramBytes = 0 } = sim.client.module.pathFacts(sim.client.index) ?? {};
    expect(datagramBytes).toBeGreaterThanOrEqual(1350);
    expect(datagramBytes).toBeLessThanOrEqual(1400);
  });

  it('that shrinks in the middle is found out: the large ones get lost, and the body arrives', () => {
    const sim = connected(3, { delayMs: 10 });
    sim.client.unsent = BODY;
    sim.client.finish = true;
    sim.act(sim.client);
    sim.until(() => sim.server.received > BODY.length / 4, MINUTE_MS, 'a quarter of the body');
    sim.network = { delayMs: 10, mtu: 1280 };
    sim.until(() => sim.server.ended, 5 * MINUTE_MS, 'all of the body');
    expect(sim.server.digest()).toBe(DIGEST);
    expect(sim.client.module.pathFacts(sim.client.index)).toMatchObject({ blackHoles: 1, datagramBytes: 1200 });
  });
});

describe('a connection', () => {
  it('goes on when a router on the way gives its client another address, in the middle of a body', () => {
    const sim = connected(4, { delayMs: 15 });
    sim.client.unsent = BODY;
    sim.client.finish = true;
    sim.act(sim.client);
    for (const [part, host] of ['198.51.100.8', '198.51.100.9', '192.0.2.77'].entries()) {
      sim.until(() => sim.server.received > ((part + 1) * BODY.length) / 5, MINUTE_MS, 'some of the body');
      sim.clientAddress = addressWords(host);
      sim.clientPort += 1;
    }
    sim.until(() => sim.server.ended, MINUTE_MS, 'all of the body');
    expect(sim.server.digest()).toBe(DIGEST);
  });

  it('lives through hours of silence on signs of life, and ends after the idle time without', () => {
    const sim = connected(5, { delayMs: 50 });
    const { client } = sim;
    for (let passed = 0; passed < 5 * HOUR_MS; passed += 10_000) {
      client.module.ping(client.index);
      sim.act(client);
      sim.pass(10_000);
    }
    expect([sim.client.loss, sim.server.loss]).toEqual([undefined, undefined]);
    transfer(sim);
    sim.pass(31_000);
    expect([sim.client.loss?.kind, sim.server.loss?.kind]).toEqual([4, 4]);
  });

  it('goes on through new keys, as often as one likes', () => {
    const sim = connected(6, { delayMs: 5, lossPercent: 1 });
    sim.client.unsent = BODY;
    sim.client.finish = true;
    sim.act(sim.client);
    for (let update = 1; update <= 8; update++) {
      sim.until(() => sim.server.received >= (update * BODY.length) / 9, MINUTE_MS, 'some of the body');
      const end = update % 2 === 0 ? sim.client : sim.server;
      end.module.updateKeys(end.index);
      sim.act(end);
    }
    sim.until(() => sim.server.ended, MINUTE_MS, 'all of the body');
    expect(sim.server.digest()).toBe(DIGEST);
  });
});

describe('the same seed', () => {
  it('gives the same datagrams at the same times, byte for byte, and another one others', () => {
    const run = (seed: number) => {
      const sim = connected(seed, BAD);
      transfer(sim);
      return sim.digest();
    };
    const [first, again, other] = [run(11), run(11), run(12)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });
});
