import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { CACHE_INVALIDATE } from '../src/connection/codecs.js';
import type { NnrpServerSession } from '../src/server/contract.js';
import type { NnrpServer } from '../src/server/server.js';
import type { NnrpServerOptions } from '../src/server/server-config.js';
import { eventually } from './eventually.js';
import { messageBytes, SessionPeer } from './session-peer.js';
import { Stage } from './stage.js';

const { CacheAckStatus, CacheInvalidateScope, CacheObjectKind, ErrorCode, MessageType, SubmitMode } = preview3;
const { PromptSegment, ToolSchema } = CacheObjectKind;
const NAMESPACE = 1;
const keyOf = (cacheKeyLo: number, objectKind: preview3.CacheObjectKind = PromptSegment) => ({
  cacheNamespace: NAMESPACE,
  cacheKeyHi: 0,
  cacheKeyLo,
  objectKind,
});

const stage = new Stage();
afterEach(() => stage.clear());

interface Opened {
  readonly server: NnrpServer;
  readonly peer: SessionPeer;
  readonly session: NnrpServerSession;
}

async function opened(config: NnrpServerOptions = {}, open: Partial<preview3.SessionOpen> = {}): Promise<Opened> {
  const server = await stage.serve({ supportedCacheObjects: [PromptSegment, ToolSchema], ...config });
  const peer = await SessionPeer.open(stage, server, open);
  return { server, peer, session: await server.accept() };
}

async function acked(peer: SessionPeer): Promise<preview3.CacheAck> {
  const packet = await peer.packet();
  expect(packet.messageType).toBe(MessageType.CacheAck);
  return preview3.decodeCacheAck(packet.view, packet.metadataStart);
}

function invalidate(peer: SessionPeer, fields: Partial<preview3.CacheInvalidate>): void {
  const message = {
    invalidateScope: CacheInvalidateScope.WholeSession,
    cacheNamespace: 0,
    cacheKeyHi: 0,
    cacheKeyLo: 0,
    reasonCode: 0,
    ...fields,
  };
  peer.raw.send(messageBytes(MessageType.CacheInvalidate, CACHE_INVALIDATE, message, peer.sessionId));
}

const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

