import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ScriptedServer } from './scripted-server.js';
import { packetBytes } from './wire-packets.js';

const { CloseReason, CloseStatus, InFlightPolicy, MessageType } = preview3;

afterEach(() => ScriptedServer.clear());

const closeOf = (packet: Packet) => preview3.decodeSessionClose(packet.view, packet.metadataStart);
const closeAckOf = (packet: Packet) => preview3.decodeSessionCloseAck(packet.view, packet.metadataStart);

/** A session with an operation in flight. */
async function busy() {
  const server = await ScriptedServer.start();
  const session = await server.open(1);
  const operation = session.submitNow('work');
  await server.expect(MessageType.FrameSubmit);
  return { server, session, operation };
}

describe('closing a session', () => {
  it('goes by acknowledged and draining to closed, with the state and the watermark to be seen', async () => {
    const { server, session, operation } = await busy();
    expect(session.state).toBe('open');
    const closing = session.close({ reason: CloseReason.Normal, drainTimeoutMs: 700 });
    expect(closeOf(await server.expect(MessageType.SessionClose))).toMatchObject({
      closeReason: CloseReason.Normal,
      inFlightPolicy: InFlightPolicy.Drain,
      drainTimeoutMs: 700,
      lastOperationId: 1n,
      sessionCloseTag: 1,
    });
    expect(session.state).toBe('closing');
    expect(() => session.submitNow('late')).toThrow(/NNRP_ERR_CLOSED/);
    server.closeAck(1, CloseStatus.Acknowledged);
    server.closeAck(1, CloseStatus.Draining, 1n);
    server.partial(1, 1, 'still coming');
    await server.settled();
    expect([session.state, session.closeAck?.closeStatus]).toEqual(['draining', CloseStatus.Draining]);
    server.result(1, 1, 'in time');
    server.closeAck(1, CloseStatus.Closed, 1n);
    await closing;
    expect((await operation.result()).partial).toBe(false);
    expect([session.state, session.closeAck]).toEqual([
      'closed',
      { closeStatus: CloseStatus.Closed, lastOperationId: 1n, sessionErrorCode: 0 },
    ]);
  });

  it('that is refused leaves it as it was; a refusal after it was agreed to is a stray', async () => {
    const { server, session } = await busy();
    const strays: number[] = [];
    server.client.on('stray', ({ packet }) => strays.push(packet.messageType));
    const refused = session.close();
    await server.expect(MessageType.SessionClose);
    server.closeAck(1, CloseStatus.Rejected);
    await expect(refused).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSE_REJECTED' });
    expect([session.state, session.submitNow('more').frameId]).toEqual(['open', 2]);
    await server.expect(MessageType.FrameSubmit);
    const closing = session.close();
    await server.expect(MessageType.SessionClose);
    server.closeAck(1, CloseStatus.Draining);
    server.closeAck(1, CloseStatus.Rejected);
    await server.settled();
    expect(strays).toEqual([MessageType.SessionCloseAck]);
    server.closeAck(1, CloseStatus.Closed);
    await closing;
  });

  it('is not done by an answer that nobody asked for', async () => {
    const { server, session } = await busy();
    const strays: number[] = [];
    server.client.on('stray', ({ packet }) => strays.push(packet.messageType));
    for (const status of Object.values(CloseStatus)) server.closeAck(1, status);
    await server.settled();
    expect([session.state, strays.length]).toEqual(['open', 4]);
  });

  it('sends what was submitted before, even when the server reads late', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1, { grantedOperationCredit: 100, maxInFlightOperations: 100 });
    server.peer.socket.pause();
    for (let count = 0; count < 20; count++) session.submitNow(new Uint8Array(500_000));
    void session.close();
    server.peer.socket.resume();
    for (let frameId = 1; frameId <= 20; frameId++) {
      expect((await server.expect(MessageType.FrameSubmit)).frameId).toBe(frameId);
    }
    expect(closeOf(await server.expect(MessageType.SessionClose)).lastOperationId).toBe(20n);
  });
});

