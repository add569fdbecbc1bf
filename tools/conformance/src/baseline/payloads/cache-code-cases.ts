import { ObjectCache } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { decoded, message, putBytes, WIRE } from '../wire-messages.js';
import { CACHED, checkNotServed, found, LIMITS, PROMPT, put, TILES } from './cache-fixtures.js';
import { referringSubmit, TILE_INDEX } from './region-bodies.js';

const { CacheAckStatus, CacheErrorCode, CacheInvalidateScope, CacheObjectKind, MessageType } = preview3;

/** Cases of the codes that say why an object is not served. */
export const CACHE_CODE_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.cache.error_code.cache_miss.validation',
    exercised:
      'Submits to a live server that refer to an object nobody has put, of another kind, key or namespace, get ' +
      'ERROR 0x00030001 of frame scope and RESULT_DROP; our client fails the operation with that code; after the ' +
      'put the same reference is served. A peer that announced nothing gets the RESULT_DROP alone.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openAnnounced(await stage.serve(CACHED));
      await put(peer, 'tile', { cacheKeyLo: 9 });
      await put(peer, 'tile', { objectKind: CacheObjectKind.PromptSegment });
      await put(peer, 'tile', { cacheNamespace: 6 });
      await checkNotServed(check, peer, 1, 0x00030001);
      await put(peer, 'tile');
      peer.send(referringSubmit(1, 2));
      check.equal((await stage.within(session.receiveSubmit(), 'the submit')).objects.length, 1, 'after the put');

      const { clientSession } = await stage.session(CACHED);
      const submit = referringSubmit(1, 1);
      const metadata = preview3.decodeFrameSubmit(new DataView(submit.buffer), 40);
      const operation = await stage.within(clientSession.submit(submit.subarray(112), { metadata }), 'the submit');
      const error = await check.rejects(
        stage.within(operation.result(), 'an answer'),
        'NNRP_ERR_SUBMIT_REFUSED',
        'our client',
      );
      check.equal((error as { readonly wireCode?: number }).wireCode, 0x00030001, 'the code in our client');
      const silent = await stage.openPeer(await stage.serve(CACHED));
      silent.peer.send(referringSubmit(1, 1));
      await silent.peer.expect(MessageType.ResultDrop, 1, 1);
      check.equal((await silent.peer.settled()).length, 0, 'further messages to a peer that announced nothing');
    },
  },
  {
    id: 'l1.cache.error_code.lease_expired.validation',
    exercised:
      'A live server whose leases last 0 ms grants a put, and a submit in the same write finds its lease expired: ' +
      'ERROR 0x00030002 and RESULT_DROP. In the object cache a lease ends in the very millisecond of its end, a ' +
      'renewal keeps its id and a new grant does not.',
    async run(check: Checks, stage) {
      const { peer } = await stage.openAnnounced(await stage.serve({ ...CACHED, leaseTtlMs: 0 }));
      peer.send(putBytes(1, 'tile', { ...TILE_INDEX, ttlMs: 60_000 }), referringSubmit(1, 1));
      const ack = decoded(WIRE.cacheAck, await peer.expect(MessageType.CacheAck, 1));
      check.fields(ack, { status: CacheAckStatus.Accepted, acceptedTtlMs: 0 }, 'the answer to the put');
      const error = decoded(WIRE.error, await peer.expect(MessageType.Error, 1, 1));
      check.equal<number>(error.errorCode, 0x00030002, 'the code');
      await peer.expect(MessageType.ResultDrop, 1, 1);

      const { LeaseExpired } = CacheErrorCode;
      const cache = new ObjectCache(LIMITS);
      const granted = cache.put({ ...TILES, ttlMs: 5000 }, new Uint8Array(4), 100);
      check.equal(granted.ack.acceptedTtlMs, 1000, 'a wish beyond the limit');
      check.equal(found(cache.lookup(TILE_INDEX, 1099)), 1n, 'in the last millisecond');
      check.equal<unknown>(found(cache.lookup(TILE_INDEX, 1100)), LeaseExpired, 'in the millisecond of the end');
      cache.put(TILES, new Uint8Array(4), 500);
      check.equal(found(cache.lookup(TILE_INDEX, 1100, { leaseId: 1n })), 1n, 'after a renewal, the same lease');
      cache.put(TILES, new Uint8Array(4).fill(1), 600);
      check.equal<unknown>(found(cache.lookup(TILE_INDEX, 700, { leaseId: 1n })), LeaseExpired, 'after a new grant');
      check.equal(cache.expire(9999), 1, 'objects that expire');
    },
  },
  {
    id: 'l1.cache.error_code.version_mismatch.validation',
    exercised:
      'An application feeds an object cache of its own with the CACHE_PUTs that a live server reports to it: ' +
      'lookups that require an older or a newer version than the one on the wire get 0x00030003, the right one is ' +
      'found. No preview3 message carries a version, so the requirement itself comes from the application.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve(CACHED));
      const events = session.events();
      const cache = new ObjectCache(LIMITS);
      for (const [body, version] of [
        ['one.', 1n],
        ['two.', 2n],
      ] as const) {
        await put(peer, body);
        const { value } = await stage.within(events.next(), 'the put to be reported');
        check.ok(value?.type === 'cachePut', 'the event is a put');
        const bytes = new Uint8Array(session.cacheObject(value.put) ?? []);
        check.equal(Buffer.from(bytes).toString(), body, 'the bytes on the server');
        check.equal(cache.put(value.put, bytes, 0).version, version, 'the version that they make');
      }
      const { VersionMismatch } = CacheErrorCode;
      check.equal<number>(VersionMismatch, 0x00030003, 'the code');
      for (const version of [1n, 3n]) {
        const outcome = found(cache.lookup(TILE_INDEX, 0, { version }));
        check.equal<unknown>(outcome, VersionMismatch, `version ${version} required`);
      }
      check.equal(found(cache.lookup(TILE_INDEX, 0, { version: 2n })), 2n, 'version 2 required');
      const expired = found(cache.lookup(TILE_INDEX, 5000, { version: 1n }));
      check.equal<unknown>(expired, CacheErrorCode.LeaseExpired, 'expiry goes before the version');
    },
  },
  {
    id: 'l1.cache.error_code.dependency_invalid.validation',
    exercised:
      'An object cache fed with CACHE_PUTs and CACHE_INVALIDATEs that a live server reports: a dependency that is ' +
      'missing, has another version, was invalidated or has expired gives 0x00030004 for the object that names ' +
      'it, before a schema mismatch and after a version mismatch.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve(CACHED));
      const events = session.events();
      const cache = new ObjectCache(LIMITS);
      await put(peer, 'base');
      const base = await stage.within(events.next(), 'the put');
      check.ok(base.value?.type === 'cachePut', 'the event is a put');
      const { version } = cache.put(base.value.put, new Uint8Array(4), 0);
      const identity = TILE_INDEX;
      const schema = { schemaId: 1, schemaVersion: 1 };
      cache.put(PROMPT, new Uint8Array(4), 100, { dependencies: [{ identity, version }] });
      const { DependencyInvalid, LeaseExpired, VersionMismatch } = CacheErrorCode;
      check.equal<number>(DependencyInvalid, 0x00030004, 'the code');
      check.equal(found(cache.lookup(PROMPT, 999)), 2n, 'with its dependency');
      check.equal<unknown>(found(cache.lookup(PROMPT, 1000)), DependencyInvalid, 'when the dependency has expired');
      check.equal<unknown>(found(cache.lookup(TILE_INDEX, 1000)), LeaseExpired, 'the dependency itself');
      const further = { dependencies: [{ identity, version: 9n }] };
      check.equal<unknown>(found(cache.lookup(PROMPT, 200, further)), DependencyInvalid, 'another version');
      const absent = { dependencies: [{ identity: { ...identity, cacheKeyLo: 77 }, version: 1n }], schema };
      check.equal<unknown>(found(cache.lookup(PROMPT, 200, absent)), DependencyInvalid, 'missing, before the schema');
      const old = { ...absent, version: 1n };
      check.equal<unknown>(found(cache.lookup(PROMPT, 200, old)), VersionMismatch, 'the version comes first');
      const invalidation = { ...TILE_INDEX, invalidateScope: CacheInvalidateScope.ObjectKind, reasonCode: 4 };
      peer.send(message(WIRE.invalidate, 1, 0, { ...invalidation, cacheKeyHi: CacheObjectKind.TileIndexBlock }));
      const { value } = await stage.within(events.next(), 'the invalidation');
      check.ok(value?.type === 'cacheInvalidate', 'the event is an invalidation');
      check.equal([value.removed, cache.invalidate(value.invalidate).length], [1, 1], 'objects gone on both');
      check.equal<unknown>(found(cache.lookup(PROMPT, 200)), DependencyInvalid, 'when the dependency was invalidated');
    },
  },
  {
    id: 'l1.cache.error_code.schema_mismatch.validation',
    exercised:
      'An object cache fed with a CACHE_PUT that a live server reports, noted with the schema of its session: ' +
      'lookups that require another id, another version or a schema where none is known get 0x00030005; the ' +
      'schema of the session is found.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve(CACHED));
      const events = session.events();
      await put(peer, 'tile');
      const { value } = await stage.within(events.next(), 'the put');
      check.ok(value?.type === 'cachePut', 'the event is a put');
      const { schemaId, schemaVersion } = session.record;
      const cache = new ObjectCache(LIMITS);
      cache.put(value.put, new Uint8Array(4), 0, { schema: { schemaId, schemaVersion } });
      cache.put(PROMPT, new Uint8Array(4), 0);
      const { SchemaMismatch } = CacheErrorCode;
      check.equal<number>(SchemaMismatch, 0x00030005, 'the code');
      check.equal(found(cache.lookup(TILE_INDEX, 0, { schema: { schemaId, schemaVersion } })), 1n, 'its own schema');
      for (const schema of [
        { schemaId, schemaVersion: 2 },
        { schemaId: 5, schemaVersion },
      ]) {
        const outcome = found(cache.lookup(TILE_INDEX, 0, { schema }));
        check.equal<unknown>(outcome, SchemaMismatch, JSON.stringify(schema));
      }
      const unknown = found(cache.lookup(PROMPT, 0, { schema: { schemaId, schemaVersion } }));
      check.equal<unknown>(unknown, SchemaMismatch, 'an object whose schema is not known');
      check.equal(found(cache.lookup(PROMPT, 0)), 2n, 'the same object when no schema is required');
    },
  },
];
