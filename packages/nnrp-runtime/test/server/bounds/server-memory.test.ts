import { execFileSync } from 'node:child_process';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { CacheAckStatus, CacheObjectKind, ErrorCode } = preview3;
const KIB = 1024;
const stage = new Stage();
afterEach(() => stage.clear());

async function put(peer: SessionPeer, key: number, bytes: number): Promise<preview3.CacheAck> {
  peer.put(key, 'x'.repeat(bytes));
  const packet = await peer.packet();
  return preview3.decodeCacheAck(packet.view, packet.metadataStart);
}

const FULL = { status: CacheAckStatus.Rejected, detailCode: ErrorCode.LimitExceeded };
const KEPT = { status: CacheAckStatus.Accepted };

describe('what is cached', () => {
  const served = { supportedCacheObjects: [CacheObjectKind.PromptSegment] };

  it('is counted with what it costs besides its bytes', async () => {
    const server = await stage.serve({ ...served, maxCacheBytes: 4 * KIB });
    const peer = await SessionPeer.open(stage, server);
    for (const key of [1, 2, 3, 4]) expect(await put(peer, key, 0)).toMatchObject(KEPT);
    expect(await put(peer, 5, 0)).toMatchObject(FULL);
    expect(server.stats().cacheBytes).toMatchObject({ scope: 'session', value: 4 * KIB, bound: 4 * KIB, hits: 1 });
  });

  it('has room over all sessions of a connection, and over all connections, which is given back', async () => {
    const config = { ...served, maxCacheBytesPerConnection: 20 * KIB, maxCacheBytesTotal: 30 * KIB };
    const server = await stage.serve(config);
    const first = await SessionPeer.open(stage, server);
    const sibling = await SessionPeer.openOn(first.raw);
    const other = await SessionPeer.open(stage, server);
    expect(await put(first, 1, 10_000)).toMatchObject(KEPT);
    expect(await put(sibling, 1, 10_000)).toMatchObject(FULL);
    expect(await put(sibling, 1, 7_000)).toMatchObject(KEPT);
    expect(await put(other, 1, 12_000)).toMatchObject(FULL);
    expect(await put(other, 1, 9_000)).toMatchObject(KEPT);
    expect(server.stats()).toMatchObject({
      connectionCacheBytes: { value: 17_000 + 2 * KIB, hits: 1 },
      serverCacheBytes: { value: 26_000 + 3 * KIB, hits: 1 },
    });
    // Replaced by less, the rest is given back.
    expect((await put(first, 1, 5_000)).status).toBe(CacheAckStatus.Replaced);
    expect(server.stats().serverCacheBytes).toMatchObject({ value: 21_000 + 3 * KIB });
    await stage.clear();
    await eventually(() => server.stats().serverCacheBytes?.value === 0, 'all is given back');
  });
});

describe('submits that wait', () => {
  it('are counted with what they cost, over all connections, and given back when they are taken', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0, maxQueuedBytesTotal: 40 * KIB });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    const session = await server.accept();
    for (let frameId = 1; frameId <= 60; frameId++) peer.submit(frameId, '');
    await eventually(() => (server.stats().serverQueuedBytes?.hits ?? 0) > 0, 'the bound is reached');
    for (let frameId = 1; frameId <= 60; frameId++) await (await session.receiveSubmit()).complete('');
    expect(server.stats().serverQueuedBytes?.value).toBe(0);
    expect(server.stats().queuedBytes?.value).toBe(0);
  });

  it('for a handler count as well, and are given back with their session', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    server.serve({ submit: (operation) => operation.finished }, { maxConcurrentOperations: 1 });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    for (let frameId = 1; frameId <= 11; frameId++) peer.submit(frameId, 'waits');
    await eventually(() => (server.stats().queuedBytes?.value ?? 0) >= 10 * KIB, 'ten of them wait');
    await stage.clear();
    await eventually(() => server.stats().serverQueuedBytes?.value === 0, 'all is given back');
  });
});

describe('a cache that is full', () => {
  it.each([0, 100, 5000])(
    'takes at most one and a half times what it is counted as, with objects of %i bytes',
    (bytes) => {
      const script = `
      const { ObjectCache } = await import(${JSON.stringify(new URL('../../../../nnrp-core/dist/index.js', import.meta.url).href)});
      const held = () => { gc(); gc(); const { heapUsed, external } = process.memoryUsage(); return heapUsed + external; };
      const before = held();
      const limits = { supportedKinds: [4], maxObjects: 0, maxObjectBytes: 0, maxTotalBytes: 32 * 1024 * 1024, overheadBytes: 1024 };
      const cache = new ObjectCache({ ...limits, leaseTtlMs: 1e9 });
      const body = new Uint8Array(${bytes});
      for (let key = 0; ; key++) {
        const put = { cacheNamespace: key >>> 0, cacheKeyHi: 0, cacheKeyLo: key, objectKind: 4, objectBytes: body.length, ttlMs: 0, flags: 0, codecBitmap: 0 };
        if (cache.put(put, body, 0).ack.status === ${CacheAckStatus.Rejected}) break;
      }
      console.log(JSON.stringify({ held: held() - before, counted: cache.heldBytes }));`;
      const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script]).toString();
      const { held, counted } = JSON.parse(output) as { held: number; counted: number };
      expect(counted).toBeGreaterThan(25 * KIB * KIB);
      expect(held).toBeLessThan(counted * 1.5);
    },
  );
});
