import { randomBytes } from 'node:crypto';
import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { type FloodKind, flood } from './floods.js';
import { type Fields, flowPacket, packet, submitPacket } from './packets.js';
import type { Peer } from './peer.js';
import { uncommon } from './uncommon.js';
import { webSocketAttacks } from './websocket.js';
import { STREAM, TIMED } from './work.js';

const { MessageType, SessionPriorityClass, UpdateReason } = preview3;

/** What one attacking connection does, until it is over or the attack has ended; then another takes its place. */
export type Attack = (peer: Peer) => Promise<void>;

const IN_FLIGHT = 4;
const SESSIONS_PER_CONNECTION = 1024;
const PART_MS = 100;

/** Keeps as much in progress in each of so many sessions as the server allows, and reads all answers. */
function working(sessions: number, fields: Fields = {}): Attack {
  return async (peer) => {
    const ids = await peer.openSessions(sessions, fields);
    const next = new Map(ids.map((id) => [id, IN_FLIGHT]));
    const body = new Uint8Array(64).fill(TIMED);
    peer.onPacket = ({ messageType, sessionId }: Packet) => {
      if (messageType !== MessageType.ResultPush && messageType !== MessageType.ResultDrop) return;
      const frameId = (next.get(sessionId) ?? 0) + 1;
      next.set(sessionId, frameId);
      peer.send(submitPacket(sessionId, frameId, body));
    };
    peer.send(submits(ids, body), ids.length * IN_FLIGHT);
    await peer.ended();
  };
}

function submits(ids: readonly number[], body: Uint8Array): Buffer {
  const frames = Array.from({ length: IN_FLIGHT }, (_, index) => index + 1);
  return Buffer.concat(ids.flatMap((id) => frames.map((frameId) => submitPacket(id, frameId, body))));
}

/** Streams in every session, none of which is read. A byte now and then shows that the peer is there. */
function neverReading(sessions: number): Attack {
  return async (peer) => {
    const ids = await peer.openSessions(sessions);
    peer.socket.pause();
    peer.send(submits(ids, new Uint8Array(64).fill(STREAM)), ids.length * IN_FLIGHT);
    const ping = packet('PING', {});
    for (let at = 0; !peer.isOver; at = (at + 1) % ping.length) {
      await peer.rest(1000);
      peer.send(ping.subarray(at, at + 1), 0);
    }
  };
}

/** The same, but a kilobyte is taken ten times a second. */
function drippingReads(sessions: number): Attack {
  return async (peer) => {
    const ids = await peer.openSessions(sessions);
    // Not by 'data' from now on: so much is read as is wanted, and no more.
    peer.socket.removeAllListeners('data');
    peer.socket.on('readable', () => {});
    peer.send(submits(ids, new Uint8Array(64).fill(STREAM)), ids.length * IN_FLIGHT);
    while (!peer.isOver) {
      await peer.rest(PART_MS);
      peer.socket.read(1024);
    }
  };
}

/** Packets that come byte by byte, one for each of many connections. */
const drippingWrites: Attack = async (peer) => {
  const [id = 0] = await peer.openSessions(1);
  const bytes = submitPacket(id, 1, new Uint8Array(4096));
  for (let at = 0; !peer.isOver; at++) {
    peer.send(bytes.subarray(at % bytes.length, (at % bytes.length) + 1), 0);
    await peer.rest(5);
  }
};

/** Streams that are paused for most of the time, by FLOW_UPDATE for the whole connection. */
function pausing(sessions: number): Attack {
  return async (peer) => {
    const ids = await peer.openSessions(sessions);
    peer.send(flowPacket(UpdateReason.Pause));
    peer.send(submits(ids, new Uint8Array(64).fill(STREAM)), ids.length * IN_FLIGHT);
    while (!peer.isOver) {
      await peer.rest(200);
      peer.send(flowPacket(UpdateReason.Resume));
      await peer.rest(5);
      peer.send(flowPacket(UpdateReason.Pause));
    }
  };
}

const CACHE_OBJECTS = 100_000;

/** Objects without bytes in as many places as possible, and then invalidations, each by kind. */
const cache: Attack = async (peer) => {
  const [sessionId = 0] = await peer.openSessions(1);
  const put = (key: number) => {
    const fields = { cacheNamespace: 0, cacheKeyLo: key, objectKind: 1 + (key % 9), ttlMs: 30_000, objectBytes: 0 };
    return packet('CACHE_PUT', { sessionId, fields });
  };
  for (let key = 0; key < CACHE_OBJECTS && !peer.isOver; key += 500) {
    await peer.flushed(Buffer.concat(Array.from({ length: 500 }, (_, index) => put(key + index))), 500);
  }
  const byKind = { invalidateScope: preview3.CacheInvalidateScope.ObjectKind, objectKind: 5 };
  const burst = Buffer.concat(
    Array.from({ length: 500 }, () => packet('CACHE_INVALIDATE', { sessionId, fields: byKind })),
  );
  while (!peer.isOver) await peer.flushed(burst, 500);
};

