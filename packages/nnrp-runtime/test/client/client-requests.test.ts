import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientSessionEvent } from '../../src/client/session/session-events.js';
import {
  CACHE_ACK,
  CACHE_INVALIDATE,
  CACHE_PUT,
  SESSION_MIGRATE_ACK,
  SESSION_PATCH_ACK,
} from '../../src/connection/sending/codecs.js';
import { carrier } from '../support/carrier.js';
import { ScriptedServer } from '../support/scripted-server.js';

const { CacheAckStatus, CacheInvalidateScope, CacheObjectKind, ErrorCode, MessageType, PatchFlags, TransportId } =
  preview3;

afterEach(() => ScriptedServer.clear());

/** Whether preview3 has no number for the transport, and so no session can move away from it. */
const isNameless = carrier.transportId === TransportId.Unspecified;

const NOTHING_PATCHED: preview3.SessionPatchAck = {
  ackStatus: 0,
  rejectReason: 0,
  appliedPatchMask: 0,
  rejectedPatchMask: 0,
  retryAfterMs: 0,
  effectiveProfileId: 0,
  effectiveTargetCadenceX100: 0,
  effectiveQualityTier: 0,
  effectiveDegradePolicy: 0,
  effectiveLaneMask: 0n,
  effectiveCodecBitmap: 0,
  effectiveCompressionBitmap: 0,
  profilePatchAckBytes: 0,
};

const patchOf = (packet: Packet) => preview3.decodeSessionPatch(packet.view, packet.metadataStart);
const putOf = (packet: Packet) => preview3.decodeCachePut(packet.view, packet.metadataStart);

function answerPatch(server: ScriptedServer, ack: Partial<preview3.SessionPatchAck>, body?: Uint8Array): void {
  const metadata = { ...NOTHING_PATCHED, profilePatchAckBytes: body?.length ?? 0, ...ack };
  server.tell(MessageType.SessionPatchAck, 1, 0, SESSION_PATCH_ACK, metadata, body);
}

function answerPut(server: ScriptedServer, put: preview3.CachePut, ack: Partial<preview3.CacheAck> = {}): void {
  const { cacheNamespace, cacheKeyHi, cacheKeyLo } = put;
  const granted = { status: CacheAckStatus.Accepted, acceptedTtlMs: 5, maxObjectBytes: 100, detailCode: 0 };
  const metadata = { cacheNamespace, cacheKeyHi, cacheKeyLo, ...granted, ...ack };
  server.tell(MessageType.CacheAck, 1, 0, CACHE_ACK, metadata);
}

async function opened() {
  const server = await ScriptedServer.start();
  const strays: number[] = [];
  const violations: string[] = [];
  server.client.on('stray', ({ packet }) => strays.push(packet.messageType));
  server.client.on('protocolViolation', ({ error }) => violations.push(error.message));
  return { server, session: await server.open(1), strays, violations };
}

