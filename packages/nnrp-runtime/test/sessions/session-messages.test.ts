import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession } from '../../src/server/contract/contract.js';
import type { ProtocolViolation } from '../../src/server/contract/server-events.js';
import type { NnrpServer } from '../../src/server/server.js';
import type { RawPeer } from '../support/raw-peer.js';
import { Stage } from '../support/stage.js';
import {
  bytesFrom,
  cancelBytes,
  closeBytes,
  errorOf,
  openAck,
  openBytes,
  packetBytes,
  submitBytes,
} from '../support/wire-packets.js';

const { ErrorCode, ErrorScope, MessageType, ResultClass } = preview3;
const PING = packetBytes(MessageType.Ping);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const stage = new Stage();
afterEach(() => stage.clear());

interface Opened {
  readonly server: NnrpServer;
  readonly peer: RawPeer;
  readonly session: NnrpServerSession;
  readonly violations: ProtocolViolation[];
}

/** A bare peer with session 5 on a server that has accepted it. */
async function opened(): Promise<Opened> {
  const server = await stage.serve();
  const violations: ProtocolViolation[] = [];
  server.on('protocolViolation', (violation) => violations.push(violation));
  const peer = await stage.openPeer(server, 5);
  return { server, peer, session: await server.accept(), violations };
}

/** Everything sent before has been read, and answered, once the answer to a PING is there. */
async function answersUntilPong(peer: RawPeer) {
  peer.send(PING);
  const packets = [];
  for (;;) {
    const packet = await peer.next('PONG');
    if (packet.messageType === MessageType.Pong) return packets;
    packets.push(packet);
  }
}

/** A submit whose metadata is refused (a reserved byte is set). */
function badSubmit(sessionId: number, frameId: number): Uint8Array {
  const bytes = submitBytes(sessionId, frameId);
  bytes[40 + 15] = 1;
  return bytes;
}

describe('frames', () => {
  it.each([
    ['at once', () => undefined],
    ['after some turns', () => stage.turns(5)],
  ])('may come before the session is acknowledged, which a policy does %s', async (_name, validateSessionOpen) => {
    const server = await stage.serve({ applicationPolicy: { validateSessionOpen } });
    const peer = await stage.peer(server);
    peer.send(openBytes({ requestedSessionId: 3 }), submitBytes(3, 1, 'early'));
    expect(openAck(await peer.next()).sessionId).toBe(3);
    expect(text((await (await server.accept()).receiveSubmit()).body)).toBe('early');
  });

  it('may have any id but 0, in any order', async () => {
    const { peer, session } = await opened();
    for (const frameId of [7, 3, 0xffffffff]) {
      peer.send(submitBytes(5, frameId));
      expect((await session.receiveSubmit()).frameId).toBe(frameId);
    }
  });

  it('are refused when their id was used before, answered or not; the first one is not harmed', async () => {
    const { peer, session, violations } = await opened();
    peer.send(submitBytes(5, 1), submitBytes(5, 1));
    const submit = await session.receiveSubmit();
    const [refusal] = await answersUntilPong(peer);
    const expected = { errorCode: ErrorCode.InvalidState, errorScope: ErrorScope.Frame, isFatal: 0, relatedFrameId: 1 };
    expect(refusal && errorOf(refusal)).toMatchObject(expected);
    expect([refusal?.sessionId, refusal?.frameId]).toEqual([5, 1]);
    await session.sendResult(submit.frameId, {});
    expect((await peer.next()).messageType).toBe(MessageType.ResultPush);
    peer.send(submitBytes(5, 1));
    expect((await answersUntilPong(peer)).map((packet) => packet.messageType)).toEqual([MessageType.Error]);
    expect(session.inFlightCount).toBe(0);
    expect(violations.map(({ sessionId, error }) => [sessionId, error.wireCode])).toEqual([
      [5, ErrorCode.InvalidState],
      [5, ErrorCode.InvalidState],
    ]);
  });

  it('keep their id when their metadata is refused, and are dropped', async () => {
    const { peer, session, violations } = await opened();
    peer.send(badSubmit(5, 1));
    const [drop] = await answersUntilPong(peer);
    expect([drop?.messageType, drop?.sessionId, drop?.frameId]).toEqual([MessageType.ResultDrop, 5, 1]);
    expect(violations.map(({ error }) => error.fault)).toEqual([
      { kind: 'nonzero_reserved_field', field: 'frame_submit.reserved0' },
    ]);
    peer.send(submitBytes(5, 1, 'corrected'));
    expect(text((await session.receiveSubmit()).body)).toBe('corrected');
    await session.sendResult(1, {});
    expect((await peer.next()).messageType).toBe(MessageType.ResultPush);
  });

  it('do not survive id 0: the session is closed, its siblings are not', async () => {
    const { server, peer, session, violations } = await opened();
    peer.send(openBytes({ requestedSessionId: 6 }), submitBytes(5, 1));
    await peer.next();
    const sibling = await server.accept();
    await session.receiveSubmit();
    const zero = submitBytes(5, 9);
    new DataView(zero.buffer).setUint32(24, 0, true);
    peer.send(zero);
    expect(errorOf(await peer.next())).toMatchObject({
      errorScope: ErrorScope.Session,
      relatedSessionId: 5,
      isFatal: 0,
    });
    const close = await peer.next();
    expect([close.messageType, close.sessionId]).toEqual([MessageType.SessionClose, 5]);
    expect(session.endReason?.code).toBe('NNRP_ERR_PROTOCOL');
    await expect(session.sendResult(1, {})).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(violations.length).toBe(1);
    // What was under way for the closed session is not held against the peer.
    const confirmed = new Uint8Array(16);
    confirmed[0] = preview3.CloseStatus.Closed;
    const ack = packetBytes(MessageType.SessionCloseAck, 5, 0, confirmed);
    peer.send(submitBytes(5, 2), badSubmit(5, 3), cancelBytes(5, 1), closeBytes(5), ack);
    expect(await answersUntilPong(peer)).toEqual([]);
    expect(violations.length).toBe(1);
    expect(sibling.state).toBe('open');
    peer.send(submitBytes(6, 1, 'sibling'));
    expect(text((await sibling.receiveSubmit()).body)).toBe('sibling');
    // Once confirmed, the server does not know the session any more.
    peer.send(cancelBytes(5, 1));
    expect((await answersUntilPong(peer)).map((packet) => packet.messageType)).toEqual([MessageType.Error]);
  });
});

