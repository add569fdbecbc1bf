import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, it } from 'vitest';
import { CACHE_PUT, FLOW_UPDATE } from '../../src/connection/sending/codecs.js';
import { announcedOpenBytes, messageBytes } from '../support/session-peer.js';
import { submitBytes } from '../support/wire-packets.js';
import { endAll } from './memory-bounds/driven-end.js';
import { type Driven, drive, idOf, opens, ROOM } from './memory-bounds/driven-server.js';

/*
 * Objects that clients have a server keep, and results that they have it hold back, each room of docs/memory.md driven to
 * its bound.
 */

const { CacheObjectKind, MessageType, SessionFlags } = preview3;

afterEach(endAll);

describe('objects and schemas hold what they are counted as', () => {
  const CACHING = { supportedCacheObjects: Object.values(CacheObjectKind), leaseTtlMs: 3_600_000 };

  function put(
    sessionId: number,
    cacheKeyLo: number,
    objectKind: preview3.CacheObjectKind,
    body: Uint8Array,
  ): Uint8Array {
    const metadata: preview3.CachePut = {
      // The dearest: a namespace for each.
      cacheNamespace: cacheKeyLo,
      cacheKeyHi: 0,
      cacheKeyLo,
      objectKind,
      ttlMs: 0,
      objectBytes: body.length,
      codecBitmap: 0,
      flags: 0,
    };
    return messageBytes(MessageType.CachePut, CACHE_PUT, metadata, sessionId, body);
  }

  function* objects(connection: number, bodyBytes: number, connections = 1, sessions = 1) {
    yield opens(connection, sessions);
    const count = Math.ceil((ROOM * 1.2) / (bodyBytes + 1024) / connections);
    const body = new Uint8Array(bodyBytes);
    for (let key = 1; key <= count; key++) {
      yield put(idOf(connection, key % sessions), key, CacheObjectKind.PromptSegment, body);
    }
  }

  function* schemas(connection: number, bodyBytes: number) {
    const flags = { sessionFlags: SessionFlags.AllowSchemaOverride };
    for (let index = 0; index < 200; index++) {
      yield announcedOpenBytes({ ...flags, requestedSessionId: idOf(connection, index), maxInFlightOperations: 0 });
      for (let schemaId = 1; schemaId <= 250; schemaId++) {
        const body = new Uint8Array(preview3.SCHEMA_DESCRIPTOR_HEADER_BYTES + bodyBytes);
        const header = { ...preview3.TOKEN_DELTA_SCHEMA, schemaId: 0x10000 + schemaId, bodyBytes, dependencyCount: 0 };
        preview3.encodeSchemaDescriptorHeader(header, new DataView(body.buffer));
        yield put(idOf(connection, index), schemaId, CacheObjectKind.ToolSchema, body);
      }
    }
  }

  it.each<[string, Driven]>([
    ...[0, 16, 40_000].map((bodyBytes): [string, Driven] => [
      `of one session, ${bodyBytes} bytes each`,
      {
        name: 'cacheBytes',
        use: 'receive',
        config: { ...CACHING, maxCacheBytes: ROOM },
        bytes: (connection) => objects(connection, bodyBytes),
        least: ROOM - 48 * 1024,
        resident: bodyBytes > 16,
      },
    ]),
    [
      'of one connection',
      {
        name: 'connectionCacheBytes',
        use: 'receive',
        config: { ...CACHING, maxCacheBytesPerConnection: ROOM },
        bytes: (connection) => objects(connection, 16, 1, 500),
      },
    ],
    [
      'of the server',
      {
        name: 'serverCacheBytes',
        use: 'receive',
        config: { ...CACHING, maxCacheBytesTotal: ROOM },
        connections: 20,
        bytes: (connection) => objects(connection, 16, 20),
      },
    ],
    ...[0, 2000].map((bodyBytes): [string, Driven] => [
      `of schemas, ${bodyBytes} bytes each`,
      {
        name: 'connectionCacheBytes',
        use: 'receive',
        config: { ...CACHING, schemaOverride: true, maxCacheBytesPerConnection: ROOM },
        bytes: (connection) => schemas(connection, bodyBytes),
        least: ROOM - 8192,
      },
    ]),
  ])('%s', async (_name, driven) => drive(driven), 60_000);
});

describe('results that a pause holds back hold what they are counted as', () => {
  function* paused(connection: number, sessions: number) {
    yield opens(connection, sessions);
    const update: preview3.FlowUpdate = {
      scopeKind: preview3.ScopeKind.Connection,
      updateReason: preview3.UpdateReason.Pause,
      backpressureLevel: preview3.BackpressureLevel.Hard,
      connectionCredit: 0,
      sessionCredit: 0,
      operationCredit: 0,
      operationId: 0n,
      retryAfterMs: 0,
      creditEpoch: 1,
      flowFlags: 0,
    };
    yield messageBytes(MessageType.FlowUpdate, FLOW_UPDATE, update);
    for (let index = 0; index < sessions; index++) yield submitBytes(idOf(connection, index), 1);
  }

  it.each<[string, Driven]>([
    [
      'of one byte each',
      {
        name: 'heldResultBytes',
        use: 'push',
        serving: { bytes: 1, results: 5000 },
        config: { maxOutboxBytes: ROOM },
        bytes: (connection) => paused(connection, 4),
        least: ROOM - 4096,
      },
    ],
    ...[10_000, 100_000].map((bytes): [string, Driven] => [
      `of ${bytes} bytes each`,
      {
        name: 'heldResultBytes',
        use: 'push',
        serving: { bytes, results: 4000 },
        config: { maxOutboxBytes: ROOM },
        bytes: (connection) => paused(connection, 4),
        least: ROOM - 128 * 1024,
        resident: true,
      },
    ]),
  ])('%s', async (_name, driven) => drive(driven), 60_000);
});