describe('a patch', () => {
  it('names what it changes, and gives the answer with its block', async () => {
    const { server, session } = await opened();
    const block = new Uint8Array([1, 2, 3]);
    const patching = session.patch({ targetCadenceX100: 6000, activeLaneMask: 5n, profileId: 2 }, block);
    const packet = await server.expect(MessageType.SessionPatch);
    expect([packet.sessionId, packet.frameId, packet.body]).toEqual([1, 0, block]);
    expect(patchOf(packet)).toEqual({
      profileId: 2,
      patchMask: PatchFlags.TargetCadence | PatchFlags.ActiveLaneMask | PatchFlags.ProfilePatch,
      targetCadenceX100: 6000,
      qualityTier: 0,
      degradePolicy: 0,
      activeLaneMask: 5n,
      preferredCodecBitmap: 0,
      preferredCompressionBitmap: 0,
      profilePatchBytes: 3,
    });
    const ack = {
      ackStatus: 1,
      appliedPatchMask: 1,
      rejectedPatchMask: 0x48,
      effectiveTargetCadenceX100: 3000,
    } as const;
    answerPatch(server, ack, new Uint8Array([9]));
    expect(await patching).toEqual({ ...NOTHING_PATCHED, ...ack, profilePatchAckBytes: 1, body: new Uint8Array([9]) });
  });

  it('is answered in its turn when several are outstanding, and results in between are not lost', async () => {
    const { server, session } = await opened();
    const operation = session.submitNow('x');
    const patches = [1, 2, 3].map((qualityTier) => session.patch({ qualityTier }));
    await server.expect(MessageType.FrameSubmit);
    server.partial(1, 1, 'before');
    for (const tier of [1, 2, 3]) {
      const { qualityTier } = patchOf(await server.expect(MessageType.SessionPatch));
      expect(qualityTier).toBe(tier);
      answerPatch(server, { effectiveQualityTier: qualityTier * 10 });
      server.partial(1, 1, 'between');
    }
    server.result(1, 1, 'after');
    expect((await Promise.all(patches)).map((ack) => ack.effectiveQualityTier)).toEqual([10, 20, 30]);
    let count = 0;
    for await (const _ of operation) count++;
    expect(count).toBe(5);
  });

  it('without an answer is given up in time; its late answer is a stray, and no answer to the next one', async () => {
    const { server, session, strays } = await opened();
    const late = session.patch({ qualityTier: 1 }, undefined, { timeoutMs: 10 });
    await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 10 });
    const next = session.patch({ qualityTier: 2 });
    await server.expect(MessageType.SessionPatch);
    await server.expect(MessageType.SessionPatch);
    answerPatch(server, { effectiveQualityTier: 1 });
    answerPatch(server, { effectiveQualityTier: 2 });
    expect((await next).effectiveQualityTier).toBe(2);
    answerPatch(server, {});
    await server.settled();
    expect(strays).toEqual([MessageType.SessionPatchAck, MessageType.SessionPatchAck]);
  });

  it('that does not fit is refused, and leaves no request behind', async () => {
    const { server, session } = await opened();
    await expect(session.patch({ qualityTier: 70_000 })).rejects.toThrow(
      /USAGE.*qualityTier takes an integer of 0 to 65535, got 70000/,
    );
    const patching = session.patch({ qualityTier: 7 });
    await server.expect(MessageType.SessionPatch);
    answerPatch(server, { effectiveQualityTier: 7 });
    expect((await patching).effectiveQualityTier).toBe(7);
  });

  it('is rejected when its answer has another length than it announces; an answer without any body will do', async () => {
    const { server, session, violations } = await opened();
    const patching = session.patch({ qualityTier: 1 });
    await server.expect(MessageType.SessionPatch);
    answerPatch(server, { profilePatchAckBytes: 4 }, new Uint8Array(3));
    await expect(patching).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    expect(violations).toEqual([expect.stringContaining('announces 4 body bytes, got 3')]);
    const next = session.patch({ qualityTier: 1 });
    await server.expect(MessageType.SessionPatch);
    answerPatch(server, { profilePatchAckBytes: 4 });
    expect((await next).body.length).toBe(0);
    expect(session.endReason).toBeUndefined();
  });

  it('is rejected by an error of the session, and by its end', async () => {
    const { server, session } = await opened();
    const refused = session.patch({ qualityTier: 1 });
    await server.expect(MessageType.SessionPatch);
    server.error(1, 0, { errorCode: ErrorCode.UnsupportedCapability });
    await expect(refused).rejects.toMatchObject({ code: 'NNRP_ERR_PEER', wireCode: ErrorCode.UnsupportedCapability });
    const ended = [session.patch({ qualityTier: 1 }), session.putObject({ namespace: 1, key: 1n, kind: 7 }, 'x')];
    await server.expect(MessageType.SessionPatch);
    // With several requests outstanding an error does not say which one it is about.
    server.error(1, 0, { errorCode: ErrorCode.UnsupportedCapability });
    server.close(1);
    for (const request of ended) await expect(request).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await expect(session.patch({ qualityTier: 1 })).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });
});

