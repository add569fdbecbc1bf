import type { Packet } from 'nnrp-core';
import { IdSet, ObjectCache, SchemaRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { ObjectDescriptor } from 'nnrp-core/preview4';
import { afterEach, describe, it } from 'vitest';
import { IdentityMap } from '../../../nnrp-core/src/machine/cache/object-identity.js';
import { AsyncQueue } from '../../src/base/queues/async-queue.js';
import { IdHeap } from '../../src/base/queues/id-heap.js';
import { PendingRequests } from '../../src/client/requests/pending-requests.js';
import { PushIterator } from '../../src/client/streams/push-iterator.js';
import { ConnectionFlow, RoomTurn, type RoomWaiter } from '../../src/client/submits/connection-flow.js';
import { ObjectTable } from '../../src/connection/controls/object-table.js';
import { Pings } from '../../src/connection/pings.js';
import { SentCount } from '../../src/connection/recovery/sent-count.js';
import { SentLog } from '../../src/connection/recovery/sent-log.js';
import { ConnectionWaiting, ServerWaiting } from '../../src/server/bounds/waiting-bytes.js';
import { ClosingConnections } from '../../src/server/closing-connections.js';
import { SessionTable } from '../../src/server/connection/session-table.js';
import { OperationIds } from '../../src/server/operation/preview4/operation-ids.js';
import type { SessionPort } from '../../src/server/recovery/session-port.js';
import { SuspendedShares } from '../../src/server/recovery/suspended-shares.js';
import { Reservations } from '../../src/server/session/preview4/reservations.js';
import type { SentListener } from '../../src/transport/contract/sent-pieces.js';
import { cpuMs, expectSameTime } from '../support/measuring.js';
import { packetBytes } from '../support/wire-packets.js';

const SMALL = 1000;
const LARGE = 100_000;
/** What differs by the size of caches of the processor, the collector and the neighbours on the machine. */
const FACTOR = 8;
const OPERATIONS = 2000;

/** Prepares something of a size; what it returns does one operation. */
type Prepared = (size: number) => (round: number) => void;

/** @returns does the work once more and gives the microseconds of one operation */
function timed(prepared: Prepared, size: number): () => number {
  const operation = prepared(size);
  let round = 0;
  return () => {
    const startMs = cpuMs();
    for (let count = 0; count < OPERATIONS; count++) operation(round++);
    return ((cpuMs() - startMs) * 1000) / OPERATIONS;
  };
}

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

const { CacheInvalidateScope, CacheObjectKind } = preview3;
const { Ping: PING, ResultHint: RESULT_HINT } = preview3.MessageType;
const object = (cacheKeyLo: number, objectKind: number = CacheObjectKind.PromptSegment, cacheNamespace = 1) => ({
  cacheNamespace,
  cacheKeyHi: 0,
  cacheKeyLo,
  objectKind: objectKind as preview3.CacheObjectKind,
});
const owner = {
  crashed: (error: unknown) => {
    throw error;
  },
};

describe('the time of one operation does not grow with what there is', () => {
  it.each<[string, Prepared]>([
    [
      'a new session id, after others were freed',
      (size) => {
        const table = new SessionTable<object>();
        const record = {};
        for (let id = 1; id <= size; id++) table.set(table.free(), record);
        return (round) => {
          table.release(1, record);
          table.set(table.free(), record);
          table.release(size - (round % 7), record);
          table.set(table.free(), record);
        };
      },
    ],
    [
      'a session id above the last one, behind a range that others have taken',
      (size) => {
        const table = new SessionTable<object>();
        for (let id = 10; id < 10 + size; id++) table.set(id, table);
        return () => expectNone(table.has(table.freeAbove(9)) ? 1 : 0);
      },
    ],
    [
      'an id that is freed again and again',
      (size) => {
        const ids = new IdHeap();
        for (let id = size; id > 0; id--) ids.add(id);
        return () => {
          const lowest = ids.lowest ?? 0;
          ids.takeLowest();
          ids.add(lowest);
          ids.add(lowest);
        };
      },
    ],
    [
      'an invalidation by kind that names nothing',
      (size) => {
        const map = new IdentityMap<number>();
        for (let key = 0; key < size; key++) map.set(object(key), key);
        const message = {
          ...object(0),
          cacheKeyHi: 9,
          invalidateScope: CacheInvalidateScope.ObjectKind,
          reasonCode: 0,
        };
        return () => expectNone(map.matching(message).length);
      },
    ],
    [
      'a look after leases that are over',
      (size) => {
        const cache = new ObjectCache({
          supportedKinds: [],
          maxObjects: 0,
          maxObjectBytes: 0,
          maxTotalBytes: 0,
          leaseTtlMs: 1e6,
        });
        for (let key = 0; key < size; key++) cache.track(object(key), 0);
        return () => expectNone(cache.expire(1));
      },
    ],
    [
      'an invalidation of one object in a namespace of its own',
      (size) => {
        const map = new IdentityMap<number>();
        for (let key = 0; key < size; key++) map.set(object(key, CacheObjectKind.PromptSegment, key), key);
        return (round) => {
          map.delete(object(round % size, CacheObjectKind.PromptSegment, round % size));
          map.set(object(round % size, CacheObjectKind.PromptSegment, round % size), 1);
        };
      },
    ],
    [
      'a schema that is looked up',
      (size) => {
        const registry = new SchemaRegistry();
        for (let id = 1; id <= size; id++) registry.install({ ...preview3.TOKEN_DELTA_SCHEMA, schemaId: id });
        return (round) => expectNone(registry.has((round % size) + 1, 999) ? 1 : 0);
      },
    ],
    [
      'an item that is taken out of the middle of a queue',
      (size) => {
        const queue = new AsyncQueue<{ id: number }>();
        const items = Array.from({ length: size }, (_, id) => ({ id }));
        for (const item of items) queue.push(item);
        return (round) => {
          const item = items[(round * 7) % size] as { id: number };
          queue.remove(item);
          queue.push(item);
        };
      },
    ],
    [
      'an item for the first of many calls that wait',
      (size) => {
        const iterator = new PushIterator<number>({ take: () => undefined, ending: () => undefined, left: () => {} });
        for (let call = 0; call < size; call++) void iterator.next();
        return (round) => {
          iterator.deliver(round);
          void iterator.next();
        };
      },
    ],
    [
      'a PONG while many PINGs wait',
      (size) => {
        const pings = new Pings({
          crashed: owner.crashed,
          sendPing: () => {},
          pingTimedOut: () => false,
          isSending: false,
          reading: { stops: 0, isPaused: false },
          packetCount: 0,
          unfinishedBytes: 0,
        });
        for (let count = 0; count < size; count++) pings.ping(1e6).catch(() => {});
        return () => {
          pings.answered();
          pings.ping(1e6).catch(() => {});
        };
      },
    ],
    [
      'a submit that waits while many connections have some waiting',
      (size) => {
        const all = new ServerWaiting('serverQueuedBytes', size * 100, { hit: () => {} });
        const each = Array.from({ length: size }, () => {
          return new ConnectionWaiting('connectionQueuedBytes', 1e9, all, { hold: () => {}, release: () => {} });
        });
        for (const connection of each) connection.add(80);
        return (round) => {
          each[round % size]?.add(1);
          each[round % size]?.add(-1);
        };
      },
    ],
    [
      'a connection at its own bound, while the server goes above half of its bound and back',
      (size) => {
        const all = new ServerWaiting('serverOpeningBytes', size * 200, { hit: () => {} });
        const each = Array.from({ length: size }, () => {
          return new ConnectionWaiting('connectionOpeningBytes', 100, all, { hold: () => {}, release: () => {} });
        });
        for (const connection of each) connection.add(100);
        return () => {
          each[0]?.add(-1);
          each[0]?.add(1);
        };
      },
    ],
    [
      'the end of an operation while many sessions wait for room on their connection',
      (size) => {
        const flow = new ConnectionFlow(owner);
        const held = Array.from({ length: size }, () => waiterOf(() => 'connection blocked'));
        for (const waiter of held) flow.serve(waiter);
        flow.inFlight = 1e9;
        return (round) => flow.finished(held[round % size] as RoomWaiter);
      },
    ],
    [
      'the end of an operation while many sessions wait for their own',
      (size) => {
        const flow = new ConnectionFlow(owner);
        const blocked = Array.from({ length: size }, () => waiterOf(() => 'blocked'));
        for (const waiter of blocked) flow.serve(waiter);
        flow.inFlight = 1e9;
        return (round) => flow.finished(blocked[round % size] as RoomWaiter);
      },
    ],
    [
      'an answer to the newest of many requests',
      (size) => {
        const window = { requests: size + 1, places: size + 1, hold: () => {} };
        const reader = { answerAwaited: () => {}, answerCame: () => {} };
        const requests = new PendingRequests<number, string>('CACHE_PUT', reader, owner, window, (id) => `key ${id}`);
        // A kind of request has 16,384 outstanding at most.
        const most = Math.min(size, 16_000);
        const ask = (id: number) => void requests.ask(id, 1e6, () => {}).catch(() => {});
        for (let id = 0; id < most; id++) ask(id);
        return (round) => {
          const id = (round * 7919) % most;
          requests.answered('done', `key ${id}`);
          ask(id);
        };
      },
    ],
    [
      'the oldest of many ids, after those before it have left',
      (size) => {
        const ids = new IdSet();
        let next = 0;
        while (next < size) ids.add(next++);
        for (let id = 0; id < size * 0.4; id++) ids.delete(id);
        return () => {
          ids.delete(ids.oldest ?? 0);
          ids.add(next++);
        };
      },
    ],
    [
      'the oldest of many connections that are being closed',
      (size) => {
        const closing = new ClosingConnections<{ cut(): void }>();
        const connection = () => ({ cut: () => {} });
        for (let count = 0; count < size; count++) closing.add(connection());
        return () => {
          closing.cutOldest();
          closing.add(connection());
        };
      },
    ],
    [
      'a session that loses its client, is kept something for, and is given up, while many are away',
      (size) => {
        const shares = new SuspendedShares();
        const ports = Array.from({ length: size }, (_, id) => {
          return { remoteAddress: `10.${(id >> 8) & 255}.${id & 255}.7:4000` } as SessionPort;
        });
        for (const port of ports) shares.add(port);
        for (const port of ports) shares.count(port, 100);
        return (round) => {
          const port = shares.oldestOfMost() as SessionPort;
          shares.delete(port);
          shares.add(port);
          shares.count(port, 100 + (round % 64));
          expectNone(shares.oldestOfLargest() === undefined ? 1 : 0);
        };
      },
    ],
    [
      'a session that is given up, while many of one address are away',
      (size) => {
        const shares = new SuspendedShares();
        const port = () => ({ remoteAddress: '10.0.0.7:4000' }) as SessionPort;
        const add = () => {
          const added = port();
          shares.add(added);
          shares.count(added, 100);
        };
        for (let count = 0; count < size; count++) add();
        return (round) => {
          const oldest = round % 2 === 0 ? shares.oldestOfMost() : shares.oldestOfLargest();
          shares.delete(oldest as SessionPort);
          add();
        };
      },
    ],
    [
      'a deadline that has no room, and a submit, while many deadlines wait for later submits',
      (size) => {
        const early = new Reservations(size);
        const far = performance.now() + 1e9;
        for (let frameId = 1e6; frameId < 1e6 + size; frameId++) early.add(frameId, BigInt(frameId), far);
        const packet = { frameId: 0, view: new DataView(new ArrayBuffer(64)), metadataStart: 0 };
        return (round) => {
          early.take({ ...packet, frameId: 1 + (round % 1000) } as Packet);
          expectNone(early.add(2e6, 2n ** 40n, far) === undefined ? 1 : 0);
        };
      },
    ],
    [
      'an object that a full table does not take',
      (size) => {
        const table = new ObjectTable();
        const declared = (objectId: number) =>
          table.declared({ objectId: BigInt(objectId), lifetimeHintMs: 1e9 } as ObjectDescriptor, 'peer', 0);
        for (let id = 1; id <= size; id++) declared(id);
        return (round) => expectNone(declared(1e7 + (round % 10)) === 'delta_gap' ? 1 : 0);
      },
    ],
    [
      'an operation id above 32 bits, when the oldest of them is forgotten',
      (size) => {
        const ids = new OperationIds();
        let next = 0;
        while (next < size) ids.take(next++, 1);
        return () => expectNone(ids.take(next++, 1) ? 0 : 1);
      },
    ],
    [
      'a PONG for the oldest of many packets that are not confirmed',
      (size) => {
        let listener: SentListener | undefined;
        const transport = {
          tellSent: (told: SentListener) => {
            listener = told;
          },
        };
        const log = new SentLog({ ...owner, fence: () => {}, confirmedRoom: () => {} }, transport, 0, 1e12);
        log.begin(new SentCount(1), 'now');
        const both = Buffer.concat([packetBytes(RESULT_HINT, 1, 1, new Uint8Array(16)), packetBytes(PING)]);
        const send = () => listener?.append([both]);
        for (let count = 0; count < size; count++) send();
        cleanup.push(() => log.close());
        return () => {
          send();
          log.confirmed();
        };
      },
    ],
  ])('%s', (_name, prepared) => {
    expectSameTime(timed(prepared, SMALL), timed(prepared, LARGE), (small) => small * FACTOR + 1);
  });
});

function waiterOf(startNext: RoomWaiter['startNext']): RoomWaiter {
  const waiter = { isBackground: false, startNext } as { -readonly [Field in keyof RoomWaiter]: RoomWaiter[Field] };
  waiter.roomTurn = new RoomTurn(waiter);
  return waiter;
}

function expectNone(count: number): void {
  if (count !== 0) throw new Error(`expected none, got ${count}`);
}
