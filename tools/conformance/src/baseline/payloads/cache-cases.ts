import { ObjectCache, type ObjectDependency } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { closeBytes, message, openBytes, WIRE } from '../wire-messages.js';
import { CACHED, checkNotServed, found, LIMITS, put, TILES } from './cache-fixtures.js';
import { referringSubmit, TILE_INDEX } from './region-bodies.js';

const { CacheAckStatus, CacheErrorCode, CacheInvalidateScope, CacheObjectKind, LeaseOwnerScope, MessageType } =
  preview3;

/** Cases of cached objects: whose they are, their versions, what invalidation reaches. */
export const CACHE_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.cache.lease_owner_scope.validation',
    exercised:
      'On a live server an object that one session has put is missing for its sibling on the same connection and ' +
      'for the next session of the same id; in the object cache leases owned by a connection, a session and an ' +
      'operation with one number end with their own owner and no other.',
    async run(check: Checks, stage) {
      const server = await stage.serve(CACHED);
      const { peer, session } = await stage.openAnnounced(server);
      check.equal<number>((await put(peer, 'tile')).status, CacheAckStatus.Accepted, 'the put');
      peer.send(openBytes({ requestedSessionId: 2 }));
      await peer.expect(MessageType.SessionOpenAck, 2);
      await checkNotServed(check, peer, 1, CacheErrorCode.CacheMiss, 2);
      peer.send(referringSubmit(1, 1));
      const [object] = (await stage.within(session.receiveSubmit(), 'the submit')).objects;
      check.equal(Buffer.from(object?.bytes ?? '').toString(), 'tile', 'the object for its own session');
      peer.send(closeBytes(1));
      await session.ackClose(await stage.within(session.receiveClose(), 'the close'));
      await peer.expectExplainedDrop(preview3.ErrorCode.FrameCancelled, 1, 1);
      await peer.expect(MessageType.SessionCloseAck, 1);
      peer.send(openBytes());
      await peer.expect(MessageType.SessionOpenAck, 1);
      await checkNotServed(check, peer, 1, CacheErrorCode.CacheMiss);

      const cache = new ObjectCache(LIMITS);
      const { Connection, Session, Operation } = LeaseOwnerScope;
      const scopes = [Connection, Session, Operation];
      for (const scope of scopes) {
        cache.put({ ...TILES, cacheKeyLo: scope }, new Uint8Array(4), 0, { owner: { scope, id: 5 } });
      }
      for (const [index, scope] of scopes.entries()) {
        check.equal(cache.releaseOwner(scope, 6), 0, 'another owner of the scope');
        check.equal([cache.releaseOwner(scope, 5), cache.size], [1, 2 - index], `the owner of scope ${scope}`);
      }
    },
  },
  {
    id: 'l1.cache.object_version.monotonicity.validation',
    exercised:
      'A live server answers the same put as a renewal and changed bytes as replaced, and serves the newest bytes ' +
      'to submits; in the object cache versions stay with a renewal and rise with every change, also past ' +
      'invalidation, expiry and clear.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve(CACHED));
      const { Accepted, Replaced } = CacheAckStatus;
      const bodies = ['one.', 'one.', 'two.', 'one.'];
      for (const [index, status] of [Accepted, Accepted, Replaced, Replaced].entries()) {
        check.equal<number>((await put(peer, bodies[index] ?? '')).status, status, `put ${index}`);
        check.equal(Buffer.from(session.cacheObject(TILE_INDEX) ?? '').toString(), bodies[index], `after put ${index}`);
      }
      peer.send(referringSubmit(1, 1));
      const operation = await stage.within(session.receiveSubmit(), 'the submit');
      check.equal(Buffer.from(operation.objects[0]?.bytes ?? '').toString(), 'one.', 'the newest bytes');

      const cache = new ObjectCache(LIMITS);
      const version = (byte: number, nowMs: number) => cache.put(TILES, new Uint8Array(4).fill(byte), nowMs).version;
      check.equal([version(1, 0), version(1, 0), version(2, 0), version(1, 0)], [1n, 1n, 2n, 3n], 'versions of puts');
      cache.invalidate({ ...TILES, invalidateScope: CacheInvalidateScope.ObjectKey, reasonCode: 0 });
      check.equal(version(1, 0), 4n, 'after invalidation');
      check.equal(version(1, 5000), 5n, 'after expiry');
      cache.clear();
      check.equal(version(1, 5000), 6n, 'after clear');
      const old = { ...TILES, objectBytes: 3 };
      check.equal(cache.put(old, new Uint8Array(4), 5000).version, 6n, 'a put that is rejected');
    },
  },
  {
    id: 'l1.cache.dependency_invalidation.validation',
    exercised:
      'CACHE_INVALIDATE of every scope to a live server takes away exactly what it names, as submits that refer ' +
      'to the object show; in the object cache, objects that build on an invalidated one are no longer served, ' +
      'also over two steps, until they are put again.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openAnnounced(await stage.serve(CACHED));
      const { ObjectKey, ObjectKind, Namespace, WholeSession } = CacheInvalidateScope;
      const other = { invalidateScope: ObjectKey, ...TILE_INDEX, cacheKeyLo: 3, reasonCode: 0 };
      let frameId = 0;
      for (const [invalidateScope, cacheKeyHi, left] of [
        [ObjectKey, 1, 2],
        [ObjectKind, CacheObjectKind.TileIndexBlock, 1],
        [Namespace, 0, 1],
        [WholeSession, 0, 0],
      ] as const) {
        await put(peer, 'tile');
        await put(peer, 'more', { cacheKeyLo: 4 });
        await put(peer, 'else', { cacheNamespace: 8, objectKind: CacheObjectKind.PromptSegment });
        check.equal(session.cacheObjectCount, 3, 'objects');
        peer.send(message(WIRE.invalidate, 1, 0, other));
        peer.send(message(WIRE.invalidate, 1, 0, { ...other, cacheKeyLo: 2, cacheKeyHi, invalidateScope }));
        await checkNotServed(check, peer, ++frameId, CacheErrorCode.CacheMiss);
        check.equal(session.cacheObjectCount, left, `objects left by scope ${invalidateScope}`);
      }
      const cache = new ObjectCache(LIMITS);
      const key = (cacheKeyLo: number) => ({ ...TILES, cacheKeyLo });
      const on = (cacheKeyLo: number, version: bigint): ObjectDependency[] => [{ identity: key(cacheKeyLo), version }];
      cache.put(key(1), new Uint8Array(4), 0);
      cache.put(key(2), new Uint8Array(4), 0, { dependencies: on(1, 1n) });
      cache.put(key(3), new Uint8Array(4), 0, { dependencies: [...on(2, 2n), ...on(1, 1n)] });
      check.equal(
        [1, 2, 3].map((lo) => found(cache.lookup(key(lo), 0))),
        [1n, 2n, 3n],
        'before the invalidation',
      );
      cache.invalidate({ ...key(1), invalidateScope: ObjectKey, reasonCode: 0 });
      const { CacheMiss, DependencyInvalid } = CacheErrorCode;
      const after = [1, 2, 3].map((lo) => found(cache.lookup(key(lo), 0)));
      check.equal<unknown>(after, [CacheMiss, DependencyInvalid, DependencyInvalid], 'after the invalidation');
      cache.put(key(1), new Uint8Array(4), 0);
      check.equal<unknown>(found(cache.lookup(key(2), 0)), DependencyInvalid, 'the same bytes again are a new version');
      cache.put(key(2), new Uint8Array(4), 0, { dependencies: on(1, 4n) });
      check.equal(found(cache.lookup(key(2), 0)), 5n, 'put again on the new version');
    },
  },
];
