import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { collectGarbage } from '../../support/measuring.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';
import { openBytes, submitBytes } from '../../support/wire-packets.js';

const stage = new Stage();
afterEach(() => stage.clear());

const MIB = 1024 * 1024;
const HALF_BYTES = 8 * MIB;
const SESSIONS = 6;
const OTHER = 1000;

function bytesHeld(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe('a connection that is lost in the midst of a long packet', () => {
  it.each([
    ['goes on', false],
    ['is over, and has something left to be fetched,', true],
  ])('is not held by its session that %s', async (_name, isOver) => {
    const server = await stage.serve();
    const before = bytesHeld();
    for (let count = 1; count <= SESSIONS; count++) {
      const peer = await ResumablePeer.open(stage, server);
      const session = await server.accept();
      peer.answersPings = false;
      if (isOver) {
        peer.submit(1);
        await (await session.receiveSubmit()).complete('last');
        await session.close();
        // A connection without a session may not send as much.
        peer.raw.send(openBytes({ requestedSessionId: OTHER + count }));
        await server.accept();
      }
      const half = submitBytes(isOver ? OTHER + count : peer.sessionId, 2, new Uint8Array(HALF_BYTES)).subarray(0, -10);
      peer.raw.socket.write(half);
      await eventually(() => peer.raw.socket.writableLength === 0, 'it is sent');
      peer.lose();
      await eventually(() => server.stats().suspendedSessions?.value === count, 'the session waits');
    }
    expect(bytesHeld() - before).toBeLessThan(HALF_BYTES * 2);
  });
});