describe('an object that a client puts', () => {
  it('is kept, replaced by other bytes, renewed by the same', async () => {
    const { peer, session } = await opened({ leaseTtlMs: 9000 });
    peer.put(7, 'first');
    expect(await acked(peer)).toMatchObject({ status: CacheAckStatus.Accepted, acceptedTtlMs: 9000, cacheKeyLo: 7 });
    peer.put(7, 'second', { ttlMs: 500 });
    expect(await acked(peer)).toMatchObject({ status: CacheAckStatus.Replaced, acceptedTtlMs: 500 });
    peer.put(7, 'second', { ttlMs: 99_999 });
    expect(await acked(peer)).toMatchObject({ status: CacheAckStatus.Accepted, acceptedTtlMs: 9000, detailCode: 0 });
    expect(textOf(session.cacheObject(keyOf(7)))).toBe('second');
    expect(session.cacheObjectCount).toBe(1);
  });

  it.each<[string, NnrpServerOptions, Partial<preview3.CachePut>, number]>([
    ['of a kind that is not served', { supportedCacheObjects: [ToolSchema] }, {}, ErrorCode.UnsupportedCapability],
    ['where no cache is served', { supportedCacheObjects: [] }, {}, ErrorCode.UnsupportedCapability],
    ['too large', { maxCacheObjectBytes: 5 }, {}, ErrorCode.LimitExceeded],
    ['more than all may be together', { maxCacheBytes: 10 }, {}, ErrorCode.LimitExceeded],
  ])('is rejected, with the reason, %s', async (_name, config, fields, detailCode) => {
    const { peer, session } = await opened(config);
    peer.put(1, 'twelve bytes', fields);
    expect(await acked(peer)).toMatchObject({ status: CacheAckStatus.Rejected, acceptedTtlMs: 0, detailCode });
    expect(session.cacheObject(keyOf(1))).toBeUndefined();
    expect([session.cacheObjectCount, session.state]).toEqual([0, 'open']);
  });

  it('is rejected when there are as many as there may be; replacing one is not adding one', async () => {
    const { peer, session } = await opened({ maxCacheObjects: 2 });
    for (const key of [1, 2, 3, 2]) peer.put(key, `object ${key}${session.cacheObjectCount}`);
    const statuses = [await acked(peer), await acked(peer), await acked(peer), await acked(peer)];
    expect(statuses.map(({ status, detailCode }) => [status, detailCode])).toEqual([
      [CacheAckStatus.Accepted, 0],
      [CacheAckStatus.Accepted, 0],
      [CacheAckStatus.Rejected, ErrorCode.LimitExceeded],
      [CacheAckStatus.Accepted, 0],
    ]);
    expect(() => session.trackCacheObject(keyOf(9))).toThrow(/maxCacheObjects is 2/);
    session.trackCacheObject(keyOf(1));
    expect(session.cacheObjectCount).toBe(2);
  });

  it.each([
    ['cacheKeyHi', { cacheNamespace: 1, keyHi: 0, cacheKeyLo: 7, objectKind: PromptSegment }, 'undefined'],
    ['objectKind', { cacheNamespace: 1, cacheKeyHi: 0, cacheKeyLo: 7, kind: PromptSegment }, 'undefined'],
    ['cacheNamespace', { ...keyOf(7), cacheNamespace: null }, 'null'],
    ['cacheKeyLo', { ...keyOf(7), cacheKeyLo: 7n }, '7n'],
    ['cacheKeyLo', { ...keyOf(7), cacheKeyLo: 1.5 }, '1.5'],
    ['cacheKeyLo', { ...keyOf(7), cacheKeyLo: -1 }, '-1'],
    ['cacheKeyLo', { ...keyOf(7), cacheKeyLo: 'TOKEN' }, 'a string of 5 characters'],
  ])('is named by four numbers: a wrong %s is refused', async (field, identity, got) => {
    const { session } = await opened();
    const message = `cache object: ${field} takes an integer of 0 to 4294967295, got ${got}`;
    expect(() => session.trackCacheObject(identity as never)).toThrow(message);
    expect(() => session.cacheObject(identity as never)).toThrow(message);
    expect(() => session.cacheObject(undefined as never)).toThrow('cache object: expected an object, got undefined');
    expect(session.cacheObjectCount).toBe(0);
    session.trackCacheObject({ ...keyOf(7), ttlMs: 5 } as never);
    expect(session.cacheObjectCount).toBe(1);
  });

  it('with another length than announced costs its session', async () => {
    const { peer, session } = await opened();
    peer.put(1, 'object', { objectBytes: 7 });
    expect(await peer.take(2)).toEqual(['error session 0 malformed_body', 'close protocol_error']);
    expect(session.state).toBe('closed');
  });

  it('is gone when its lease is over, and makes room', async () => {
    const { peer, session } = await opened({ maxCacheObjects: 1, packetTimeoutMs: 20 });
    peer.put(1, 'short-lived', { ttlMs: 30 });
    expect((await acked(peer)).acceptedTtlMs).toBe(30);
    expect(session.cacheObjectCount).toBe(1);
    await eventually(() => session.cacheObjectCount === 0, 'the object is gone');
    expect(session.cacheObject(keyOf(1))).toBeUndefined();
    peer.put(2, 'next');
    expect((await acked(peer)).status).toBe(CacheAckStatus.Accepted);
  });

  it('belongs to its session: no other sees it, on the same connection or elsewhere', async () => {
    const { server, peer, session } = await opened();
    const sibling = await SessionPeer.openOn(peer.raw);
    const other = await server.accept();
    peer.put(1, 'mine');
    await acked(peer);
    expect([session.cacheObjectCount, other.cacheObjectCount]).toEqual([1, 0]);
    expect(other.cacheObject(keyOf(1))).toBeUndefined();
    sibling.put(1, 'theirs');
    expect((await acked(sibling)).status).toBe(CacheAckStatus.Accepted);
    expect(textOf(session.cacheObject(keyOf(1)))).toBe('mine');
  });
});

