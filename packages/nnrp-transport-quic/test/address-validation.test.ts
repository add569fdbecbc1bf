import type { NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { Attacker } from './attacker.js';
import { PacketCapture } from './packet-capture.js';
import { QuicStage } from './quic-stage.js';
import { until } from './until.js';

/** Handshakes under way from which on clients have to prove their address. */
const LOAD = 64;

const stage = new QuicStage();
const attackers: Attacker[] = [];
afterEach(async () => {
  for (const attacker of attackers.splice(0)) attacker.close();
  await stage.clear();
});

/** One client that is served. @returns how many Retry packets it has got first */
async function retriesOfOne(server: NnrpServer): Promise<number> {
  const proxy = await stage.proxy(server);
  let retries = 0;
  proxy.filter = (datagram, direction) => {
    if (direction === 'to-client' && ((datagram[0] as number) & 0xf0) === 0xf0) retries++;
    return true;
  };
  const session = await (await stage.connect(proxy.address)).openSession();
  expect((await (await session.submit('x')).result()).body.length).toBe(1);
  return retries;
}

/** Handshakes that begin and never end. */
async function beginMany(server: NnrpServer): Promise<void> {
  const capture = new PacketCapture();
  const proxy = await stage.proxy(server);
  proxy.filter = capture.note;
  await (await stage.connect(proxy.address)).openSession();
  const attacker = await Attacker.against(server.localAddr, capture, 1);
  attackers.push(attacker);
  await attacker.send(2 * LOAD, () => attacker.initial());
}

describe('a client that comes to a server', () => {
  it('proves its address first where the server always asks for that', async () => {
    expect(await retriesOfOne(await stage.echo({ retry: 'always' }))).toBe(1);
  });

  it('is let in at once by a server that has little to do', async () => {
    expect(await retriesOfOne(await stage.echo())).toBe(0);
  });

  it('proves its address, and gets in, while many handshakes are under way', async () => {
    const server = await stage.echo();
    await beginMany(server);
    await until(() => stage.strain(server) >= LOAD, 'the server is under load');
    expect(await retriesOfOne(server)).toBe(1);
  });

  it('is never asked by a server that is told not to', async () => {
    const server = await stage.echo({ retry: 'never' });
    await beginMany(server);
    await until(() => stage.strain(server) >= LOAD, 'the server is under load');
    expect(await retriesOfOne(server)).toBe(0);
  });
});
