import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { described } from '../../support/described.js';
import type { RawPeer } from '../../support/raw-peer.js';
import { announcedOpenBytes, SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openBytes, packetBytes } from '../../support/wire-packets.js';

const { MessageType } = preview3;
const OLD = new Set<number>([
  MessageType.SessionOpenAck,
  MessageType.ResultPush,
  MessageType.ResultDrop,
  MessageType.FlowUpdate,
  MessageType.SessionPatchAck,
  MessageType.SessionMigrateAck,
  MessageType.SessionCloseAck,
]);

const stage = new Stage();
afterEach(() => stage.clear());

describe('a client counts as announced', () => {
  it.each<[string, (peer: RawPeer) => unknown, boolean]>([
    [
      'with an extension block in SESSION_OPEN',
      (peer) => peer.send(announcedOpenBytes({ requestedSessionId: 1 })),
      true,
    ],
    ['not without one', (peer) => peer.send(openBytes({ requestedSessionId: 1 })), false],
    [
      'not with an authentication block alone',
      (peer) => peer.send(openBytes({ requestedSessionId: 1, authBytes: 4 }, new Uint8Array(4))),
      false,
    ],
    [
      'not with lengths that its body does not have, as the reference client sends them',
      (peer) => peer.send(openBytes({ requestedSessionId: 1, sessionExtensionBytes: 16 })),
      false,
    ],
  ])('%s', async (_name, open, announced) => {
    const server = await stage.serve();
    const peer = await stage.peer(server);
    open(peer);
    expect(described(await peer.next())).toBe('opened 1');
    expect((await server.accept()).knowsPeerMessages).toBe(announced);
  });

  it('with a second session on its connection, which no reference client opens', async () => {
    const server = await stage.serve();
    const first = await SessionPeer.open(stage, server, { announced: false });
    const session = await server.accept();
    expect(session.knowsPeerMessages).toBe(false);
    await SessionPeer.openOn(first.raw, { announced: false });
    expect(session.knowsPeerMessages).toBe(true);
  });
});

describe('a reference client', () => {
  it('is never sent what it does not know, whatever happens', async () => {
    const server = await stage.serve({ deadlines: true, keepAliveMs: 10, maxInFlightOperations: 2 });
    void server.serve({
      submit: async (operation) => {
        const { session, frameId } = operation;
        await session.sendResultHint(frameId, {});
        await session.sendError(preview3.ErrorCode.ServerBusy, 'busy');
        if (frameId === 1) throw new Error('broken');
        return operation.finished;
      },
    });
    const peer = await SessionPeer.open(stage, server, { announced: false, maxInFlightOperations: 2 });
    peer.submit(1);
    expect(await peer.next()).toBe('drop 1');
    peer.submit(2, 'work', { latencyBudgetMs: 40 });
    peer.submit(3);
    peer.submit(4);
    peer.patch();
    peer.migrate();
    const said = (await peer.take(5)).sort();
    expect(said).toEqual(
      ['drop 2', 'drop 4', 'flow session reduce none', 'session_migrate_ack', 'session_patch_ack'].sort(),
    );
    await server.close();
    await peer.raw.closed();
    const unknown = peer.raw.received.filter(({ messageType }) => !OLD.has(messageType)).map(described);
    expect(unknown).toEqual([]);
  });

  it('is told of a violation all the same: its session ends, and an answer is due', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server, { announced: false });
    peer.raw.send(packetBytes(MessageType.ResultDrop, peer.sessionId, 1));
    expect(await peer.take(2)).toEqual(['error session 1 invalid_state', 'close protocol_error']);
  });
});
