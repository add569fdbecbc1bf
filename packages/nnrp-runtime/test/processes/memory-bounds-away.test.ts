import { afterEach, describe, it } from 'vitest';
import { resumableOpenBytes } from '../support/resumable-peer.js';
import { submitBytes } from '../support/wire-packets.js';
import { dialled, endAll, expectHeld, flood, listening, MIB, settled, startEnd } from './memory-bounds/driven-end.js';
import { drive, ROOM } from './memory-bounds/driven-server.js';

/*
 * What a server holds for clients that have lost their connection, driven to the bounds of docs/memory.md.
 */

afterEach(endAll);

const NO_TOKEN = new Uint8Array(0);

/** Opens sessions that can be resumed, as many on each connection, and loses all of the connections. */
async function awaySessions(options: object, count: number, connections: number, bytesOf: (id: number) => Uint8Array) {
  const { child, said } = startEnd('server-end.mjs', JSON.stringify(options));
  const address = await listening(said);
  const each = count / connections;
  const sockets = Array.from({ length: connections }, (_, connection) => {
    const socket = dialled(address);
    socket.resume();
    const packets = Array.from({ length: each }, (_, index) => bytesOf(connection * each + index + 1));
    flood(socket, packets[Symbol.iterator]());
    return socket;
  });
  await settled(child, count, 'sessions');
  return { child, leave: () => sockets.forEach((socket) => void socket.resetAndDestroy()) };
}

const opened = (sessionId: number) =>
  resumableOpenBytes({ sessionId, token: NO_TOKEN, open: { maxInFlightOperations: 0, defaultDeadlineMs: 0 } });

describe('sessions whose client is away hold what they are counted as', () => {
  it('when there is nothing to keep for them', async () => {
    const options = { name: 'suspendedSessions', use: 'receive' };
    const { child, leave } = await awaySessions(options, 5000, 5, opened);
    leave();
    const measured = await settled(child, 5000);
    expectHeld({ ...measured, counted: measured.counted * 6 * 1024 });
  }, 60_000);

  it.each([1, 1000, 100_000])(
    'when their handlers push more than is kept, %i bytes each, and do not wait',
    async (bytes) => {
      const sessions = 20;
      const results = Math.ceil((5 * MIB) / Math.max(bytes, 1000));
      const options = {
        name: 'suspendedBytes',
        use: 'pushWhenAway',
        config: { maxSuspendedBytesTotal: ROOM, maxSuspendedBytes: ROOM },
        serving: { bytes, sessions, results: bytes === 1 ? 4 * results : results },
      };
      const { child, leave } = await awaySessions(options, sessions, sessions, (id) =>
        Buffer.concat([opened(id), submitBytes(id, 1)]),
      );
      await settled(child, sessions, 'runningOperations');
      leave();
      // Half of it is kept; the rest is for those that wait.
      const measured = await settled(child, ROOM / 2);
      expectHeld({ ...measured, counted: Math.max(measured.counted, ROOM) }, bytes > 1000);
    },
    60_000,
  );
});

describe('what was sent for sessions that can be resumed, and is not confirmed, holds what it is counted as', () => {
  const PATIENT = { pingTimeoutMs: 200_000, keepAliveMs: 0 };
  const streamed = (connection: number) => [opened(connection + 1), submitBytes(connection + 1, 1)];

  it.each([16, 3000, 100_000])(
    'of one connection, %i bytes each',
    (bytes) =>
      drive({
        name: 'unconfirmedBytes',
        use: 'pushInTurn',
        config: PATIENT,
        serving: { bytes },
        bytes: streamed,
        least: 8 * MIB,
      }),
    60_000,
  );

  it.each([16, 100_000])(
    'of many, which have less from 32 MiB in all on, %i bytes each',
    (bytes) =>
      drive({
        name: 'serverUnconfirmedBytes',
        use: 'pushInTurn',
        config: PATIENT,
        serving: { bytes },
        connections: 60,
        bytes: streamed,
        least: ROOM,
        resident: true,
      }),
    60_000,
  );
});