describe('a server that closes a session', () => {
  it('at once ends it, with the reason by name', async () => {
    const { server, session, operation } = await busy();
    server.close(1, {
      closeReason: CloseReason.IdleTimeout,
      inFlightPolicy: InFlightPolicy.Abort,
      lastOperationId: 9n,
    });
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck))).toEqual({
      closeStatus: CloseStatus.Closed,
      lastOperationId: 9n,
      sessionErrorCode: 0,
    });
    await expect(operation.result()).rejects.toMatchObject({
      code: 'NNRP_ERR_CLOSED',
      message: expect.stringContaining('idle_timeout'),
    });
    expect(session.endReason?.message).toContain('idle_timeout');
    await expect(session.submit('late')).rejects.toMatchObject({
      code: 'NNRP_ERR_CLOSED',
      message: expect.stringContaining('idle_timeout'),
    });
    await session.close();
  });

  it('with time to drain gets draining, and closed when nothing is in flight any more', async () => {
    const { server, session, operation } = await busy();
    const second = session.submitNow('second');
    await server.expect(MessageType.FrameSubmit);
    const waiting = session.submit('waits');
    server.close(1, { drainTimeoutMs: 10_000 });
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Draining);
    expect(session.state).toBe('draining');
    for (const submit of [waiting, session.submit('late')]) {
      await expect(submit).rejects.toMatchObject({
        code: 'NNRP_ERR_SERVER_SHUTDOWN',
        isRetryable: true,
      });
    }
    second.cancel();
    await server.expect(MessageType.FrameCancel);
    server.partial(1, 1, 'part');
    server.result(1, 1, 'in time');
    expect((await operation.result()).partial).toBe(false);
    await server.settled();
    expect(session.endReason).toBeUndefined();
    server.drop(1, 2);
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Closed);
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('with time to drain is answered at once when nothing is in flight', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    server.close(1, { drainTimeoutMs: 10_000 });
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Closed);
    expect(session.state).toBe('closed');
  });

  it('and then does not answer what is in flight ends it soon after the time it gave', async () => {
    const { server, session, operation } = await busy();
    server.close(1, { drainTimeoutMs: 1 });
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Draining);
    server.close(1, { drainTimeoutMs: 1 });
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Closed);
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_SERVER_SHUTDOWN' });
    expect(session.state).toBe('closed');
  });

  it('changes its mind: drained first, aborted after', async () => {
    const { server, session } = await busy();
    server.close(1, { drainTimeoutMs: 10_000 });
    await server.expect(MessageType.SessionCloseAck);
    server.close(1, { inFlightPolicy: InFlightPolicy.Abort });
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Closed);
    expect(session.state).toBe('closed');
  });

  it('while the client closes it as well ends it for both', async () => {
    const { server, session, operation } = await busy();
    const closing = session.close();
    await server.expect(MessageType.SessionClose);
    server.close(1, { drainTimeoutMs: 10_000 });
    await server.expect(MessageType.SessionCloseAck);
    server.result(1, 1);
    await operation.result();
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Closed);
    await closing;
  });

  it('needs no second request: a close of the client waits for the same end', async () => {
    const { server, session } = await busy();
    server.close(1, { drainTimeoutMs: 10_000 });
    await server.expect(MessageType.SessionCloseAck);
    const closing = session.close();
    server.drop(1, 1);
    expect(closeAckOf(await server.expect(MessageType.SessionCloseAck)).closeStatus).toBe(CloseStatus.Closed);
    await closing;
  });

  it('waits for the drop of a frame that an ERROR has settled: it is no stray', async () => {
    const server = await ScriptedServer.start();
    const strays: string[] = [];
    server.client.on('stray', ({ message }) => strays.push(message.name));
    const session = await server.open(1);
    const result = session.submitNow('x').result();
    await server.expect(MessageType.FrameSubmit);
    server.close(1, { drainTimeoutMs: 60_000 });
    await server.expect(MessageType.SessionCloseAck);
    server.error(1, 0, { errorScope: preview3.ErrorScope.Frame, relatedFrameId: 1 }, 'the handler failed');
    await expect(result).rejects.toMatchObject({ message: expect.stringContaining('the handler failed') });
    expect(session.endReason).toBeUndefined();
    server.drop(1, 1);
    const ack = await server.expect(MessageType.SessionCloseAck);
    expect(preview3.decodeSessionCloseAck(ack.view, ack.metadataStart).closeStatus).toBe(CloseStatus.Closed);
    await server.settled();
    expect(strays).toEqual([]);
  });

  it('leaves its siblings alone', async () => {
    const { server, session } = await busy();
    const sibling = await server.open(2);
    server.close(1, { inFlightPolicy: InFlightPolicy.Abort });
    await server.expect(MessageType.SessionCloseAck);
    expect([session.state, sibling.state, sibling.submitNow('x').frameId]).toEqual(['closed', 'open', 1]);
  });
});

describe('closing a client', () => {
  it('closes every session with the reason and the drain that are given, then the connection', async () => {
    const server = await ScriptedServer.start();
    for (const sessionId of [1, 2]) await server.open(sessionId);
    const closing = server.client.close({ reason: CloseReason.Normal, drainTimeoutMs: 50 });
    await expect(server.client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    for (const sessionId of [1, 2]) {
      const packet = await server.expect(MessageType.SessionClose);
      expect([packet.sessionId, closeOf(packet).closeReason, closeOf(packet).drainTimeoutMs]).toEqual([
        sessionId,
        0,
        50,
      ]);
      server.closeAck(sessionId, CloseStatus.Closed);
    }
    await closing;
    await server.peer.closed();
    expect((await server.client.closed).code).toBe('NNRP_ERR_CLOSED');
    await server.client.close();
  });

  it('leaves a server behind that does not answer', async () => {
    const server = await ScriptedServer.start({ closeTimeoutMs: 10 });
    const session = await server.open(1);
    await server.client.close();
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
  });
});

it('a CLOSE of the connection ends every session, and what waits on them', async () => {
  const { server, session, operation } = await busy();
  const other = await server.open(2);
  server.send(packetBytes(MessageType.Close));
  await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  expect([session.state, other.state]).toEqual(['closed', 'closed']);
});

it('a close while the server drains waits for work in progress as long as its own options say', async () => {
  const server = await ScriptedServer.start({ closeTimeoutMs: 1 });
  const session = await server.open(1);
  const operation = session.submitNow('work');
  await server.expect(MessageType.FrameSubmit);
  server.close(1, { drainTimeoutMs: 60_000 });
  await server.expect(MessageType.SessionCloseAck);
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const closing = session.close({ drainTimeoutMs: 20_000 });
  const waits = timers.mock.calls.map(([, delayMs]) => delayMs);
  timers.mockRestore();
  expect(Math.min(...waits.map(Number))).toBe(20_000);
  server.result(1, 1);
  expect(await closing).toEqual({ drained: true, cut: [] });
  expect((await operation.result()).partial).toBe(false);
});
