import * as preview3 from 'nnrp-core/preview3';
import { afterEach, expect, it } from 'vitest';
import type { BoundName, NnrpServerOptions, ServeOptions } from '../../../src/index.js';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { eventually } from '../../support/eventually.js';
import type { RawPeer } from '../../support/raw-peer.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openBytes } from '../../support/wire-packets.js';

const KIB = 1024;
const stage = new Stage();
afterEach(() => stage.clear());

interface Drive {
  readonly config?: NnrpServerOptions;
  /** With a handler that ends when its operation does. */
  readonly serve?: ServeOptions;
  /** What a handler does before. */
  readonly begin?: (operation: OperationContext) => unknown;
  /** Brings it to its bound and beyond. */
  readonly act: (server: NnrpServer) => Promise<unknown>;
  /** What there is then, at least and at most; where it is refused or cut at once, nothing may be. */
  readonly value: readonly [least: number, most: number];
  /** Default 1. */
  readonly hits?: number;
}

const peersOf = (server: NnrpServer, count: number): Promise<RawPeer[]> =>
  Promise.all(Array.from({ length: count }, () => stage.peer(server)));

/** Sessions on one connection, with so many submits in each. */
async function working(server: NnrpServer, sessions: number, submits: number, bytes = 16): Promise<SessionPeer[]> {
  const raw = await stage.peer(server);
  const opened: SessionPeer[] = [];
  for (let count = 0; count < sessions; count++) opened.push(await SessionPeer.openOn(raw));
  for (let frameId = 1; frameId <= submits; frameId++) {
    for (const session of opened) session.submit(frameId, new Uint8Array(bytes));
  }
  return opened;
}

async function paused(server: NnrpServer): Promise<void> {
  const [session] = await working(server, 1, 0);
  const { ScopeKind, UpdateReason, BackpressureLevel } = preview3;
  session?.flow({
    scopeKind: ScopeKind.Session,
    updateReason: UpdateReason.Pause,
    backpressureLevel: BackpressureLevel.Hard,
    creditEpoch: 1,
  });
  session?.submit(1);
}

async function puts(server: NnrpServer, sessions: number, objects: number, bytes: number): Promise<void> {
  const opened = await working(server, sessions, 0);
  for (let key = 1; key <= objects; key++) for (const session of opened) session.put(key, new Uint8Array(bytes));
}

async function away(server: NnrpServer, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const peer = await ResumablePeer.open(stage, server);
    peer.submit(1);
    await eventually(() => (server.stats().runningOperations?.value ?? 0) > index, 'its handler runs');
    peer.lose();
    await eventually(() => server.stats().suspendedSessions?.hits !== 0 || server.suspendedCount > index, 'it is away');
  }
}

