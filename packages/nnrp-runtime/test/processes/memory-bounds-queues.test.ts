import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, it } from 'vitest';
import { ERROR_MESSAGE, SESSION_PATCH } from '../../src/connection/sending/codecs.js';
import { messageBytes } from '../support/session-peer.js';
import { packetBytes, submitBytes } from '../support/wire-packets.js';
import { endAll, MIB } from './memory-bounds/driven-end.js';
import { type Driven, drive, idOf, opens, ROOM } from './memory-bounds/driven-server.js';

/*
 * What waits in a server for its application, each room of docs/memory.md driven to its bound.
 */

const { MessageType } = preview3;

afterEach(endAll);

/** What is sent at most: somewhat more than has room. */
const most = (bytesOfOne: number, connections = 1) => Math.ceil((ROOM * 1.2) / (bytesOfOne + 1024) / connections);

/** @param hints - packets of something else behind each submit, which fill its chunk */
function* submits(connection: number, bodyBytes: number, count: number, sessions = 1, hints = 0) {
  yield opens(connection, sessions);
  const body = new Uint8Array(bodyBytes);
  const filling = Buffer.concat(Array.from({ length: hints }, () => packetBytes(MessageType.Ping)));
  for (let frameId = 1; frameId <= count; frameId++) {
    yield Buffer.concat([submitBytes(idOf(connection, frameId % sessions), frameId, body), filling]);
  }
}

describe('submits that wait hold what they are counted as', () => {
  const RECEIVING = { maxInFlightOperations: 0, maxQueuedSubmits: 1e6 };
  const SERVING = { maxConcurrentOperations: 1, maxQueuedOperations: 1e6, scheduling: { maxQueuedPerConnection: 1e6 } };

  it.each<[string, Driven]>([
    ...[16, 3000, 40_000, 1_000_000].map((bodyBytes): [string, Driven] => [
      `for receiveSubmit, ${bodyBytes} bytes each`,
      {
        name: 'queuedBytes',
        use: 'receive',
        config: { ...RECEIVING, maxQueuedBytes: ROOM },
        bytes: (connection) => submits(connection, bodyBytes, most(bodyBytes)),
        resident: bodyBytes > 16,
      },
    ]),
    [
      'for receiveSubmit, in chunks full of something else',
      {
        name: 'queuedBytes',
        use: 'receive',
        config: { ...RECEIVING, maxQueuedBytes: MIB },
        bytes: (connection) => submits(connection, 16, 2000, 1, 800),
        least: MIB,
      },
    ],
    [
      'of many sessions',
      {
        name: 'connectionQueuedBytes',
        use: 'receive',
        config: { ...RECEIVING, maxQueuedBytesPerConnection: ROOM },
        bytes: (connection) => submits(connection, 16, most(16), 500),
      },
    ],
    ...[16, 40_000].map((bodyBytes): [string, Driven] => [
      `for a handler, ${bodyBytes} bytes each`,
      {
        name: 'connectionQueuedBytes',
        use: 'serve',
        config: { maxInFlightOperations: 0, maxQueuedBytesPerConnection: ROOM },
        serving: SERVING,
        bytes: (connection) => submits(connection, bodyBytes, most(bodyBytes)),
      },
    ]),
    [
      'of many connections',
      {
        name: 'serverQueuedBytes',
        use: 'serve',
        config: { maxInFlightOperations: 0, maxQueuedBytesTotal: ROOM },
        serving: SERVING,
        connections: 20,
        bytes: (connection) => submits(connection, 16, most(16, 20)),
        // From half of it on no session may add to more than its share.
        least: ROOM / 2,
      },
    ],
  ])('%s', async (_name, driven) => drive(driven), 60_000);
});

describe('submits whose handlers run hold what they are counted as', () => {
  const RUNNING = { maxConcurrentOperations: 1e6, maxQueuedOperations: 1 };

  it.each<[string, Driven]>([
    ...[16, 3000, 40_000, 1_000_000].map((bodyBytes): [string, Driven] => [
      `of one connection, ${bodyBytes} bytes each`,
      {
        name: 'connectionRunningBytes',
        use: 'serve',
        config: { maxInFlightOperations: 0 },
        serving: {
          ...RUNNING,
          scheduling: { maxRunningPerConnection: 1e6, maxRunningBytesPerConnection: ROOM },
        },
        bytes: (connection) => submits(connection, bodyBytes, most(bodyBytes)),
        resident: bodyBytes > 16,
      },
    ]),
    [
      'of many connections',
      {
        name: 'runningBytes',
        use: 'serve',
        config: { maxInFlightOperations: 0 },
        serving: { ...RUNNING, scheduling: { maxRunningBytes: ROOM } },
        connections: 20,
        bytes: (connection) => submits(connection, 16, most(16, 20)),
      },
    ],
  ])('%s', async (_name, driven) => drive(driven), 60_000);

  it('and the chunk that each came in, where that is full of something else', () => {
    return drive({
      name: 'runningOperations',
      use: 'serve',
      config: { maxInFlightOperations: 0 },
      serving: { ...RUNNING, scheduling: { maxRunningPerConnection: 1e6 } },
      bytes: (connection) => submits(connection, 16, 400, 1, 1700),
      least: 400,
      bytesOfOne: 66 * 1024,
    });
  }, 60_000);
});

