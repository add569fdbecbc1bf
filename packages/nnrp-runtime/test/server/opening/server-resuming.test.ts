import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { SessionTable } from '../../../src/server/connection/session-table.js';
import { described } from '../../support/described.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openBytes } from '../../support/wire-packets.js';

const { SessionFlags, SessionFlagsAck } = preview3;
const AT = preview3.SESSION_OPEN_OFFSETS;
const RESUMABLE = { requestedSessionId: 7, sessionFlags: SessionFlags.AllowResume };

const stage = new Stage();
afterEach(() => stage.clear());

/** SESSION_OPEN that announces a token, without a body, as the reference client sends it. */
function resumeBytes(sessionFlags: number, requestedSessionId = 7): Uint8Array {
  const bytes = openBytes({ requestedSessionId, sessionFlags: SessionFlags.AllowResume });
  const view = new DataView(bytes.buffer);
  view.setUint32(40 + AT.resumeTokenBytes, 24, true);
  view.setUint8(40 + AT.sessionFlags, sessionFlags);
  return bytes;
}

describe('an attempt to resume a session', () => {
  it('is refused while the session lives, and does not disturb it', async () => {
    const server = await stage.serve();
    const owner = await SessionPeer.open(stage, server, RESUMABLE);
    expect(owner.ack.sessionFlagsAck).toBe(SessionFlagsAck.ResumeEnabled);
    const session = await server.accept();
    const peer = await stage.peer(server);
    peer.send(resumeBytes(SessionFlags.AllowResume));
    expect(described(await peer.next())).toBe('refused resume_rejected');
    owner.submit(1);
    await (await session.receiveSubmit()).complete('mine');
    expect(await owner.next()).toBe('result 1 mine');
    expect(server.sessionCount).toBe(1);
  });

  it.each([
    ['without the flag', 0, 7],
    ['without an id', SessionFlags.AllowResume, 0],
  ])('that contradicts itself gets an answer all the same: %s', async (_name, flags, requestedSessionId) => {
    const server = await stage.serve();
    const peer = await stage.peer(server);
    peer.send(resumeBytes(flags, requestedSessionId));
    expect(described(await peer.next())).toBe('refused resume_rejected');
    // The connection can still be used.
    expect((await SessionPeer.openOn(peer)).sessionId).toBe(1);
  });
});

it('a table of sessions frees an id for the one that has it, and the lowest free one comes next', () => {
  const table = new SessionTable<object>();
  const [old, young] = [{}, {}];
  table.set(1, old);
  table.release(1, old);
  table.set(1, young);
  table.release(1, old);
  expect([table.has(1), table.size, table.free()]).toEqual([true, 1, 2]);
  table.release(1, young);
  expect([table.has(1), table.size, table.free()]).toEqual([false, 0, 1]);
});
