import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession } from '../../../src/server/contract/contract.js';
import { textOf } from '../../support/described.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { ErrorCode, ErrorScope, PatchFlags, SessionPatchAckStatus, SessionPatchRejectReason, TransportId } = preview3;
const TWO = PatchFlags.QualityTier | PatchFlags.TargetCadence;

const stage = new Stage();
afterEach(() => stage.clear());

async function opened(announced = true): Promise<{ peer: SessionPeer; session: NnrpServerSession }> {
  const server = await stage.serve();
  const peer = await SessionPeer.open(stage, server, { announced });
  return { peer, session: await server.accept() };
}

const patchAckOf = (packet: Packet) => preview3.decodeSessionPatchAck(packet.view, packet.metadataStart);
const migrateAckOf = (packet: Packet) => preview3.decodeSessionMigrateAck(packet.view, packet.metadataStart);

describe('a patch', () => {
  it.each([
    ['applied as asked', {}, SessionPatchAckStatus.Accepted, TWO, 0, 3, 2400],
    [
      'applied in part',
      { rejectedPatchMask: PatchFlags.TargetCadence },
      SessionPatchAckStatus.PartiallyApplied,
      PatchFlags.QualityTier,
      PatchFlags.TargetCadence,
      3,
      0,
    ],
    [
      'rejected',
      { rejectReason: SessionPatchRejectReason.RateLimited, retryAfterMs: 50 },
      SessionPatchAckStatus.Rejected,
      0,
      TWO,
      0,
      0,
    ],
  ])('is %s', async (_name, answer, ackStatus, appliedPatchMask, rejectedPatchMask, tier, cadence) => {
    const { peer, session } = await opened();
    peer.patch({ patchMask: TWO, targetCadenceX100: 2400 });
    await session.receivePatch();
    await session.sendPatchAck(answer);
    expect(patchAckOf(await peer.packet())).toMatchObject({
      ackStatus,
      appliedPatchMask,
      rejectedPatchMask,
      effectiveQualityTier: tier,
      effectiveTargetCadenceX100: cadence,
      ...answer,
    });
  });

  it('brings the profile’s own data, and takes some back with its length', async () => {
    const { peer, session } = await opened();
    peer.patch({ patchMask: PatchFlags.ProfilePatch, profilePatchBytes: 5 }, 'hello');
    const { profilePatch } = await session.receivePatch();
    expect(new TextDecoder().decode(profilePatch)).toBe('hello');
    await session.sendPatchAck({}, 'world!');
    const ack = await peer.packet();
    expect([textOf(ack), patchAckOf(ack).profilePatchAckBytes]).toEqual(['world!', 6]);
  });

  it('whose body is not as long as announced costs its session', async () => {
    const { peer, session } = await opened();
    peer.patch({ patchMask: PatchFlags.ProfilePatch, profilePatchBytes: 9 }, 'hello');
    expect(await peer.take(2)).toEqual(['error session 0 malformed_body', 'close protocol_error']);
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
  });

  it('is answered once, the oldest first; without one there is nothing to answer', async () => {
    const { peer, session } = await opened();
    await expect(session.sendPatchAck()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    peer.patch({ qualityTier: 1 });
    peer.patch({ qualityTier: 2 });
    await session.receivePatch();
    await session.receivePatch();
    await expect(session.sendPatchAck({ retryAfterMs: -1 })).rejects.toThrow(/USAGE.*retryAfterMs takes .*, got -1/);
    await session.sendPatchAck();
    await session.sendPatchAck();
    await expect(session.sendPatchAck()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    const acks = [patchAckOf(await peer.packet()), patchAckOf(await peer.packet())];
    expect(acks.map(({ effectiveQualityTier }) => effectiveQualityTier)).toEqual([1, 2]);
  });
});

describe('a migration', () => {
  it('is refused unless the application accepts it', async () => {
    const { peer, session } = await opened();
    peer.migrate({ lastResultFrameId: 10n });
    await session.sendMigrateAck(await session.receiveMigrate());
    expect(migrateAckOf(await peer.packet())).toMatchObject({ acceptCode: 1, resumeFromFrameId: 11n });
  });

  it.each([true, false])(
    'after the last frame that there can be is answered, and so is the next; serve: %s',
    async (serves) => {
      const server = await stage.serve();
      const peer = await SessionPeer.open(stage, server, { announced: false });
      if (serves) void server.serve({ submit: () => '' });
      const session = serves ? undefined : await server.accept();
      for (const lastResultFrameId of [0xffff_ffff_ffff_ffffn, 5n]) {
        peer.migrate({ lastResultFrameId });
        if (session !== undefined) await session.sendMigrateAck(await session.receiveMigrate());
        const resumeFromFrameId = lastResultFrameId === 5n ? 6n : lastResultFrameId;
        expect(migrateAckOf(await peer.packet())).toMatchObject({ acceptCode: 1, resumeFromFrameId });
      }
    },
  );

  it('is accepted with the cursor from which results come again', async () => {
    const { peer, session } = await opened();
    peer.migrate({ lastResultFrameId: 10n });
    const request = await session.receiveMigrate();
    await session.sendMigrateAck(request, { acceptCode: 0, resumeFromFrameId: 10n, graceWindowMs: 500 });
    const ack = migrateAckOf(await peer.packet());
    expect(ack).toMatchObject({ acceptCode: 0, resumeFromFrameId: 10n, graceWindowMs: 500 });
    expect(ack.serverMigrateTsUs).toBeGreaterThan(0n);
    await expect(session.sendMigrateAck(request)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('is not accepted with a cursor before the last result (MIG-4); the refusal costs nothing', async () => {
    const { peer, session } = await opened();
    peer.migrate({ lastResultFrameId: 10n });
    const request = await session.receiveMigrate();
    await expect(session.sendMigrateAck(request, { acceptCode: 0, resumeFromFrameId: 9n })).rejects.toThrow(/MIG-4/);
    expect(await peer.answers()).toEqual([]);
    await session.sendMigrateAck(request, { acceptCode: 0 });
    expect(migrateAckOf(await peer.packet()).acceptCode).toBe(0);
  });

  it('between equal transports is not accepted (MIG-3), but may be refused', async () => {
    const { peer, session } = await opened();
    peer.migrate({ oldTransportId: TransportId.Quic, newTransportId: TransportId.Quic });
    const request = await session.receiveMigrate();
    await expect(session.sendMigrateAck(request, { acceptCode: 0 })).rejects.toThrow(/MIG-3/);
    await session.sendMigrateAck(request);
    expect(migrateAckOf(await peer.packet()).acceptCode).toBe(1);
  });

  it('without transports breaks a rule and costs its session', async () => {
    const { peer, session } = await opened();
    peer.migrate();
    const request = await session.receiveMigrate();
    await session.sendMigrateAck(request);
    await peer.packet();
    const { SESSION_MIGRATE_OFFSETS } = preview3;
    const bytes = new Uint8Array(40 + 24);
    bytes.set([0x4e, 0x4e, 0x52, 0x50, 1, 0, preview3.MessageType.SessionMigrate, 40]);
    bytes[12] = 24;
    bytes[20] = 1;
    bytes[40 + SESSION_MIGRATE_OFFSETS.newTransportId] = 1;
    peer.raw.send(bytes);
    expect(await peer.take(2)).toEqual(['error session 0 malformed_body', 'close protocol_error']);
    expect(session.state).toBe('closed');
  });
});

describe('a hint', () => {
  it('reaches an announced client, about a frame or the session', async () => {
    const { peer, session } = await opened();
    const hint = { reason: preview3.ResultHintReason.ServerBusy, retryAfterMs: 70 };
    expect(await session.sendResultHint(7, hint)).toBe(true);
    const packet = await peer.packet();
    expect([packet.messageType, packet.frameId]).toEqual([preview3.MessageType.ResultHint, 7]);
    expect(preview3.decodeResultHint(packet.view, packet.metadataStart)).toMatchObject(hint);
    expect(await session.sendResultHint(0, {})).toBe(true);
    expect((await peer.packet()).frameId).toBe(0);
  });

  it('is not sent to a reference client, which would fail on it', async () => {
    const { peer, session } = await opened(false);
    expect(await session.sendResultHint(1, {})).toBe(false);
    expect(await peer.answers()).toEqual([]);
  });
});

describe('an error of the application', () => {
  it('reaches an announced client, about a frame or the session, and costs nothing', async () => {
    const { peer, session } = await opened();
    expect(await session.sendError(ErrorCode.ServerBusy, 'later', { retryAfterMs: 9 })).toBe(true);
    expect(await session.sendError(ErrorCode.InternalError, 'é'.repeat(200), { frameId: 3 })).toBe(true);
    const [first, second] = [await peer.packet(), await peer.packet()];
    expect(preview3.decodeErrorMessage(first.view, first.metadataStart)).toMatchObject({
      errorCode: ErrorCode.ServerBusy,
      errorScope: ErrorScope.Session,
      isFatal: 0,
      retryAfterMs: 9,
      diagnosticBytes: 5,
    });
    expect(preview3.decodeErrorMessage(second.view, second.metadataStart)).toMatchObject({
      errorScope: ErrorScope.Frame,
      relatedFrameId: 3,
      diagnosticBytes: 256,
    });
    expect(session.state).toBe('open');
  });

  it('is not sent to a reference client', async () => {
    const { peer, session } = await opened(false);
    expect(await session.sendError(ErrorCode.ServerBusy, 'later')).toBe(false);
    expect(await peer.answers()).toEqual([]);
  });

  it('and every other message is refused locally once the session is over', async () => {
    const { session } = await opened();
    await session.close();
    for (const late of [
      session.sendError(ErrorCode.ServerBusy, 'late'),
      session.sendResultHint(1, {}),
      session.sendFlowUpdate({}),
      session.sendResult(1, {}),
      session.sendResultDrop(1),
    ]) {
      await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    }
  });
});
