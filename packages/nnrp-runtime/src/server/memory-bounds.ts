import { type ConnectionMemory, MAX_OPENING_BYTES, type ServerMemory } from './bounds/server-memory.js';
import type { ServerBounds } from './contract/server-bounds.js';
import type { NnrpServerConfig } from './contract/server-config.js';
import { MAX_EVENTS } from './inbox/session-inbox.js';
import { MAX_SCHEMAS } from './session/session-cache.js';
import type { SessionCore } from './session/session-core.js';

/** Says what bounds the memory that clients fill: of each session, each connection and the server. */
export function declareMemory(
  bounds: ServerBounds,
  config: NnrpServerConfig,
  memory: ServerMemory,
  connections: Iterable<{ readonly memory: ConnectionMemory }>,
  cores: () => Iterable<SessionCore>,
): void {
  const ofSession = (count: (core: SessionCore) => number) => () => highest(cores(), count);
  const ofConnection = (count: (of: ConnectionMemory) => number) => () =>
    highest(connections, (connection) => count(connection.memory));
  const anyNumber = Number.POSITIVE_INFINITY;
  const { maxCacheObjects, maxCacheBytes, maxQueuedSubmits, maxQueuedBytes } = config;
  const maxObjects = maxCacheObjects === 0 ? anyNumber : maxCacheObjects;
  bounds.add(
    'cacheObjects',
    'session',
    maxObjects,
    ofSession(({ cacheFacts }) => cacheFacts.objects),
  );
  bounds.add(
    'schemas',
    'session',
    MAX_SCHEMAS,
    ofSession(({ cacheFacts }) => cacheFacts.schemas),
  );
  bounds.add(
    'cacheBytes',
    'session',
    maxCacheBytes,
    ofSession(({ cacheFacts }) => cacheFacts.bytes),
  );
  const cachedBytes = ofConnection(({ cache }) => cache.byteLength);
  bounds.add('connectionCacheBytes', 'connection', config.maxCacheBytesPerConnection, cachedBytes);
  bounds.add('serverCacheBytes', 'server', config.maxCacheBytesTotal, () => memory.cache.byteLength);
  bounds.add(
    'queuedSubmits',
    'session',
    maxQueuedSubmits,
    ofSession(({ inbox }) => inbox.submitCount),
  );
  bounds.add(
    'queuedBytes',
    'session',
    maxQueuedBytes,
    ofSession(({ queued }) => queued.byteLength),
  );
  const queuedBytes = ofConnection(({ queue }) => queue.byteLength);
  bounds.add('connectionQueuedBytes', 'connection', config.maxQueuedBytesPerConnection, queuedBytes);
  bounds.add('serverQueuedBytes', 'server', config.maxQueuedBytesTotal, () => memory.queue.byteLength);
  bounds.add(
    'unreadEvents',
    'session',
    MAX_EVENTS,
    ofSession(({ inbox }) => inbox.eventCount),
  );
  const openingBytes = ofConnection(({ opening }) => opening.byteLength);
  bounds.add('connectionOpeningBytes', 'connection', MAX_OPENING_BYTES, openingBytes);
  bounds.add('serverOpeningBytes', 'server', config.maxOpeningBytesTotal, () => memory.opening.byteLength);
  bounds.add('serverHelloBytes', 'server', config.maxHelloBytesTotal, () => memory.helloBytes);
}

/** Of the one that has most. */
function highest<T>(those: Iterable<T>, count: (one: T) => number): number {
  let most = 0;
  for (const one of those) most = Math.max(most, count(one));
  return most;
}