// A transport without an id on the wire cannot be left for another one.
describe.skipIf(carrier.transportId === TransportId.Unspecified)('a move to another transport', () => {
  const answerMove = (server: ScriptedServer, resumeFromFrameId: bigint, acceptCode = 0) =>
    server.tell(MessageType.SessionMigrateAck, 1, 0, SESSION_MIGRATE_ACK, {
      acceptCode,
      resumeFromFrameId,
      graceWindowMs: 50,
      serverMigrateTsUs: 1n,
    });

  it.runIf(isNameless)('away from a transport that preview3 has no number for is not asked for', async () => {
    const { session } = await opened();
    const request = session.buildMigrationRequest(carrier.otherTransportId);
    expect(request).toMatchObject({
      oldTransportId: TransportId.Unspecified,
      newTransportId: carrier.otherTransportId,
    });
    await expect(session.migrateTransport(request)).rejects.toThrow(/MIG-1/);
  });

  it.skipIf(isNameless)('is asked for from the transport in use and after the last result, and granted', async () => {
    const { transportId, otherTransportId } = carrier;
    const { server, session } = await opened();
    const operation = session.submitNow('x');
    await server.expect(MessageType.FrameSubmit);
    server.result(1, 1);
    await operation.result();
    const request = session.buildMigrationRequest(otherTransportId);
    expect(request).toMatchObject({ oldTransportId: transportId, newTransportId: otherTransportId });
    expect([request.lastResultFrameId, Number(request.clientMigrateTsUs / 1000n)]).toEqual([
      1n,
      expect.closeTo(Date.now(), -4),
    ]);
    const moving = session.migrateTransport(request);
    const packet = await server.expect(MessageType.SessionMigrate);
    expect(preview3.decodeSessionMigrate(packet.view, packet.metadataStart)).toEqual(request);
    answerMove(server, 2n);
    expect(await moving).toMatchObject({ acceptCode: 0, resumeFromFrameId: 2n, graceWindowMs: 50 });
  });

  it.skipIf(isNameless)(
    'is rejected when the answer starts before the last result, unless it is a refusal',
    async () => {
      const { server, session, violations } = await opened();
      const request = session.buildMigrationRequest(carrier.otherTransportId, 10n);
      const moving = session.migrateTransport(request);
      await server.expect(MessageType.SessionMigrate);
      answerMove(server, 9n);
      await expect(moving).rejects.toMatchObject({
        code: 'NNRP_ERR_PROTOCOL',
        message: expect.stringMatching(/MIG-4/),
      });
      expect(violations.length).toBe(1);
      const refused = session.migrateTransport(request);
      await server.expect(MessageType.SessionMigrate);
      answerMove(server, 0n, 3);
      expect(await refused).toMatchObject({ acceptCode: 3 });
    },
  );

  it.skipIf(isNameless)('to the same transport, or to none, is not asked for', async () => {
    const { server, session, strays } = await opened();
    const same = session.buildMigrationRequest(carrier.transportId);
    await expect(session.migrateTransport(same)).rejects.toThrow(/NNRP_ERR_USAGE.*MIG-3/);
    const none = session.buildMigrationRequest(TransportId.Unspecified);
    await expect(session.migrateTransport(none)).rejects.toThrow(/MIG-2/);
    answerMove(server, 0n);
    await server.settled();
    expect(strays).toEqual([MessageType.SessionMigrateAck]);
  });
});