const FEW: NnrpServerOptions = { maxInFlightOperations: 0, maxQueuedSubmits: 1000 };
const CACHING: NnrpServerOptions = { supportedCacheObjects: Object.values(preview3.CacheObjectKind) };
const NEVER = { validateSessionOpen: () => new Promise<never>(() => {}) };
const PATIENT = { policyTimeoutMs: 2000, handshakeTimeoutMs: 60_000 };
const push = (count: number, bytes: number) => (operation: OperationContext) => {
  // The pushes do not wait for room.
  for (let index = 0; index < count; index++) operation.push(new Uint8Array(bytes)).catch(() => {});
};
const DRIVES: Partial<Record<BoundName, Drive>> = {
  sessions: { config: { maxSessions: 2 }, act: (server) => tooMany(server, 2), value: [2, 2] },
  connectionSessions: { config: { maxSessionsPerConnection: 2 }, act: (server) => tooMany(server, 2), value: [2, 2] },
  connections: {
    config: { maxConnections: 2 },
    act: async (server) => {
      for (let count = 0; count < 2; count++) await working(server, 1, 0);
      await peersOf(server, 1);
    },
    value: [2, 2],
  },
  turnedAway: {
    config: { maxConnections: 1, handshakeTimeoutMs: 60_000 },
    act: async (server) => {
      await working(server, 1, 0);
      await peersOf(server, 66);
    },
    value: [64, 64],
    hits: 2,
  },
  unopenedConnections: {
    config: { ...PATIENT, maxUnopenedConnections: 3, maxUnopenedPerAddress: 0 },
    act: (server) => peersOf(server, 5),
    value: [3, 3],
    hits: 2,
  },
  queuedSubmits: {
    config: { maxInFlightOperations: 0, maxQueuedSubmits: 4 },
    act: (server) => working(server, 1, 4),
    value: [4, 4],
  },
  queuedBytes: {
    config: { ...FEW, maxQueuedBytes: 8 * KIB },
    act: (server) => working(server, 1, 8),
    value: [8 * KIB, 10 * KIB],
  },
  connectionQueuedBytes: {
    config: { ...FEW, maxQueuedBytesPerConnection: 16 * KIB },
    act: (server) => working(server, 4, 4),
    value: [16 * KIB, 20 * KIB],
  },
  serverQueuedBytes: {
    config: { ...FEW, maxQueuedBytesTotal: 16 * KIB },
    act: async (server) => [await working(server, 2, 4), await working(server, 2, 4)],
    value: [8 * KIB, 20 * KIB],
  },
  connectionOpeningBytes: {
    config: { applicationPolicy: NEVER, ...PATIENT },
    act: async (server) => {
      const [peer] = await peersOf(server, 1);
      for (let count = 0; count < 70; count++) peer?.send(openBytes({ authBytes: 16_000 }, new Uint8Array(16_000)));
    },
    value: [1024 * KIB, 1060 * KIB],
  },
  serverOpeningBytes: {
    config: { applicationPolicy: NEVER, ...PATIENT, maxOpeningBytesTotal: 64 * KIB },
    act: async (server) => {
      for (const peer of await peersOf(server, 4)) peer.send(openBytes({ authBytes: 16_000 }, new Uint8Array(16_000)));
    },
    value: [48 * KIB, 96 * KIB],
  },
  cacheObjects: { config: { ...CACHING, maxCacheObjects: 2 }, act: (server) => puts(server, 1, 3, 8), value: [2, 2] },
  cacheBytes: {
    config: { ...CACHING, maxCacheBytes: 8 * KIB },
    act: (server) => puts(server, 1, 3, 3 * KIB),
    value: [8 * KIB, 8 * KIB],
  },
  connectionCacheBytes: {
    config: { ...CACHING, maxCacheBytesPerConnection: 8 * KIB },
    act: (server) => puts(server, 3, 1, 3 * KIB),
    value: [8 * KIB, 8 * KIB],
  },
  serverCacheBytes: {
    config: { ...CACHING, maxCacheBytesTotal: 8 * KIB },
    act: async (server) => {
      for (let count = 0; count < 3; count++) await puts(server, 1, 1, 3 * KIB);
    },
    value: [8 * KIB, 8 * KIB],
  },
  unansweredRequests: {
    act: async (server) => {
      const [session] = await working(server, 1, 0);
      for (let count = 0; count < 70; count++) session?.patch();
    },
    value: [64, 64],
  },
  toldFaults: {
    act: async (server) => {
      const [session] = await working(server, 1, 0);
      // Of a frame that was used.
      for (let count = 0; count < 1100; count++) session?.submit(1);
    },
    value: [1, 1000],
  },
  runningOperations: {
    serve: { maxConcurrentOperations: 2, scheduling: { maxRunningPerConnection: 2 } },
    act: (server) => working(server, 1, 3),
    value: [2, 2],
  },
  queuedOperations: {
    serve: { maxConcurrentOperations: 1, maxQueuedOperations: 2 },
    act: async (server) => {
      for (let count = 0; count < 4; count++) await working(server, 1, 2);
    },
    value: [2, 2],
  },
  connectionQueuedOperations: {
    serve: { maxConcurrentOperations: 1, scheduling: { maxQueuedPerConnection: 2 } },
    act: (server) => working(server, 1, 4),
    value: [2, 2],
  },
  connectionRunningOperations: {
    serve: { maxConcurrentOperations: 9, scheduling: { maxRunningPerConnection: 2 } },
    act: (server) => working(server, 1, 3),
    value: [2, 2],
  },
  connectionRunningBytes: {
    serve: { scheduling: { maxRunningBytesPerConnection: 8 * KIB } },
    act: (server) => working(server, 1, 3, 4 * KIB),
    value: [8 * KIB, 14 * KIB],
  },
  heldResultBytes: {
    config: { maxOutboxBytes: 64 * KIB },
    serve: {},
    begin: push(30, 4 * KIB),
    act: paused,
    value: [58 * KIB, 64 * KIB],
  },
  heldResults: { serve: {}, begin: push(4100, 1), act: paused, value: [4096, 4096] },
  suspendedSessions: {
    config: { maxSuspendedSessions: 2 },
    serve: {},
    act: (server) => away(server, 3),
    value: [2, 2],
  },
  suspendedBytes: {
    config: { maxSuspendedBytesTotal: 32 * KIB, maxSuspendedBytes: 32 * KIB },
    serve: {},
    begin: async (operation) => {
      await operation.complete(new Uint8Array(20 * KIB));
    },
    act: async (server) => {
      const peers = [await ResumablePeer.open(stage, server), await ResumablePeer.open(stage, server)];
      for (const peer of peers) {
        peer.answersPings = false;
        peer.submit(1);
        expect(await peer.next()).toContain('result 1');
        peer.lose();
      }
    },
    value: [20 * KIB, 32 * KIB],
  },
};

async function tooMany(server: NnrpServer, allowed: number): Promise<void> {
  const [first] = await working(server, allowed, 0);
  first?.raw.send(openBytes());
}

const STAYING: readonly BoundName[] = [
  'suspendedSessions',
  'suspendedBytes',
  'queuedSubmits',
  'queuedBytes',
  'connectionQueuedBytes',
  'serverQueuedBytes',
  'unansweredRequests',
];

const HANDLER = { submit: (operation: OperationContext) => operation.finished };

it.each(Object.entries(DRIVES))(
  '%s says what there is, counts what it refused, and is back at 0',
  async (key, drive) => {
    const name = key as BoundName;
    const { config, serve, begin, act, value, hits = 1 } = drive;
    const server = await stage.serve({ resumeWindowMs: 60_000, keepAliveMs: 200, ...config });
    server.on('handlerFailure', () => {});
    if (serve !== undefined) {
      const submit = async (operation: OperationContext) => {
        await begin?.(operation);
        return HANDLER.submit(operation);
      };
      server.serve({ submit }, { maxConcurrentOperations: 1000, ...serve }).catch(() => {});
    }
    const bound = () => server.stats()[name];
    expect(server.stats()[name] ?? { value: 0, hits: 0 }).toMatchObject({ value: 0, hits: 0 });
    await act(server);
    const [least, most] = value;
    await eventually(() => (bound()?.hits ?? 0) >= hits && (bound()?.value ?? 0) >= least, `${name} is reached`);
    expect(bound()?.value).toBeLessThanOrEqual(most);
    stage.leave();
    // Sessions that are away stay; of a connection that is not read it is not known that it has ended.
    if (STAYING.includes(name)) await server.close({ drainTimeoutMs: 0 });
    await eventually(() => bound()?.value === 0, `${name} is back at 0`);
    expect(bound()?.hits).toBeGreaterThanOrEqual(hits);
  },
);
