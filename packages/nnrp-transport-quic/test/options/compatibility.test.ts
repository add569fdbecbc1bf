import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { assertAlive, Handshakes, withoutPeersWords } from '../support/handshake.js';
import { QuicStage } from '../support/quic-stage.js';

const handshakes = new Handshakes();
const stage = new QuicStage();
const folders: string[] = [];
afterEach(async () => {
  handshakes.clear();
  await stage.clear();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const NO_PROTOCOL = 'ALPN: no protocol in common, NNRP over QUIC is nnrp/1 (QUIC error 0x178)';

describe('alpn: false', () => {
  it('at both ends speaks QUIC without ALPN, as preview3 reference peers do', async () => {
    const outcome = await handshakes.run({
      server: { alpn: [] },
      options: { insecureSkipVerify: true, alpn: false },
    });
    await assertAlive(outcome);
    expect([outcome.client, outcome.server]).toMatchObject([{ alpn: '' }, { alpn: '' }]);
  });

  it('carries sessions', async () => {
    const server = await stage.echo({ alpn: false });
    const session = await (await stage.connect(server.localAddress, { alpn: false })).openSession();
    const { body } = await (await session.submit('without a name')).result();
    expect(Buffer.from(body).toString()).toBe('without a name');
  });

  it('at the client alone is refused by a server that wants nnrp/1, and both say why', async () => {
    const { client, server } = await handshakes.run({ options: { insecureSkipVerify: true, alpn: false } });
    expect(withoutPeersWords(String(client))).toBe(`the peer refuses: ${NO_PROTOCOL}`);
    expect(server).toBe(`the peer is refused: ${NO_PROTOCOL}`);
  });

  it('is the default the other way round', async () => {
    const outcome = await handshakes.run({ options: { insecureSkipVerify: true, alpn: ['nnrp/1'] } });
    await assertAlive(outcome);
    expect([outcome.client, outcome.server]).toMatchObject([{ alpn: 'nnrp/1' }, { alpn: 'nnrp/1' }]);
  });
});

describe('keyLogFile', () => {
  it('gets the secrets of both ends as lines that Wireshark reads, for its owner alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nnrp-keys-'));
    folders.push(folder);
    const files = { server: join(folder, 'server.log'), client: join(folder, 'client.log') };
    const server = await stage.echo({ keyLogFile: files.server });
    await (await stage.connect(server.localAddress, { keyLogFile: files.client })).openSession();
    const [atServer, atClient] = [files.server, files.client].map((file) =>
      readFileSync(file, 'utf8').trim().split('\n'),
    );
    expect(atClient?.sort()).toEqual(atServer?.sort());
    expect(atClient?.map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(['CLIENT_TRAFFIC_SECRET_0', 'SERVER_TRAFFIC_SECRET_0']),
    );
    for (const line of atClient ?? []) expect(line).toMatch(/^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]{64,96}$/);
    expect(statSync(files.client).mode & 0o077).toBe(0);
  });

  it('that cannot be written is a warning, and the connection comes about', async () => {
    const warnings: string[] = [];
    const listener = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listener);
    try {
      const server = await stage.echo();
      await (await stage.connect(server.localAddress, { keyLogFile: '/nowhere/at/all' })).openSession();
      expect(warnings.filter((text) => text.includes('/nowhere/at/all'))).toHaveLength(1);
    } finally {
      process.off('warning', listener);
    }
  });
});

describe('a stream', () => {
  it('knows how long its handshake took and how its path fares, until it is over', async () => {
    const { client } = await handshakes.run({ options: { insecureSkipVerify: true, congestionControl: 'bbr' } });
    if (typeof client === 'string') throw new Error(client);
    expect(client.handshakeMs).toBeGreaterThan(0);
    expect(client.path).toMatchObject({ lostPackets: expect.any(Number), blackHoles: 0, datagramBytes: 16_384 });
    expect(client.path?.roundTripMs).toBeGreaterThan(0);
    expect(client.path?.congestionWindowBytes).toBeGreaterThan(0);
    expect(client.path?.sentPackets).toBeGreaterThan(0);
  });
});
