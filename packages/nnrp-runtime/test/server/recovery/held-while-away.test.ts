import { setImmediate as turn } from 'node:timers/promises';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, expect, it } from 'vitest';
import { SESSION_PATCH } from '../../../src/connection/sending/codecs.js';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { messageBytes } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const PATCH: preview3.SessionPatch = {
  profileId: preview3.ProfileId.Token,
  patchMask: preview3.PatchFlags.ProfilePatch,
  targetCadenceX100: 0,
  qualityTier: 0,
  degradePolicy: 0,
  activeLaneMask: 0n,
  preferredCodecBitmap: 0,
  preferredCompressionBitmap: 0,
  profilePatchBytes: 20_000,
};

const stage = new Stage();
afterEach(() => stage.clear());

it('results that nobody awaits are refused while much waits for all suspended sessions, and one that is awaited waits', async () => {
  const server = await stage.serve({ maxSuspendedBytesTotal: 64 * 1024 });
  const operations = [];
  const peers: ResumablePeer[] = [];
  for (let count = 0; count < 2; count++) {
    const peer = await ResumablePeer.open(stage, server);
    peer.submit(1);
    operations.push(await (await server.accept()).receiveSubmit());
    peers.push(peer);
  }
  for (const peer of peers) peer.lose();
  await eventually(() => server.suspendedCount === 2, 'both are suspended');

  const [first, second] = operations;
  let given = 0;
  let refused: unknown;
  for (; given < 200 && refused === undefined; given++) {
    first?.push(new Uint8Array(1000)).catch((error) => {
      refused ??= error;
    });
    await turn();
  }
  expect(refused).toMatchObject({ code: 'NNRP_ERR_USAGE', message: expect.stringContaining('await each push') });
  const { suspendedBytes, suspendedResultBytes } = server.stats();
  expect(suspendedBytes).toMatchObject({ bound: 64 * 1024, hits: 0 });
  // What is kept and what waits, each up to half of the whole.
  expect(suspendedBytes?.value).toBeGreaterThanOrEqual(32 * 1024);
  expect(suspendedResultBytes).toMatchObject({ scope: 'server', bound: 32 * 1024 });
  expect(suspendedResultBytes?.value).toBeGreaterThan(29 * 1024);
  expect(suspendedResultBytes?.hits).toBeGreaterThan(0);
  // Kept and waiting, by what they are counted as.
  expect(given).toBeLessThan(48);

  let isSent = false;
  const waiting = second?.push('awaited').then(() => {
    isSent = true;
  });
  await turn();
  expect([isSent, server.suspendedCount]).toEqual([false, 2]);
  expect(await peers[1]?.resume()).toContain('resumed');
  expect(await peers[1]?.next()).toBe('partial 1 awaited');
  await waiting;
  peers[1]?.lose();
  await eventually(() => server.suspendedCount === 2, 'it is away again');
  await server.close({ drainTimeoutMs: 0 });
  const { suspendedBytes: kept, suspendedResultBytes: held } = server.stats();
  expect([kept?.value, held?.value]).toEqual([0, 0]);
});

it('a session too many costs one other, whatever is kept for that', async () => {
  const server = await stage.serve({ maxSuspendedBytesTotal: 64 * 1024 });
  const expired: number[] = [];
  server.on('sessionExpired', ({ sessionId }) => expired.push(sessionId));
  const peers: ResumablePeer[] = [];
  for (let count = 0; count < 4; count++) {
    const peer = await ResumablePeer.open(stage, server);
    peer.answersPings = false;
    peer.submit(1);
    await (await (await server.accept()).receiveSubmit()).complete(new Uint8Array(20_000));
    await peer.next();
    peers.push(peer);
    peer.lose();
    await eventually(() => server.suspendedCount + expired.length === count + 1, 'the session is suspended');
  }
  expect(expired).toEqual([peers[0]?.sessionId]);
  expect(server.stats().suspendedBytes).toMatchObject({ hits: 1 });
  expect(server.stats().suspendedSessions).toMatchObject({ value: 3 });
  // Its id is free, and the others go on with all that they had.
  expect(await peers[0]?.resume()).toContain('refused');
  for (const peer of peers.slice(1)) expect(await peer.resume()).toContain('resumed');
});

it('a patch without an answer counts for the connection that its session goes on over', async () => {
  const server = await stage.serve();
  const peer = await ResumablePeer.open(stage, server);
  const session = await server.accept();
  const body = new Uint8Array(20_000);
  peer.raw.send(messageBytes(preview3.MessageType.SessionPatch, SESSION_PATCH, PATCH, peer.sessionId, body));
  await session.receivePatch();
  peer.lose();
  await eventually(() => server.suspendedCount === 1, 'the session is suspended');
  expect(server.stats().serverQueuedBytes?.value).toBeGreaterThan(20_000);
  expect(await peer.resume()).toContain('resumed');
  expect(server.stats().connectionQueuedBytes?.value).toBeGreaterThan(20_000);
  await session.sendPatchAck({});
  const { connectionQueuedBytes, serverQueuedBytes } = server.stats();
  expect([connectionQueuedBytes?.value, serverQueuedBytes?.value]).toEqual([0, 0]);
});