describe('a cache object', () => {
  const object = { namespace: 3, key: 0x1_0000_0002n, kind: CacheObjectKind.PromptSegment, ttlMs: 1000, flags: 1 };

  it('is put, and the answer found by its identity, in whatever order answers come', async () => {
    const { server, session } = await opened();
    const keys = [1n, 2n, 0x1_0000_0001n];
    const putting = keys.map((key) => session.putObject({ ...object, key }, `object ${key}`));
    const puts = [];
    for (const _ of keys) puts.push(await server.expect(MessageType.CachePut));
    expect(puts.map(putOf)[2]).toEqual({
      cacheNamespace: 3,
      cacheKeyHi: 1,
      cacheKeyLo: 1,
      objectKind: CacheObjectKind.PromptSegment,
      ttlMs: 1000,
      objectBytes: 17,
      codecBitmap: 0,
      flags: 1,
    });
    expect(new TextDecoder().decode(puts[2]?.body)).toBe('object 4294967297');
    for (const [index, packet] of puts.entries()) {
      if (index > 0) answerPut(server, putOf(packet), { acceptedTtlMs: index });
    }
    const [first] = puts;
    if (first !== undefined) answerPut(server, putOf(first), { status: CacheAckStatus.Rejected, detailCode: 6 });
    expect((await Promise.all(putting)).map((ack) => [ack.status, ack.acceptedTtlMs])).toEqual([
      [CacheAckStatus.Rejected, 5],
      [CacheAckStatus.Accepted, 1],
      [CacheAckStatus.Accepted, 2],
    ]);
  });

  it('without an answer is given up in time; answers nobody waits for are strays', async () => {
    const { server, session, strays } = await opened();
    const putting = session.putObject(object, 'x', { timeoutMs: 10 });
    const put = putOf(await server.expect(MessageType.CachePut));
    await expect(putting).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    answerPut(server, put);
    answerPut(server, { ...put, cacheNamespace: 9 });
    await server.settled();
    expect(strays).toEqual([MessageType.CacheAck, MessageType.CacheAck]);
  });

  it.each([
    ['key', { key: -1n }],
    ['key', { key: 5 as never }],
    ['kind', { kind: 0 as never }],
    ['ttlMs', { ttlMs: -1 }],
  ])('with a bad %s is not sent', async (field, change) => {
    const { session } = await opened();
    await expect(session.putObject({ ...object, ...change }, 'x')).rejects.toThrow(
      `[NNRP_ERR_USAGE] cache object: ${field} takes `,
    );
  });

  it('is forgotten by key, by kind, by namespace or with the whole session', async () => {
    const { server, session } = await opened();
    const selectors = [
      { scope: CacheInvalidateScope.ObjectKey, namespace: 3, key: object.key, reasonCode: 4 },
      { scope: CacheInvalidateScope.ObjectKind, namespace: 3, kind: CacheObjectKind.ToolSchema },
      { scope: CacheInvalidateScope.WholeSession },
    ];
    const sent = [];
    for (const selector of selectors) {
      await session.invalidateObjects(selector);
      const packet = await server.expect(MessageType.CacheInvalidate);
      sent.push(Object.values(preview3.decodeCacheInvalidate(packet.view, packet.metadataStart)));
    }
    expect(sent).toEqual([
      [3, 3, 1, 2, 4],
      [2, 3, CacheObjectKind.ToolSchema, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
  });

  it('that the server offers is refused, since a client keeps none, and reported like what it has forgotten', async () => {
    const { server, session } = await opened();
    const events = session.events()[Symbol.asyncIterator]();
    const put = {
      cacheNamespace: 1,
      cacheKeyHi: 2,
      cacheKeyLo: 3,
      objectKind: 7,
      ttlMs: 0,
      codecBitmap: 0,
      flags: 0,
    } as const;
    server.tell(MessageType.CachePut, 1, 0, CACHE_PUT, { ...put, objectBytes: 2 }, new Uint8Array(2));
    const packet = await server.expect(MessageType.CacheAck);
    expect(preview3.decodeCacheAck(packet.view, packet.metadataStart)).toMatchObject({
      cacheKeyLo: 3,
      status: CacheAckStatus.Rejected,
      detailCode: ErrorCode.UnsupportedCapability,
    });
    const invalidate = { invalidateScope: 1, cacheNamespace: 1, cacheKeyHi: 0, cacheKeyLo: 0, reasonCode: 9 } as const;
    server.tell(MessageType.CacheInvalidate, 1, 0, CACHE_INVALIDATE, invalidate);
    expect((await events.next()).value).toMatchObject({ type: 'cachePut', body: new Uint8Array(2) });
    expect((await events.next()).value).toEqual({ type: 'cacheInvalidate', invalidate });
  });
});

it('answers are events as well', async () => {
  const { server, session } = await opened();
  const types: ClientSessionEvent['type'][] = [];
  const seen = (async () => {
    for await (const { type } of session.events()) types.push(type);
  })();
  void session.patch({ qualityTier: 1 });
  answerPatch(server, {});
  void session.putObject({ namespace: 1, key: 1n, kind: 7 }, 'x');
  await server.expect(MessageType.SessionPatch);
  answerPut(server, putOf(await server.expect(MessageType.CachePut)));
  void session.close();
  await server.expect(MessageType.SessionClose);
  server.closeAck(1, preview3.CloseStatus.Closed);
  await seen;
  expect(types).toEqual(['patchAck', 'cacheAck', 'closeAck', 'end']);
});

it('an error is told to the server, about the session or one of its frames', async () => {
  const { server, session } = await opened();
  session.sendError(ErrorCode.LimitExceeded, 'too much');
  session.sendError(ErrorCode.InvalidState, 'what is this', { frameId: 7, retryAfterMs: 5 });
  const sent = [];
  for (let count = 0; count < 2; count++) {
    const packet = await server.expect(MessageType.Error);
    const { errorScope, relatedFrameId, retryAfterMs } = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
    sent.push([packet.sessionId, errorScope, relatedFrameId, retryAfterMs, new TextDecoder().decode(packet.body)]);
  }
  expect(sent).toEqual([
    [1, preview3.ErrorScope.Session, 0, 0, 'too much'],
    [1, preview3.ErrorScope.Frame, 7, 5, 'what is this'],
  ]);
});
