import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { SessionRefused } from '../../../src/server/contract/server-events.js';
import { described } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { announcedOpenBytes, SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { cancelBytes, packetBytes } from '../../support/wire-packets.js';

const { ErrorCode, MessageType } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

/** A session that is flooded, a sibling on its connection, and one elsewhere: the last two must not notice. */
async function flooded(flood: (peer: SessionPeer) => void): Promise<{ peer: SessionPeer; said: string[] }> {
  const server = await stage.serve({ maxInFlightOperations: 4 });
  const peer = await SessionPeer.open(stage, server);
  await server.accept();
  const sibling = await SessionPeer.openOn(peer.raw);
  const siblingSession = await server.accept();
  const other = await SessionPeer.open(stage, server);
  const otherSession = await server.accept();
  flood(peer);
  const said = await peer.answers();
  sibling.submit(1);
  await (await siblingSession.receiveSubmit()).complete('sibling');
  expect(await sibling.next()).toBe('result 1 sibling');
  other.submit(1);
  await (await otherSession.receiveSubmit()).complete('other');
  expect(await other.next()).toBe('result 1 other');
  return { peer, said };
}

describe('a flood', () => {
  it('of patches or migrations that nobody answers stops reading at the 64th, and costs nobody', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const [other, otherSession] = [await SessionPeer.open(stage, server), await server.accept()];
    for (let count = 0; count < 200; count++) peer.patch();
    for (let count = 0; count < 200; count++) peer.migrate();
    const bound = () => server.stats().unansweredRequests;
    await eventually(() => bound()?.value === 64, 'as many wait as may');
    expect(bound()).toMatchObject({ scope: 'session', bound: 64, hits: 1 });
    other.submit(1);
    await (await otherSession.receiveSubmit()).complete('other');
    expect(await other.next()).toBe('result 1 other');
    for (let count = 0; count < 200; count++) {
      await session.receivePatch();
      await session.sendPatchAck();
      expect(await peer.next()).toBe('session_patch_ack');
    }
    for (let count = 0; count < 200; count++) {
      await session.sendMigrateAck(await session.receiveMigrate());
      expect(await peer.next()).toBe('session_migrate_ack');
    }
    expect(bound()?.value).toBe(0);
  });

  it('of patches that stopped reading does not outlive its session', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const sibling = await SessionPeer.openOn(peer.raw);
    const siblingSession = await server.accept();
    for (let count = 0; count < 100; count++) peer.patch();
    sibling.submit(1);
    await eventually(() => server.stats().unansweredRequests?.value === 64, 'reading has stopped');
    await session.close({ inFlightPolicy: preview3.InFlightPolicy.Abort }).catch(() => {});
    await (await siblingSession.receiveSubmit()).complete('sibling');
  });

  it('of patches that are answered is none', async () => {
    const server = await stage.serve();
    void server.serve({ submit: () => 'x', patch: () => ({}) });
    const peer = await SessionPeer.open(stage, server);
    for (let round = 0; round < 10; round++) {
      for (let count = 0; count < 50; count++) peer.patch();
      for (let count = 0; count < 50; count++) expect(await peer.next()).toBe('session_patch_ack');
    }
  });

  it('of submits is answered frame by frame, and handed out up to the limit', async () => {
    const count = 2000;
    const { peer, said } = await flooded((peer) => {
      for (let frameId = 1; frameId <= count; frameId++) peer.submit(frameId);
    });
    expect(said.filter((line) => line.startsWith('drop'))).toHaveLength(count - 4);
    expect(said).toContain('flow session reduce none');
    peer.cancel(4);
    expect(await peer.answers()).toEqual(['drop 4']);
  });

  it('of cancels, for frames that are there, or not, is answered for those that are', async () => {
    const { said } = await flooded((peer) => {
      peer.submit(1);
      for (let count = 0; count < 3000; count++) peer.cancel(1 + (count % 7));
    });
    expect(said).toEqual(['drop 1']);
  });

  it('of submits and cancels leaves no more behind than the last thousand cancels', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const count = 3000;
    for (let frameId = 1; frameId <= count; frameId++) {
      peer.raw.send(peer.submitBytes(frameId), cancelBytes(peer.sessionId, frameId));
    }
    expect(await peer.answers()).toHaveLength(count);
    expect(session.inFlightCount).toBe(0);
    expect((await session.receiveCancel()).frameId).toBe(count - 1023);
  });

  it('of submits and cancels leaves no more behind than an eighth of what may wait', async () => {
    const server = await stage.serve({ maxQueuedBytesPerConnection: 64 * 1024 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const count = 300;
    for (let frameId = 1; frameId <= count; frameId++) {
      peer.raw.send(peer.submitBytes(frameId), cancelBytes(peer.sessionId, frameId));
    }
    expect(await peer.answers()).toHaveLength(count);
    expect(server.stats().connectionQueuedBytes?.value).toBe(8 * 1024);
    // The last ones are there.
    const waiting = (8 * 1024) / 256;
    for (let frameId = count - waiting + 1; frameId <= count; frameId++) {
      expect((await session.receiveCancel()).frameId).toBe(frameId);
    }
    expect(server.stats().connectionQueuedBytes?.value).toBe(0);
  });

  it('of submits does not cost the only cancel that waits', async () => {
    const server = await stage.serve({ maxQueuedBytesPerConnection: 64 * 1024, maxInFlightOperations: 64 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    // More than an eighth of what may wait.
    for (let frameId = 1; frameId <= 12; frameId++) peer.submit(frameId);
    peer.cancel(3);
    expect(await peer.answers()).toEqual(['drop 3']);
    peer.cancel(4);
    expect(await peer.answers()).toEqual(['drop 4']);
    // Of several the last one.
    expect((await session.receiveCancel()).frameId).toBe(4);
    await session.close({ drainTimeoutMs: 100 });
    expect(server.stats().connectionQueuedBytes?.value).toBe(0);
  });

  it('of opens is refused above the limit of the connection, one by one, and nobody else is', async () => {
    const server = await stage.serve({ maxSessionsPerConnection: 3 });
    const refusals: SessionRefused[] = [];
    server.on('sessionRefused', (refusal) => refusals.push(refusal));
    const raw = await stage.peer(server);
    for (let count = 0; count < 100; count++) raw.send(announcedOpenBytes());
    const said: string[] = [];
    for (let count = 0; count < 100; count++) said.push(described(await raw.next()));
    expect(said.slice(0, 4)).toEqual(['opened 1', 'opened 2', 'opened 3', 'refused session_limit_reached']);
    expect(new Set(said.slice(3)).size).toBe(1);
    expect([server.sessionCount, refusals.length]).toEqual([3, 97]);
    expect((await SessionPeer.open(stage, server)).sessionId).toBe(4);
  });

  it('of opens and closes leaves nothing behind', async () => {
    const server = await stage.serve({ maxSessions: 4 });
    void server.serve({ submit: () => 'x' });
    const raw = await stage.peer(server);
    for (let round = 0; round < 300; round++) {
      const peer = await SessionPeer.openOn(raw);
      peer.close();
      expect(await peer.next()).toBe('close ack closed');
    }
    expect([server.sessionCount, server.connectionCount]).toEqual([0, 1]);
  });

  it('of errors is not answered: an error about an error would never end', async () => {
    const { said } = await flooded((peer) => {
      for (let count = 0; count < 500; count++) {
        peer.raw.send(packetBytes(MessageType.Error, peer.sessionId, 0, new Uint8Array(32)));
      }
    });
    expect(said).toEqual([]);
  });

  it('of messages for sessions that nobody knows is answered with an error each, or a drop, and costs nobody', async () => {
    const { said } = await flooded((peer) => {
      for (let sessionId = 100; sessionId < 150; sessionId++) peer.raw.send(cancelBytes(sessionId, 1));
    });
    expect(said).toHaveLength(50);
    expect(new Set(said)).toEqual(new Set(['error session 1 invalid_state']));
    expect(ErrorCode.InvalidState).toBe(3);
  });
});
