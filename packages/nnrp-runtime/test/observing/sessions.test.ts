import { isPeerError } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession } from '../../src/server/contract/contract.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import { eventually } from '../support/eventually.js';
import { ResumablePeer } from '../support/resumable-peer.js';
import { SessionPeer } from '../support/session-peer.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const BUSY = new HandlerError('OPERATOR', 'moved elsewhere', { retryAfterMs: 50, details: { to: 'other' } });

describe('the facts of a session', () => {
  it('say who it is, what waits and what has happened', async () => {
    const { server, client, session, clientSession } = await stage.session({ maxInFlightOperations: 4 });
    expect(session.stats()).toMatchObject({
      sessionId: session.sessionId,
      state: 'open',
      isSuspended: false,
      transport: server.config.transport,
      remoteAddress: session.remoteAddress,
      profileId: 2,
      inFlight: 0,
      operations: 0,
      drops: 0,
    });
    const operations = [await clientSession.submit('one'), await clientSession.submit('two')];
    await client.ping();
    expect(session.stats()).toMatchObject({ inFlight: 2, queuedSubmits: 2, operations: 2 });
    expect(session.stats().queuedBytes).toBeGreaterThan(2048);
    const first = await session.receiveSubmit();
    await first.push('part');
    await first.complete('the rest');
    await (await session.receiveSubmit()).drop();
    await operations[0]?.result();
    await expect(operations[1]?.result()).rejects.toThrow();
    const facts = session.stats();
    expect(facts).toMatchObject({
      inFlight: 0,
      queuedSubmits: 0,
      queuedBytes: 0,
      completedOperations: 1,
      partialResults: 1,
      resultBytes: 12,
      drops: 1,
    });
    expect(facts.receivedPackets).toBeGreaterThanOrEqual(2);
    expect(facts.receivedBytes).toBeGreaterThan(2 * 40);
    expect(JSON.parse(JSON.stringify(facts))).toMatchObject({ sessionId: session.sessionId });
  });

  it('are there while it is suspended', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    const { remoteAddress, transport } = session.stats();
    peer.lose();
    await eventually(() => server.suspendedCount === 1, 'the session is suspended');
    expect(server.sessions()[0]?.stats()).toMatchObject({
      isSuspended: true,
      remoteAddress,
      transport,
      roundTripMs: undefined,
    });
  });

  it('cost about the same for each of 10,000 as for one', async () => {
    const server = await stage.serve({ maxSessionsPerConnection: 10_000 });
    const client = await stage.connect(server);
    await Promise.all(Array.from({ length: 10_000 }, () => client.openSession()));
    expect(server.sessionCount).toBe(10_000);
    const facts = server.sessions().map((session) => session.stats());
    expect(new Set(facts.map(({ sessionId }) => sessionId)).size).toBe(10_000);
    // Nothing that grows with the sessions is in the facts of one.
    expect(Math.max(...facts.map((one) => JSON.stringify(one).length))).toBeLessThan(1000);
  }, 120_000);
});

describe('the counters of a server', () => {
  it('count operations, results, drops by reason, and bytes that outlive their connections', async () => {
    const { server, client, session, clientSession } = await stage.session();
    server.on('handlerFailure', () => {});
    const operation = await clientSession.submit('work');
    await (await session.receiveSubmit()).complete('done');
    await operation.result();
    const cancelled = await clientSession.submit('work');
    cancelled.cancel();
    await client.ping();
    await expect(cancelled.result()).rejects.toThrow();
    const counters = server.counters();
    expect(counters).toMatchObject({
      connections: 1,
      sessions: 1,
      refusedSessions: 0,
      operations: 2,
      completedOperations: 1,
      partialResults: 0,
      resultBytes: 4,
      drops: { cancelled: 1 },
    });
    await client.close();
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    const after = server.counters();
    expect(after.receivedBytes).toBeGreaterThan(counters.receivedBytes);
    expect(after.sentBytes).toBeGreaterThan(counters.sentBytes);
    expect(after.drops).toEqual({ cancelled: 1 });
  });

  it('count submits that were never taken as dropped, and not as operations', async () => {
    const server = await stage.serve({ maxInFlightOperations: 1 });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 1 });
    peer.submit(1);
    peer.submit(2);
    peer.submit(3);
    await eventually(() => server.counters().drops.in_flight_limit === 2, 'two are refused');
    expect(server.counters()).toMatchObject({ operations: 1, completedOperations: 0 });
  });

  it('count what is lost with its connection', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1);
    const session = await server.accept();
    await session.receiveSubmit();
    peer.raw.destroy();
    await eventually(() => server.counters().drops.session_lost === 1, 'its operation is lost');
  });
});

