import { logMemoryBytes, SCARCE_BYTES } from '../connection/recovery/log-chunk.js';
import { WINDOW_BYTES } from '../connection/recovery/sent-log.js';
import { resultRoom } from './bounds/outbox-shares.js';
import { type ConnectionMemory, MAX_OPENING_BYTES, type ServerMemory } from './bounds/server-memory.js';
import { MAX_UNANSWERED } from './bounds/unanswered-requests.js';
import type { ServerConnection } from './connection/server-connection.js';
import type { SessionTable } from './connection/session-table.js';
import type { ServerBounds } from './contract/server-bounds.js';
import type { NnrpServerConfig } from './contract/server-config.js';
import { MAX_TOLD } from './failures/told-faults.js';
import { MAX_EVENTS } from './inbox/session-inbox.js';
import { MAX_HELD } from './operation/result-gate.js';
import { RoomLine } from './operation/room-line.js';
import { mostResumedBytes } from './recovery/resumable-sessions.js';
import type { ServerSession } from './session/server-session.js';
import { MAX_SCHEMAS } from './session/session-cache.js';

/** What a server has of everything that is bounded. */
export interface BoundedServer {
  readonly memory: ServerMemory;
  readonly connections: ReadonlySet<ServerConnection>;
  readonly closingConnections: { readonly size: number };
  readonly table: SessionTable<ServerSession>;
}

/** Says what is bounded: of each session, each connection and the server. */
export function declareBounds(
  bounds: ServerBounds,
  config: NnrpServerConfig,
  { memory, connections, closingConnections, table }: BoundedServer,
): void {
  bounds.add('connections', 'server', config.maxConnections, () => connections.size + closingConnections.size);
  bounds.add('closingConnections', 'server', config.maxConnections, () => closingConnections.size);
  bounds.add('slowConnections', 'server', Number.POSITIVE_INFINITY, () => slow(connections));
  bounds.add('sessions', 'server', config.maxSessions, () => table.size);
  bounds.add('connectionSessions', 'connection', config.maxSessionsPerConnection, () =>
    highest(connections, ({ sessionCount }) => sessionCount),
  );
  bounds.add('outboxBytes', 'connection', config.maxOutboxBytes, () =>
    highest(connections, ({ outboxBytes }) => outboxBytes),
  );
  bounds.add('waitingResultBytes', 'connection', RoomLine.maxBytes(resultRoom(config)), () =>
    highest(connections, ({ room }) => room.byteLength),
  );
  bounds.add('resumedBytes', 'connection', mostResumedBytes(config), () =>
    highest(connections, ({ resumedBytes }) => resumedBytes),
  );
  bounds.add('unconfirmedBytes', 'connection', WINDOW_BYTES, () =>
    highest(connections, ({ sentLog }) => sentLog?.byteLength ?? 0),
  );
  bounds.add('serverUnconfirmedBytes', 'server', SCARCE_BYTES, logMemoryBytes);
  bounds.add('toldFaults', 'connection', MAX_TOLD, () => highest(connections, ({ faults }) => faults.count));
  bounds.add('packetBytes', 'connection', config.maxPacketBytes, () =>
    highest(connections, ({ unfinishedBytes }) => unfinishedBytes),
  );
  bounds.add('unansweredRequests', 'session', MAX_UNANSWERED, () =>
    highest(table.values(), ({ patches, migrations }) => Math.max(patches.size, migrations.size)),
  );
  declareMemory(bounds, config, memory, connections, () => table.values());
  bounds.add('heldResults', 'session', MAX_HELD, () => highest(table.values(), ({ gate }) => gate.heldCount));
  bounds.add('heldResultBytes', 'connection', config.maxOutboxBytes, () =>
    highest(connections, ({ gate }) => gate.heldByteLength),
  );
}

/** What bounds the memory that clients fill. */
function declareMemory(
  bounds: ServerBounds,
  config: NnrpServerConfig,
  memory: ServerMemory,
  connections: Iterable<{ readonly memory: ConnectionMemory }>,
  sessions: () => Iterable<ServerSession>,
): void {
  const ofSession = (count: (session: ServerSession) => number) => () => highest(sessions(), count);
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

function slow(connections: Iterable<ServerConnection>): number {
  let count = 0;
  for (const connection of connections) if (connection.isSending) count++;
  return count;
}
