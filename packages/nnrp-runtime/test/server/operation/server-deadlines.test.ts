import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

describe('a deadline', () => {
  it('drops a frame without a result and aborts its work with the time that was granted', async () => {
    const server = await stage.serve({ deadlines: true });
    let held: OperationContext | undefined;
    void server.serve({
      submit: (operation) => {
        held = operation;
        return operation.finished;
      },
    });
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1, 'work', { latencyBudgetMs: 10 });
    expect(await peer.take(2)).toEqual(['error frame 1 frame_expired', 'drop 1']);
    expect(held?.signal.reason).toMatchObject({ code: 'NNRP_ERR_DEADLINE', deadlineMs: 10 });
    await expect(held?.complete('late')).rejects.toMatchObject({ code: 'NNRP_ERR_DEADLINE' });
    expect(await peer.answers()).toEqual([]);
  });

  it('is the latency budget of the submit, else the default of the session, else none', async () => {
    const server = await stage.serve({ deadlines: true, maxInFlightOperations: 8 });
    const peer = await SessionPeer.open(stage, server, { defaultDeadlineMs: 60_000 });
    const session = await server.accept();
    const none = await SessionPeer.open(stage, server, { defaultDeadlineMs: 0 });
    const unlimited = await server.accept();
    peer.submit(1, 'work', { latencyBudgetMs: 10 });
    peer.submit(2);
    none.submit(1);
    const granted = [await session.receiveSubmit(), await session.receiveSubmit(), await unlimited.receiveSubmit()];
    expect(granted.map(({ deadlineMs }) => deadlineMs)).toEqual([10, 60_000, 0]);
    expect(await peer.take(2)).toEqual(['error frame 1 frame_expired', 'drop 1']);
    expect([session.isInFlight(1), session.isInFlight(2), unlimited.isInFlight(1)]).toEqual([false, true, true]);
  });

  it('is the default of the session where the submit names none', async () => {
    const server = await stage.serve({ deadlines: true });
    const peer = await SessionPeer.open(stage, server, { defaultDeadlineMs: 10 });
    const session = await server.accept();
    peer.submit(1);
    expect(await peer.take(2)).toEqual(['error frame 1 frame_expired', 'drop 1']);
    expect(session.inFlightCount).toBe(0);
  });

  it('by default of a client that has not announced itself is kept only where the server says so', async () => {
    for (const [enforceReferenceDeadlines, granted] of [
      [false, 0],
      [true, 60_000],
    ] as const) {
      const server = await stage.serve({ deadlines: true, enforceReferenceDeadlines });
      const peer = await SessionPeer.open(stage, server, { announced: false, defaultDeadlineMs: 60_000 });
      const session = await server.accept();
      peer.submit(1);
      expect((await session.receiveSubmit()).deadlineMs).toBe(granted);
      peer.submit(2, 'work', { latencyBudgetMs: 10 });
      expect(await peer.next()).toBe('drop 2');
    }
  });

  it('of 65535 is none to clients that know so, and 65535 to others', async () => {
    const server = await stage.serve({ deadlines: true });
    for (const [announced, granted] of [
      [true, 0],
      [false, 65_535],
    ] as const) {
      const peer = await SessionPeer.open(stage, server, { announced, defaultDeadlineMs: 10 });
      const session = await server.accept();
      peer.submit(1, 'work', { latencyBudgetMs: 65_535 });
      expect((await session.receiveSubmit()).deadlineMs).toBe(granted);
    }
  });

  it('may be switched off', async () => {
    const server = await stage.serve({ deadlines: false });
    const peer = await SessionPeer.open(stage, server, { defaultDeadlineMs: 1 });
    const session = await server.accept();
    peer.submit(1, 'work', { latencyBudgetMs: 1 });
    const operation = await session.receiveSubmit();
    expect(operation.deadlineMs).toBe(0);
    // Another connection's deadline passes meanwhile, so time has gone by.
    const other = await stage.serve({ deadlines: true });
    const witness = await SessionPeer.open(stage, other);
    witness.submit(1, 'work', { latencyBudgetMs: 20 });
    expect(await witness.take(2)).toEqual(['error frame 1 frame_expired', 'drop 1']);
    await operation.complete('in its own time');
    expect(await peer.next()).toBe('result 1 in its own time');
  });

  it('has no say any more once the last answer is given', async () => {
    const server = await stage.serve({ deadlines: true });
    void server.serve({ submit: (operation) => (operation.frameId === 1 ? 'in time' : operation.finished) });
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1, 'work', { latencyBudgetMs: 15 });
    peer.submit(2, 'work', { latencyBudgetMs: 30 });
    expect(await peer.take(3)).toEqual(['result 1 in time', 'error frame 2 frame_expired', 'drop 2']);
    expect(await peer.answers()).toEqual([]);
  });

  it('counts partial results as none: the frame is dropped behind them', async () => {
    const server = await stage.serve({ deadlines: true });
    void server.serve({
      submit: async (operation) => {
        await operation.push('a');
        await operation.finished;
      },
    });
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1, 'work', { latencyBudgetMs: 15 });
    expect(await peer.take(3)).toEqual(['partial 1 a', 'error frame 1 frame_expired', 'drop 1']);
  });

  it('runs while a frame waits for a handler or for receiveSubmit, and takes it out', async () => {
    const server = await stage.serve({ deadlines: true });
    const peer = await SessionPeer.open(stage, server, { defaultDeadlineMs: 0 });
    const session = await server.accept();
    peer.submit(1, 'unread', { latencyBudgetMs: 10 });
    peer.submit(2, 'kept');
    expect(await peer.take(2)).toEqual(['error frame 1 frame_expired', 'drop 1']);
    expect((await session.receiveSubmit()).frameId).toBe(2);
  });

  it('leaves a drop by the application itself without effect, and no error', async () => {
    const server = await stage.serve({ deadlines: true });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1, 'work', { latencyBudgetMs: 10 });
    await session.receiveSubmit();
    expect(await peer.take(2)).toEqual(['error frame 1 frame_expired', 'drop 1']);
    await session.sendResultDrop(1);
    await expect(session.sendResultDrop(1)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await expect(session.sendResult(1, {})).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(await peer.answers()).toEqual([]);
  });
});