describe('cancelling', () => {
  it('drops a frame in progress, which then takes no result any more', async () => {
    const { peer, session } = await opened();
    peer.send(submitBytes(5, 1), submitBytes(5, 2));
    await session.receiveSubmit();
    await session.sendResult(1, { resultClass: ResultClass.Partial });
    peer.send(cancelBytes(5, 1));
    const answers = await answersUntilPong(peer);
    expect(answers.map((packet) => [packet.messageType, packet.frameId])).toEqual([
      [MessageType.ResultPush, 1],
      [MessageType.ResultDrop, 1],
    ]);
    expect([session.isInFlight(1), session.isInFlight(2), session.inFlightCount]).toEqual([false, true, 1]);
    await expect(session.sendResult(1, {})).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await session.sendResult(2, {});
    expect((await peer.next()).frameId).toBe(2);
  });

  it('does nothing to frames that are unknown, answered, or cancelled already', async () => {
    const { peer, session, violations } = await opened();
    peer.send(submitBytes(5, 1));
    await session.receiveSubmit();
    await session.sendResult(1, {});
    await peer.next();
    peer.send(cancelBytes(5, 1), cancelBytes(5, 77), submitBytes(5, 2), cancelBytes(5, 2), cancelBytes(5, 2));
    const answers = await answersUntilPong(peer);
    expect(answers.map((packet) => [packet.messageType, packet.frameId])).toEqual([[MessageType.ResultDrop, 2]]);
    expect(violations).toEqual([]);
  });
});

describe('interleaved messages', () => {
  it('reach the session and the call they are meant for', async () => {
    const { server, peer, session } = await opened();
    peer.send(openBytes({ requestedSessionId: 6 }));
    await peer.next();
    const other = await server.accept();
    const received = {
      close: session.receiveClose(),
      submit: session.receiveSubmit(),
      otherSubmits: [other.receiveSubmit(), other.receiveSubmit()],
    };
    const flow = packetBytes(MessageType.FlowUpdate, 6, 0, bytesFrom(`01${'00'.repeat(31)}`));
    peer.send(submitBytes(6, 1, 'six'), PING, flow, submitBytes(6, 2, 'six again'), cancelBytes(6, 1), PING);
    peer.send(submitBytes(5, 1, 'five'), closeBytes(5, 1n), PING);
    expect(text((await received.submit).body)).toBe('five');
    const bodies = (await Promise.all(received.otherSubmits)).map((submit) => text(submit.body));
    expect(bodies).toEqual(['six', 'six again']);
    const close = await received.close;
    expect(close.metadata.lastOperationId).toBe(1n);
    await session.sendResult(1, {});
    await session.ackClose(close);
    await other.sendResult(2, {});
    const answers = [];
    for (let count = 0; count < 7; count++) answers.push(await peer.next());
    const seen = answers.map((packet) => [packet.messageType, packet.sessionId, packet.frameId]);
    expect(seen).toEqual([
      [MessageType.Pong, 0, 0],
      [MessageType.ResultDrop, 6, 1],
      [MessageType.Pong, 0, 0],
      [MessageType.Pong, 0, 0],
      [MessageType.ResultPush, 5, 1],
      [MessageType.SessionCloseAck, 5, 0],
      [MessageType.ResultPush, 6, 2],
    ]);
  });

  it('of a session on another connection are nobody’s: sessions belong to their connection', async () => {
    const { server, peer, session } = await opened();
    const intruder = await stage.openPeer(server, 6);
    intruder.send(submitBytes(5, 1, 'intruder'), cancelBytes(5, 1), closeBytes(5));
    const answers = await answersUntilPong(intruder);
    expect(answers.map((packet) => packet.messageType)).toEqual([
      MessageType.ResultDrop,
      MessageType.Error,
      MessageType.Error,
    ]);
    expect(session.state).toBe('open');
    peer.send(submitBytes(5, 1, 'owner'));
    expect(text((await session.receiveSubmit()).body)).toBe('owner');
  });
});

