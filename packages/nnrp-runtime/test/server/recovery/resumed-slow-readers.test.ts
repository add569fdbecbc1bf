import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';

const MIB = 1024 * 1024;

const stage = new Stage();
afterEach(() => stage.clear());

/** A session for which much was kept while its client was away, and which is resumed by it. */
async function resumed(keptMib: number) {
  const server = await stage.serve({
    maxSuspendedBytesTotal: 64 * MIB,
    maxSuspendedBytes: 64 * MIB,
    maxOutboxBytes: MIB,
  });
  const peer = await ResumablePeer.open(stage, server);
  peer.submit(1);
  const operation = await (await server.accept()).receiveSubmit();
  peer.lose();
  await eventually(() => server.suspendedCount === 1, 'the session is suspended');
  for (let count = 0; count < keptMib; count++) await operation.push(new Uint8Array(MIB));
  expect(server.stats().suspendedBytes?.value).toBeGreaterThan(keptMib * MIB);
  expect(await peer.resume()).toContain('resumed');
  return { server, peer, operation };
}

it('a client that resumes and takes nothing is ended when too much is kept for it', async () => {
  const { server, peer, operation } = await resumed(24);
  peer.raw.socket.pause();
  const bound = (64 + 32 + 1) * MIB;
  expect(server.stats().resumedBytes).toMatchObject({ scope: 'connection', bound, hits: 0 });
  await eventually(() => (server.stats().resumedBytes?.value ?? 0) > 0, 'what is kept counts');
  let pushed = 0;
  for (; pushed < 200 && !operation.isOver; pushed++) {
    // The pushes do not wait for room.
    operation.push(new Uint8Array(MIB)).catch(() => {});
    expect(server.stats().resumedBytes?.value).toBeLessThan(bound + 2 * MIB);
    await turn();
  }
  expect(operation.isOver).toBe(true);
  expect(server.stats().resumedBytes).toMatchObject({ value: 0, hits: 1 });
  expect(server.suspendedCount).toBe(0);
  await eventually(() => server.connectionCount === 0, 'its connection is gone');
});

it('what is kept for a session that was resumed counts until its client has it', async () => {
  const kept = 3;
  const { server, peer, operation } = await resumed(kept);
  for (let count = 0; count < kept; count++) expect(await peer.next()).toContain('partial 1');
  peer.answerPings();
  await eventually(() => server.stats().resumedBytes?.value === 0, 'it has all');
  expect(server.stats().suspendedBytes?.value).toBe(0);
  await operation.push('more');
  expect(await peer.next()).toBe('partial 1 more');
});
