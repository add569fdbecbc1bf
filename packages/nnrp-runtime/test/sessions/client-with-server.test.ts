import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { carrier } from '../support/carrier.js';
import { Stage } from '../support/stage.js';

const { CacheAckStatus, CacheObjectKind, ResultClass, UpdateReason } = preview3;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const stage = new Stage();
afterEach(() => stage.clear());

describe('a client with a server of this package', () => {
  it('is known by its announcement, unless it makes none', async () => {
    for (const announce of [true, false]) {
      const { session } = await stage.session({}, {}, { announce });
      expect(session.knowsPeerMessages).toBe(announce);
    }
  });

  it('greets, measures and opens', async () => {
    const { client, session } = await stage.session({}, {}, { hello: true });
    expect(client.serverHello?.ack).toMatchObject({ selectedVersionMajor: 1, acceptedProfileBitmap: 2 });
    expect(session.knowsPeerMessages).toBe(true);
    const probes = await Promise.all([client.probe(), client.probe({ payloadBytes: 10 })]);
    expect(probes.map(({ sentBytes }) => sentBytes)).toEqual([32_824, 66]);
    expect(await client.ping()).toBe(client.roundTripMs);
  });

  it('measures as often as it is asked to, and the work beside goes on', async () => {
    const { client, session, clientSession } = await stage.session({}, {}, { hello: true });
    const answer = clientSession.request('work');
    // Together 96 MiB, where 16 MiB may wait to be sent.
    const probes = await Promise.all(Array.from({ length: 3000 }, () => client.probe({ timeoutMs: 60_000 })));
    expect(new Set(probes.map(({ sentBytes }) => sentBytes))).toEqual(new Set([32_824]));
    await (await session.receiveSubmit()).complete('done');
    expect((await answer).text()).toBe('done');
  });

  it('patches, moves, puts objects, and closes', async () => {
    const { session, clientSession } = await stage.session({ supportedCacheObjects: [CacheObjectKind.PromptSegment] });
    const patching = clientSession.patch({ qualityTier: 3 }, 'block');
    const patch = await session.receivePatch();
    expect([patch.metadata.qualityTier, text(patch.profilePatch)]).toEqual([3, 'block']);
    await session.sendPatchAck({ effectiveQualityTier: 2 }, 'answer');
    const ack = await patching;
    expect([ack.effectiveQualityTier, text(ack.body)]).toEqual([2, 'answer']);

    const { otherTransportId, transportId } = carrier;
    const request = clientSession.buildMigrationRequest(otherTransportId);
    const oldTransportId = transportId || preview3.TransportId.Quic;
    const moving = clientSession.migrateTransport({ ...request, oldTransportId });
    await session.sendMigrateAck(await session.receiveMigrate());
    expect((await moving).resumeFromFrameId).toBeGreaterThanOrEqual(0n);

    const object = { namespace: 1, key: 9n, kind: CacheObjectKind.PromptSegment };
    expect(await clientSession.putObject(object, 'once')).toMatchObject({ status: CacheAckStatus.Accepted });
    expect(await clientSession.putObject(object, 'again')).toMatchObject({ status: CacheAckStatus.Replaced });
    const { status } = await clientSession.putObject({ ...object, kind: CacheObjectKind.ToolSchema }, 'other kind');
    expect([status, session.cacheObjectCount]).toEqual([CacheAckStatus.Rejected, 1]);
    await clientSession.invalidateObjects({ scope: preview3.CacheInvalidateScope.WholeSession });

    const closing = clientSession.close();
    await session.ackClose(await session.receiveClose());
    await closing;
    expect([clientSession.state, session.cacheObjectCount]).toEqual(['closed', 0]);
  });

  it('waits with its submits when the server pauses it, and holds the server’s results back when it does', async () => {
    const { session, clientSession } = await stage.session();
    const operation = clientSession.submitNow('one');
    const { frameId } = await session.receiveSubmit();
    await session.sendFlowUpdate({ updateReason: UpdateReason.Pause });
    await session.sendResult(frameId, { resultClass: ResultClass.Partial }, 'a');
    const loop = operation[Symbol.asyncIterator]();
    await loop.next();
    expect(() => clientSession.submitNow('two')).toThrow(/paused/);
    const waiting = clientSession.submit('two');
    await session.sendFlowUpdate({ updateReason: UpdateReason.Resume });
    expect((await waiting).frameId).toBe(2);

    clientSession.sendFlowUpdate({ updateReason: UpdateReason.Pause });
    await clientSession.putObject({ namespace: 1, key: 1n, kind: 7 }, 'read after the pause');
    let pushed = false;
    const pushing = session.sendResult(frameId, { resultClass: ResultClass.Partial }, 'b').then(() => {
      pushed = true;
    });
    await stage.turns(10);
    expect(pushed).toBe(false);
    clientSession.sendFlowUpdate({ updateReason: UpdateReason.Resume });
    await pushing;
    expect(text((await loop.next()).value?.body ?? new Uint8Array(0))).toBe('b');
  });

  it('cancels by signal, and the server is told why its work is over', async () => {
    const { session, clientSession } = await stage.session();
    const abort = new AbortController();
    const operation = clientSession.submitNow('x', { signal: abort.signal, traceId: 77n });
    const { frameId, signal } = await session.receiveSubmit();
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    const result = operation.result();
    abort.abort('enough');
    await expect(result).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED', cause: 'enough' });
    await aborted;
    expect([frameId, signal.reason]).toEqual([1, expect.objectContaining({ code: 'NNRP_ERR_CANCELLED' })]);
  });

  it('gets its trace id back with every result', async () => {
    const { session, clientSession } = await stage.session();
    const traceId = 0x8000_0000_0000_0001n;
    const operation = clientSession.submitNow('x', { traceId });
    const submit = await session.receiveSubmit();
    expect(submit.traceId).toBe(traceId);
    await session.sendResult(submit.frameId, { resultClass: ResultClass.Partial });
    await session.sendResult(submit.frameId, {});
    for await (const result of operation) expect(result.traceId).toBe(traceId);
  });
});