describe('messages that a session does not expect', () => {
  it('are answered when they are not served, and cost nothing', async () => {
    const { peer, session } = await opened();
    peer.send(packetBytes(MessageType.CacheAck, 5, 0, validMetadata(MessageType.CacheAck)));
    const [refusal] = await answersUntilPong(peer);
    expect(refusal && errorOf(refusal)).toMatchObject({ errorCode: ErrorCode.UnsupportedCapability, isFatal: 0 });
    expect(session.state).toBe('open');
  });

  it('are not answered when they are errors', async () => {
    const { peer, session, violations } = await opened();
    const error = packetBytes(MessageType.Error, 5, 0, new Uint8Array(32), new Uint8Array(3));
    const atLarge = packetBytes(MessageType.Error, 0, 0, new Uint8Array(32));
    peer.send(error, atLarge, error);
    expect(await answersUntilPong(peer)).toEqual([]);
    expect([session.state, violations.length]).toEqual(['open', 0]);
  });

  it.each([MessageType.ResultPush, MessageType.ResultDrop, MessageType.SessionPatchAck, MessageType.SessionMigrateAck])(
    'close it when they are a server’s (%i)',
    async (messageType) => {
      const { peer, session } = await opened();
      const frameId = messageType === MessageType.ResultPush || messageType === MessageType.ResultDrop ? 1 : 0;
      peer.send(packetBytes(messageType, 5, frameId, validMetadata(messageType)));
      expect(errorOf(await peer.next()).errorCode).toBe(ErrorCode.InvalidState);
      expect((await peer.next()).messageType).toBe(MessageType.SessionClose);
      expect(session.state).toBe('closed');
    },
  );

  it('are passed over when they are a second close: one answer serves both', async () => {
    const { peer, session } = await opened();
    peer.send(closeBytes(5), closeBytes(5));
    await session.ackClose(await session.receiveClose());
    expect((await peer.next()).messageType).toBe(MessageType.SessionCloseAck);
    expect(session.endReason?.code).toBe('NNRP_ERR_CLOSED');
  });

  it('are dropped when they are work after the close', async () => {
    const { peer, session } = await opened();
    peer.send(submitBytes(5, 1), closeBytes(5, 1n), submitBytes(5, 2));
    const [drop] = await answersUntilPong(peer);
    expect([drop?.messageType, drop?.frameId]).toEqual([MessageType.ResultDrop, 2]);
    expect((await session.receiveSubmit()).frameId).toBe(1);
    await session.ackClose(await session.receiveClose());
    expect((await peer.next()).messageType).toBe(MessageType.ResultDrop);
    expect((await peer.next()).messageType).toBe(MessageType.SessionCloseAck);
  });
});

/** The smallest metadata that the codec takes. */
function validMetadata(messageType: number): Uint8Array {
  const { SessionMigrate, CachePut, SessionPatch, CacheAck, CacheInvalidate, ResultPush } = MessageType;
  if (messageType === SessionMigrate) return bytesFrom(`0200000001000000${'00'.repeat(16)}`);
  if (messageType === CachePut) return bytesFrom(`${'00'.repeat(12)}01${'00'.repeat(19)}`);
  const lengths = new Map<number, number>([
    [SessionPatch, 36],
    [CacheAck, 28],
    [CacheInvalidate, 20],
    [ResultPush, 64],
    [MessageType.SessionPatchAck, 48],
    [MessageType.SessionMigrateAck, 24],
  ]);
  return new Uint8Array(lengths.get(messageType) ?? 0);
}