/** As many patches at once as any server takes, and the next ones when all are answered. */
const patches: Attack = async (peer) => {
  const AT_ONCE = 32;
  const ids = await peer.openSessions(64);
  const fields = { patchMask: preview3.PatchFlags.QualityTier, qualityTier: 1 };
  const bursts = new Map(
    ids.map((sessionId) => {
      const burst = Array.from({ length: AT_ONCE }, () => packet('SESSION_PATCH', { sessionId, fields }));
      return [sessionId, Buffer.concat(burst)];
    }),
  );
  const open = new Map<number, number>();
  const begin = (sessionId: number) => {
    open.set(sessionId, AT_ONCE);
    peer.send(bursts.get(sessionId) as Buffer, AT_ONCE);
  };
  peer.onPacket = ({ messageType, sessionId }) => {
    if (messageType !== MessageType.SessionPatchAck) return;
    const left = (open.get(sessionId) ?? 0) - 1;
    open.set(sessionId, left);
    if (left === 0) begin(sessionId);
  };
  for (const id of ids) begin(id);
  await peer.ended();
};

/** Submits with bodies of this size, as fast as they are taken. */
function hugeBodies(bytes: number): Attack {
  return async (peer) => {
    const ids = await peer.openSessions(16);
    const body = randomBytes(bytes).fill(TIMED, 0, 1);
    for (let frameId = 1; !peer.isOver; frameId++) {
      for (const id of ids) {
        peer.send(submitPacket(id, frameId, body));
        await peer.writable();
      }
    }
  };
}

/** Connections that come, open a session and go. */
const connecting: Attack = async (peer) => {
  await peer.openSessions(1);
  peer.destroy();
};

/** A connection that says nothing. */
const silent: Attack = (peer) => peer.ended();

/** One line of the report. */
export interface Row {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  /** Attacking connections at once. */
  readonly connections: number;
  /** The part of its rate alone that the honest client keeps at least. */
  readonly goal: number;
  readonly attack: Attack;
  /** What the server, and the honest client, speak; the attack is given bare sockets in any case. */
  readonly over: 'tcp' | 'websocket';
}

function row(name: string, title: string, attack: Attack, connections = 1): Row {
  return { name, title, connections, goal: connections === 1 ? 0.5 : 1 / connections, attack, over: 'tcp' };
}

const interactive = { priorityClass: SessionPriorityClass.Interactive };

const WORKING: readonly Row[] = [
  row('sessions', '1,024 sessions with 4 submits each', working(SESSIONS_PER_CONNECTION)),
  row('connections-4', '4 connections, 64 sessions of 4 submits on each', working(64), 4),
  row('connections-16', '16 connections, 64 sessions of 4 submits on each', working(64), 16),
  row('interactive', '256 interactive sessions with 4 submits each', working(256, interactive)),
  row('interactive-16', '16 connections, 64 interactive sessions on each', working(64, interactive), 16),
  row('never-reading', '1,024 sessions with 4 streams each, nothing is read', neverReading(SESSIONS_PER_CONNECTION)),
  row('never-reading-16', '16 connections, 64 such sessions on each', neverReading(64), 16),
  row('drip-reading', '64 sessions with 4 streams each, 10 KiB/s are read', drippingReads(64)),
  row('drip-writing', '100 connections that send 200 bytes/s each', drippingWrites, 100),
  row('pausing', '256 sessions with 4 streams each, paused for most of the time', pausing(256)),
  row('cache', '100,000 empty objects, invalidated by kind', cache),
  row('patches', '64 sessions with 32 patches each at once', patches),
  row('bodies-1m', 'submits of 1 MiB', hugeBodies(1024 * 1024)),
  row('bodies-60m', 'submits of 60 MiB', hugeBodies(60 * 1024 * 1024)),
  row('connecting', '16 connections at a time that open a session and go', connecting, 16),
  row('silent', '500 connections that say nothing', silent, 500),
];

const FLOODING: readonly Row[] = flood.map(({ name, title, attack }: FloodKind) => row(`flood-${name}`, title, attack));

const OVER_WEBSOCKET: readonly Row[] = webSocketAttacks.map(({ name, title, connections, attack }) => ({
  ...row(`websocket-${name}`, title, attack, 1),
  connections,
  over: 'websocket',
}));

const UNCOMMON: readonly Row[] = uncommon.map(({ name, title, connections, attack }) => ({
  ...row(name, title, attack, 1),
  connections,
}));

export const ROWS: readonly Row[] = [...WORKING, ...UNCOMMON, ...FLOODING, ...OVER_WEBSOCKET];