describe('an invalidation', () => {
  it.each<[string, Partial<preview3.CacheInvalidate>, number[]]>([
    ['of the whole session', { invalidateScope: CacheInvalidateScope.WholeSession }, []],
    ['of a namespace', { invalidateScope: CacheInvalidateScope.Namespace, cacheNamespace: 1 }, [4]],
    [
      'of a kind in a namespace',
      { invalidateScope: CacheInvalidateScope.ObjectKind, cacheNamespace: 1, cacheKeyHi: ToolSchema },
      [1, 2, 4],
    ],
    ['of a key', { invalidateScope: CacheInvalidateScope.ObjectKey, cacheNamespace: 1, cacheKeyLo: 2 }, [1, 3, 4]],
    ['of what is not there', { invalidateScope: CacheInvalidateScope.Namespace, cacheNamespace: 9 }, [1, 2, 3, 4]],
  ])('%s makes the server forget that, and nothing else', async (_name, message, kept) => {
    const { peer, session } = await opened();
    const keys = [keyOf(1), keyOf(2), keyOf(3, ToolSchema), { ...keyOf(4), cacheNamespace: 2 }];
    for (const key of keys) {
      peer.put(key.cacheKeyLo, 'x', key);
      await acked(peer);
    }
    const sibling = await SessionPeer.openOn(peer.raw);
    sibling.put(1, 'x');
    await acked(sibling);
    invalidate(peer, message);
    expect(await peer.answers()).toEqual([]);
    const found = keys.filter((key) => session.cacheObject(key) !== undefined);
    expect(found.map(({ cacheKeyLo }) => cacheKeyLo)).toEqual(kept);
  });
});

describe('a submit that refers to objects', () => {
  const camera = { ...keyOf(5), objectKind: CacheObjectKind.CameraBlock };
  const config = { supportedCacheObjects: [CacheObjectKind.CameraBlock], leaseTtlMs: 60_000 };

  /** A submit that names the camera, and has no payload of its own. */
  function reference(peer: SessionPeer, frameId: number): void {
    const metadata = {
      submitMode: SubmitMode.Reference,
      objectRefMask: preview3.ObjectRefFlags.CameraBlock,
      payloadKindBitmap: 0,
      payloadFrameCount: 0,
    };
    peer.submit(frameId, preview3.encodeBody({ objectReferences: [camera] }, metadata), metadata);
  }

  it('gets them resolved, with their bytes', async () => {
    const { peer, session } = await opened(config);
    peer.put(5, 'the camera', camera);
    await acked(peer);
    reference(peer, 1);
    const operation = await session.receiveSubmit();
    expect(operation.objects.map(({ reference: { cacheKeyLo }, bytes }) => [cacheKeyLo, textOf(bytes)])).toEqual([
      [5, 'the camera'],
    ]);
  });

  it('that are not there is dropped, with the reason; the session lives on', async () => {
    const { peer, session } = await opened(config);
    reference(peer, 1);
    const error = await peer.packet();
    expect(preview3.decodeErrorMessage(error.view, error.metadataStart)).toMatchObject({
      errorCode: preview3.CacheErrorCode.CacheMiss,
      errorScope: preview3.ErrorScope.Frame,
      relatedFrameId: 1,
    });
    expect(await peer.next()).toBe('drop 1');
    peer.submit(2);
    expect((await session.receiveSubmit()).frameId).toBe(2);
  });

  it('of another session does not get them', async () => {
    const { peer } = await opened(config);
    const sibling = await SessionPeer.openOn(peer.raw);
    peer.put(5, 'the camera', camera);
    await acked(peer);
    reference(sibling, 1);
    expect(await sibling.take(2)).toEqual(['error frame 1 196609', 'drop 1']);
  });

  it('to a reference client is a drop and nothing else', async () => {
    const server = await stage.serve(config);
    const peer = await SessionPeer.open(stage, server, { announced: false });
    reference(peer, 1);
    expect(await peer.answers()).toEqual(['drop 1']);
  });
});