describe('an operator', () => {
  it('ends a session, whose client gets code, text, advice and details', async () => {
    const { session, clientSession } = await stage.session();
    const operation = await clientSession.submit('work');
    const work = await session.receiveSubmit();
    await session.endWith(BUSY);
    const failed = { code: 'OPERATOR', retryAfterMs: 50, isRetryable: true, details: { to: 'other' } };
    await expect(operation.result()).rejects.toMatchObject(failed);
    await eventually(() => clientSession.endReason !== undefined, 'the client knows');
    expect(isPeerError(clientSession.endReason)).toBe(true);
    expect(clientSession.endReason).toMatchObject(failed);
    expect(clientSession.endReason?.message).toContain('moved elsewhere');
    expect(work.abortReason?.code).toBe('NNRP_ERR_CLOSED');
    expect(session.state).toBe('closed');
    await session.endWith(BUSY);
  });

  it('leaves the other sessions of the connection alone', async () => {
    const { server, client, session } = await stage.session();
    const other = await client.openSession();
    const served = await server.accept();
    await session.endWith(BUSY);
    const operation = await other.submit('work');
    await (await served.receiveSubmit()).complete('done');
    expect((await operation.result()).text()).toBe('done');
  });

  it('ends a session that is suspended', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.lose();
    await eventually(() => server.suspendedCount === 1, 'the session is suspended');
    await session.endWith(BUSY);
    expect([server.suspendedCount, server.sessionCount]).toEqual([0, 0]);
  });

  it('ends a session that its client is closing, or that is being closed', async () => {
    const ends: ((session: NnrpServerSession) => void)[] = [
      (session) => void session.close({ drainTimeoutMs: 60_000 }),
      () => {},
    ];
    for (const begin of ends) {
      const { session, clientSession } = await stage.session();
      const operation = await clientSession.submit('work');
      await session.receiveSubmit();
      begin(session);
      const closed = clientSession.close({ drainTimeoutMs: 60_000 }).catch(() => {});
      await session.endWith(BUSY);
      await expect(operation.result()).rejects.toMatchObject({ code: 'OPERATOR' });
      await closed;
      expect(clientSession.state).toBe('closed');
    }
  });

  it('fails one operation, and nothing else', async () => {
    const { server, session, clientSession } = await stage.session();
    const operations = [await clientSession.submit('one'), await clientSession.submit('two')];
    const [first, second] = [await session.receiveSubmit(), await session.receiveSubmit()];
    expect(session.failFrame(first.frameId, BUSY)).toBe(true);
    expect(session.failFrame(first.frameId, BUSY)).toBe(false);
    expect(session.failFrame(99, BUSY)).toBe(false);
    await expect(operations[0]?.result()).rejects.toMatchObject({ code: 'OPERATOR', details: { to: 'other' } });
    expect(first.abortReason?.code).toBe('NNRP_ERR_CANCELLED');
    // What its application still says about it is not wrong.
    await session.sendResultDrop(first.frameId);
    await second.complete('done');
    expect((await operations[1]?.result())?.text()).toBe('done');
    expect(server.counters().drops).toEqual({ handler_error: 1 });
  });

  it('is told what it may not give', async () => {
    const { session } = await stage.session();
    const wrong = new Error('no HandlerError');
    await expect(session.endWith(wrong)).rejects.toThrow('endWith: error takes a HandlerError');
    expect(() => session.failFrame(1, wrong)).toThrow('failFrame: error takes a HandlerError');
    expect(() => session.failFrame(-1, BUSY)).toThrow('failFrame: frameId takes');
    expect(session.state).toBe('open');
  });

  it('reaches a client that knows no ERROR by the end of its connection', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server, { announced: false });
    peer.submit(1);
    const session = await server.accept();
    await session.receiveSubmit();
    await session.endWith(BUSY);
    expect((await peer.raw.next('RESULT_DROP')).messageType).toBe(MessageType.ResultDrop);
    await peer.raw.closed();
  });
});