describe('answers that wait for room hold what they are counted as', () => {
  it.each([50_000, 400_000])(
    'of %i bytes each',
    (bytes) => {
      const maxOutboxBytes = 4 * MIB;
      // Of more than fits into the outbox and behind it, the connection ends.
      const operations = Math.ceil((14 * MIB) / bytes);
      return drive({
        name: 'waitingResultBytes',
        use: 'answer',
        config: { maxInFlightOperations: 0, maxOutboxBytes },
        serving: { bytes, operations },
        bytes: (connection) => submits(connection, 16, operations),
        reads: false,
        least: 2 * MIB,
        besides: maxOutboxBytes,
      });
    },
    60_000,
  );
});

describe('what else waits for the application holds what it is counted as', () => {
  function* requests(connection: number, bodyBytes: number, sessions: number) {
    yield opens(connection, sessions);
    const metadata = {
      profileId: 0,
      patchMask: preview3.PatchFlags.ProfilePatch,
      targetCadenceX100: 0,
      qualityTier: 0,
      degradePolicy: 0,
      activeLaneMask: 0n,
      preferredCodecBitmap: 0,
      preferredCompressionBitmap: 0,
      profilePatchBytes: bodyBytes,
    };
    const body = new Uint8Array(bodyBytes);
    for (let count = 0; count < sessions * 64; count++) {
      yield messageBytes(MessageType.SessionPatch, SESSION_PATCH, metadata, idOf(connection, count % sessions), body);
    }
  }

  /** @param block - details of the error, as JSON */
  function* errors(connection: number, block: string) {
    yield opens(connection);
    const metadata = {
      errorCode: 1,
      errorScope: preview3.ErrorScope.Session,
      isFatal: 0,
      retryAfterMs: 0,
      relatedSessionId: idOf(connection),
      relatedFrameId: 0,
      relatedViewId: 0,
      diagnosticBytes: 0,
    };
    const packet = messageBytes(MessageType.Error, ERROR_MESSAGE, metadata, idOf(connection), block);
    for (let count = 0; count < 5000; count++) yield packet;
  }

  function* cancelled(connection: number, sessions: number, each: number) {
    yield opens(connection, sessions);
    for (let frameId = 1; frameId <= each; frameId++) {
      for (let index = 0; index < sessions; index++) {
        const id = idOf(connection, index);
        yield Buffer.concat([submitBytes(id, frameId), packetBytes(MessageType.FrameCancel, id, frameId)]);
      }
    }
  }

  it.each<[string, Driven]>([
    [
      'cancels that nobody takes, of one session',
      {
        name: 'queuedBytes',
        use: 'receive',
        bytes: (connection) => cancelled(connection, 1, 1500),
        least: 1024 * 256,
      },
    ],
    [
      'cancels that nobody takes, of one connection',
      {
        name: 'connectionQueuedBytes',
        use: 'receive',
        bytes: (connection) => cancelled(connection, 100, 700),
        least: 16 * MIB - 256,
      },
    ],
    [
      'cancels that nobody takes, of many connections',
      {
        name: 'serverQueuedBytes',
        use: 'receive',
        config: { maxQueuedBytesTotal: 4 * ROOM },
        connections: 4,
        bytes: (connection) => cancelled(connection, 50, 450),
        least: ROOM / 2 - 4096,
      },
    ],
    [
      'patches without an answer',
      {
        name: 'connectionQueuedBytes',
        use: 'receive',
        config: { maxQueuedBytesPerConnection: ROOM },
        bytes: (connection) => requests(connection, 30_000, 40),
      },
    ],
    [
      'events, small ones',
      {
        name: 'unreadEvents',
        use: 'events',
        bytes: (connection) => errors(connection, ''),
        least: 4096,
        bytesOfOne: 1024,
      },
    ],
    [
      'events with details of many small parts',
      {
        name: 'queuedBytes',
        use: 'events',
        config: { maxQueuedBytes: ROOM },
        bytes: (connection) =>
          errors(connection, `{"details":[${Array.from({ length: 4000 }, () => '{}').join(',')}]}`),
      },
    ],
  ])('%s', async (_name, driven) => drive(driven), 60_000);
});
