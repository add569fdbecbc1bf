import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Connection } from '../../../src/connection/connection.js';
import type { NnrpServerSession, OperationContext } from '../../../src/server/contract/contract.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { ConnectionLost } from '../../../src/server/contract/server-events.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { packetBytes } from '../../support/wire-packets.js';

const { CloseReason, CloseStatus, InFlightPolicy, MessageType } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

interface Opened {
  readonly server: NnrpServer;
  readonly peer: SessionPeer;
  readonly session: NnrpServerSession;
  /** Frame 1, in progress. */
  readonly operation: OperationContext;
}

/** A session with a frame in progress. */
async function opened(announced = true, config: NnrpServerOptions = {}): Promise<Opened> {
  const server = await stage.serve(config);
  const peer = await SessionPeer.open(stage, server, { announced });
  const session = await server.accept();
  peer.submit(1);
  return { server, peer, session, operation: await session.receiveSubmit() };
}

/** What an announced client hears of a frame that ends with its session. */
function closed(frameId: number): string[] {
  return [`error frame ${frameId} frame_cancelled`, `drop ${frameId}`];
}

describe('a close by the client', () => {
  it.each<[string, (peer: SessionPeer) => void]>([
    ['a cancel', (peer) => peer.cancel(1)],
    ['a word about flow', (peer) => peer.flow({ updateReason: preview3.UpdateReason.Pause, creditEpoch: 1 })],
  ])('that was confirmed is no fault of what has crossed the confirmation: %s', async (_name, say) => {
    const { server, peer, session } = await opened();
    const faults = vi.fn();
    server.on('protocolViolation', faults);
    peer.close();
    const done = session.ackClose(await session.receiveClose());
    say(peer);
    await done;
    expect(await peer.take(3)).toEqual([...closed(1), 'close ack closed']);
    // The connection is there for another session, and nothing else has come.
    peer.raw.send(packetBytes(MessageType.Ping));
    expect((await peer.packet()).messageType).toBe(MessageType.Pong);
    expect(faults).not.toHaveBeenCalled();
  });

  it('with time to drain is put off, and confirmed when the last frame is answered', async () => {
    const { peer, session, operation } = await opened();
    peer.close({ drainTimeoutMs: 10_000, lastOperationId: 1n });
    const done = session.ackClose(await session.receiveClose());
    expect(await peer.next()).toBe('close ack draining');
    expect(session.state).toBe('draining');
    await operation.push('a');
    await operation.complete('z');
    await done;
    expect(await peer.take(2)).toEqual(['partial 1 a', 'result 1 z']);
    const ack = await peer.packet();
    expect(preview3.decodeSessionCloseAck(ack.view, ack.metadataStart)).toEqual({
      closeStatus: CloseStatus.Closed,
      lastOperationId: 1n,
      sessionErrorCode: 0,
    });
    expect(session.state).toBe('closed');
  });

  it('of a reference client is answered once, because it takes the first answer for the last', async () => {
    const { peer, session, operation } = await opened(false);
    peer.close({ drainTimeoutMs: 10_000 });
    const done = session.ackClose(await session.receiveClose());
    expect(await peer.answers()).toEqual([]);
    await operation.complete('z');
    await done;
    expect(await peer.take(2)).toEqual(['result 1 z', 'close ack closed']);
  });

  it('drops what is in progress when the time to drain is over', async () => {
    const { peer, session, operation } = await opened();
    peer.close({ drainTimeoutMs: 20 });
    await session.ackClose(await session.receiveClose());
    expect(await peer.take(4)).toEqual(['close ack draining', ...closed(1), 'close ack closed']);
    await expect(operation.complete('late')).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('without time to drain drops it when it is confirmed', async () => {
    const { peer, session } = await opened();
    peer.close({ drainTimeoutMs: 0 });
    const close = await session.receiveClose();
    expect(await peer.answers()).toEqual([]);
    await session.ackClose(close);
    expect(await peer.take(3)).toEqual([...closed(1), 'close ack closed']);
  });

  it('with abort drops it at once, before anybody confirms', async () => {
    const { peer, session, operation } = await opened();
    peer.close({ inFlightPolicy: InFlightPolicy.Abort, drainTimeoutMs: 10_000 });
    expect(await peer.answers()).toEqual(closed(1));
    expect(operation.abortReason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await session.ackClose(await session.receiveClose());
    expect(await peer.next()).toBe('close ack closed');
  });

  it('takes no submits any more, and answers each with a drop', async () => {
    const { peer, session, operation } = await opened();
    peer.close({ drainTimeoutMs: 10_000 });
    peer.submit(2);
    expect(await peer.answers()).toEqual(closed(2));
    const done = session.ackClose();
    peer.submit(3);
    expect(await peer.answers()).toEqual(['close ack draining', ...closed(3)]);
    await operation.complete('z');
    await done;
    await expect(session.receiveSubmit()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('is written before the session is closed here', async () => {
    const { peer, session } = await opened();
    peer.close();
    const close = await session.receiveClose();
    const states: string[] = [];
    // The peer has no connection of this class.
    const { send } = Connection.prototype;
    const sends = vi.spyOn(Connection.prototype, 'send').mockImplementation(function (this: Connection, ...packet) {
      states.push(`${packet[0]} ${session.state}`);
      return send.apply(this, packet);
    });
    await session.ackClose(close);
    sends.mockRestore();
    // What is in progress is dropped first, with a word on why.
    expect(states).toEqual([`${MessageType.Error} closing`, `${MessageType.SessionCloseAck} closing`]);
    expect(session.state).toBe('closed');
  });

  it('leaves its id to the next session, on the same connection too', async () => {
    const { server, peer, session } = await opened();
    peer.close();
    await session.ackClose(await session.receiveClose());
    expect(await peer.take(3)).toEqual([...closed(1), 'close ack closed']);
    const again = await SessionPeer.openOn(peer.raw, { requestedSessionId: peer.sessionId });
    again.submit(1, 'a new life');
    const next = await (await server.accept()).receiveSubmit();
    expect(new TextDecoder().decode(next.body)).toBe('a new life');
  });

  it('ends the session and nothing else', async () => {
    const { server, peer, session } = await opened();
    const sibling = await SessionPeer.openOn(peer.raw);
    const other = await server.accept();
    peer.close();
    await session.ackClose(await session.receiveClose());
    sibling.submit(1);
    await (await other.receiveSubmit()).complete('lives');
    expect(await peer.take(4)).toEqual([...closed(1), 'close ack closed', 'result 1 lives']);
    expect([session.state, other.state, server.sessionCount]).toEqual(['closed', 'open', 1]);
  });

  it('is not made up: a confirmation that nobody asked for changes nothing', async () => {
    const { peer, session, operation } = await opened();
    for (const status of Object.values(CloseStatus)) peer.closeAck(status);
    expect(await peer.answers()).toEqual([]);
    expect(session.state).toBe('open');
    await operation.complete('x');
    expect(await peer.next()).toBe('result 1 x');
  });
});

describe('a client that asks to close', () => {
  it.each(Object.values(CloseStatus))('cannot answer itself, with status %i', async (status) => {
    const { peer, session, operation } = await opened();
    peer.close({ drainTimeoutMs: 10_000 });
    const close = await session.receiveClose();
    peer.closeAck(status);
    peer.submit(2);
    expect(await peer.answers()).toEqual(closed(2));
    expect([session.state, operation.isOver]).toEqual(['closing', false]);
    const done = session.ackClose(close);
    await operation.complete('z');
    await done;
    expect(await peer.take(3)).toEqual(['close ack draining', 'result 1 z', 'close ack closed']);
  });
});

describe('a close by the server', () => {
  it('with the policy abort drops what is in progress and tells an announced client why', async () => {
    const { peer, session, operation } = await opened();
    const { Abort: inFlightPolicy } = InFlightPolicy;
    await session.close({
      reason: CloseReason.AuthRevoked,
      sessionErrorCode: 0x00010001,
      inFlightPolicy,
    });
    expect(session.closeReport).toEqual({ drained: false, cut: [{ sessionId: session.sessionId, frameId: 1 }] });
    expect(await peer.take(2)).toEqual(closed(1));
    const close = await peer.packet();
    expect(preview3.decodeSessionClose(close.view, close.metadataStart)).toMatchObject({
      closeReason: CloseReason.AuthRevoked,
      inFlightPolicy: InFlightPolicy.Abort,
      lastOperationId: 1n,
      sessionErrorCode: 0x00010001,
    });
    await expect(operation.complete('late')).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    // The connection lives on, for the next session.
    expect((await SessionPeer.openOn(peer.raw)).sessionId).toBe(1);
  });

  it('with a drain gives what is in progress its time, and takes nothing new', async () => {
    const { peer, session, operation } = await opened();
    const done = session.close({ inFlightPolicy: InFlightPolicy.Drain, drainTimeoutMs: 10_000 });
    expect(await peer.next()).toBe('close normal');
    peer.submit(2);
    expect(await peer.answers()).toEqual(closed(2));
    expect(session.state).toBe('closing');
    await operation.complete('z');
    await done;
    expect(await peer.next()).toBe('result 1 z');
  });

  it('with a drain drops what takes longer', async () => {
    const { peer, session } = await opened();
    await session.close({ inFlightPolicy: InFlightPolicy.Drain, drainTimeoutMs: 20 });
    expect(await peer.take(3)).toEqual(['close normal', ...closed(1)]);
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('is over at once when the client confirms it as closed', async () => {
    const { peer, session, operation } = await opened();
    const done = session.close({ inFlightPolicy: InFlightPolicy.Drain, drainTimeoutMs: 60_000 });
    expect(await peer.next()).toBe('close normal');
    peer.closeAck(CloseStatus.Draining);
    expect(await peer.answers()).toEqual([]);
    expect(session.state).toBe('draining');
    peer.closeAck(CloseStatus.Closed);
    await done;
    expect([session.state, operation.isOver]).toEqual(['closed', true]);
  });

  it('of the last session of a reference client is the end of its connection', async () => {
    const { peer, session } = await opened(false);
    await session.close({ drainTimeoutMs: 100 });
    expect(await peer.next()).toBe('drop 1');
    await peer.raw.closed();
    expect(peer.raw.received.some(({ messageType }) => messageType === MessageType.SessionClose)).toBe(false);
  });
});

describe('the end of a connection', () => {
  it('by CLOSE of the client ends all of its sessions, in good order', async () => {
    const { server, peer, session, operation } = await opened();
    const lost: ConnectionLost[] = [];
    server.on('connectionLost', (loss) => lost.push(loss));
    await SessionPeer.openOn(peer.raw);
    const other = await server.accept();
    peer.raw.send(packetBytes(MessageType.Close));
    await eventually(() => server.connectionCount === 0, 'the connection is over');
    expect([session, other].map(({ endReason }) => endReason?.code)).toEqual(['NNRP_ERR_CLOSED', 'NNRP_ERR_CLOSED']);
    // What one application adds to its error, another does not see.
    expect(session.endReason).toBe(session.endReason);
    expect(session.endReason).not.toBe(other.endReason);
    expect([operation.isOver, server.sessionCount, lost]).toEqual([true, 0, []]);
    await peer.raw.closed();
  });

  it('by server.close is announced to every session, waits for what is in progress, and ends with CLOSE', async () => {
    const { server, peer, operation } = await opened(true, { drainTimeoutMs: 10_000 });
    const idle = await SessionPeer.openOn(peer.raw);
    const closing = server.close();
    const closes = [await peer.packet(), await peer.packet()];
    expect(closes.map(({ sessionId }) => sessionId).sort()).toEqual([peer.sessionId, idle.sessionId].sort());
    for (const close of closes) {
      const { closeReason } = preview3.decodeSessionClose(close.view, close.metadataStart);
      expect(closeReason).toBe(CloseReason.ServerShutdown);
    }
    peer.submit(2);
    expect(await peer.answers()).toEqual(['error frame 2 server_busy', 'drop 2']);
    await operation.complete('z');
    expect(await peer.take(2)).toEqual(['result 1 z', 'close']);
    await closing;
    await peer.raw.closed();
  });

  it('by server.close drops what is in progress after drainTimeoutMs', async () => {
    const { server, peer, operation } = await opened(true, { drainTimeoutMs: 20 });
    await server.close();
    expect(await peer.take(4)).toEqual(['close server_shutdown', 'error frame 1 server_busy', 'drop 1', 'close']);
    expect(operation.abortReason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('by server.close says nothing that a reference client does not know', async () => {
    const { server, peer } = await opened(false);
    await server.close();
    expect(await peer.next()).toBe('drop 1');
    await peer.raw.closed();
    expect(peer.raw.received.map(({ messageType }) => messageType)).toEqual([
      MessageType.SessionOpenAck,
      MessageType.ResultDrop,
    ]);
  });

  it('by server.close answers a client that is waiting for its own close', async () => {
    const { server, peer, session } = await opened(true, { drainTimeoutMs: 20 });
    peer.close({ drainTimeoutMs: 60_000 });
    await session.receiveClose();
    await server.close();
    const said = await peer.take(4);
    expect(said).toEqual(['error frame 1 server_busy', 'drop 1', 'close ack closed', 'close']);
  });
});
