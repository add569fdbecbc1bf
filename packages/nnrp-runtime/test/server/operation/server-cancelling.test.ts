import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession } from '../../../src/server/contract/contract.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { CancelScope, OperationState } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

async function opened(): Promise<{ peer: SessionPeer; session: NnrpServerSession }> {
  const server = await stage.serve();
  const peer = await SessionPeer.open(stage, server);
  return { peer, session: await server.accept() };
}

describe('cancelling on the server', () => {
  it.each([CancelScope.Operation, CancelScope.Subtree])(
    'reaches one operation and no other (scope %i)',
    async (scope) => {
      const { peer, session } = await opened();
      for (const frameId of [1, 2, 3]) peer.submit(frameId);
      const operations = [await session.receiveSubmit(), await session.receiveSubmit(), await session.receiveSubmit()];
      expect(session.cancelOperations(scope, 2)).toEqual([2]);
      expect(await peer.answers()).toEqual(['error frame 2 frame_cancelled', 'drop 2']);
      expect(operations.map(({ isOver, state }) => [isOver, state])).toEqual([
        [false, OperationState.Running],
        [true, OperationState.Cancelled],
        [false, OperationState.Running],
      ]);
      await expect(operations[1]?.complete('late')).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    },
  );

  it('of a session reaches all of its operations, unread ones included, and needs no target', async () => {
    const { peer, session } = await opened();
    const sibling = await SessionPeer.openOn(peer.raw);
    for (const frameId of [3, 1, 2]) peer.submit(frameId);
    sibling.submit(1);
    expect(await peer.answers()).toEqual([]);
    expect((await session.receiveSubmit()).frameId).toBe(3);
    expect(session.cancelOperations(CancelScope.Session, 77)).toEqual([1, 2, 3]);
    expect(await peer.answers()).toEqual(
      [1, 2, 3].flatMap((id) => [`error frame ${id} frame_cancelled`, `drop ${id}`]),
    );
    expect(session.inFlightCount).toBe(0);
    peer.submit(4);
    expect((await session.receiveSubmit()).frameId).toBe(4);
  });

  it('changes nothing when the operation is over', async () => {
    const { peer, session } = await opened();
    peer.submit(1);
    await (await session.receiveSubmit()).complete('x');
    expect(await peer.next()).toBe('result 1 x');
    expect(session.cancelOperations(CancelScope.Operation, 1)).toEqual([]);
    expect(session.cancelOperations(CancelScope.Session, 1)).toEqual([]);
    expect(await peer.answers()).toEqual([]);
  });

  it('is refused for a frame that nobody knows, and for the group of one that has none', async () => {
    const { peer, session } = await opened();
    peer.submit(1);
    await session.receiveSubmit();
    for (const scope of [CancelScope.Operation, CancelScope.Subtree, CancelScope.Group]) {
      expect(() => session.cancelOperations(scope, 9)).toThrow(/operation 9/);
    }
    expect(() => session.cancelOperations(CancelScope.Group, 1)).toThrow(/no group/);
    expect(await peer.answers()).toEqual([]);
    expect(session.isInFlight(1)).toBe(true);
  });
});

describe('the operations of a session', () => {
  it('move through their states, and are forgotten at the end', async () => {
    const { peer, session } = await opened();
    peer.submit(1);
    expect(await peer.answers()).toEqual([]);
    const record = session.operations.get(1);
    expect(record?.state).toBe(OperationState.Accepted);
    const operation = await session.receiveSubmit();
    expect(operation).toBe(record);
    expect(operation.state).toBe(OperationState.Running);
    await operation.push('a');
    expect(operation.state).toBe(OperationState.Partial);
    await operation.push('b');
    expect(operation.state).toBe(OperationState.Partial);
    await operation.complete('c');
    expect(operation.state).toBe(OperationState.Completed);
    expect([session.operations.size, session.operations.has(1), session.operations.wasUsed(1)]).toEqual([
      0,
      false,
      true,
    ]);
    peer.submit(2);
    const dropped = await session.receiveSubmit();
    await dropped.drop();
    peer.submit(3);
    const cancelled = await session.receiveSubmit();
    peer.cancel(3);
    expect((await session.receiveCancel()).frameId).toBe(3);
    expect([dropped.state, cancelled.state]).toEqual([OperationState.Failed, OperationState.Cancelled]);
    expect(session.record.lastOperationId).toBe(3);
  });

  it('take an answer by frame id before they have been handed out', async () => {
    const { peer, session } = await opened();
    peer.submit(1);
    expect(await peer.answers()).toEqual([]);
    await session.sendResult(1, {}, 'early');
    expect(await peer.next()).toBe('result 1 early');
    peer.submit(2);
    expect((await session.receiveSubmit()).frameId).toBe(2);
  });

  it('carry the trace id of their submit into every answer, drops included', async () => {
    const { peer, session } = await opened();
    for (const [frameId, traceId] of [
      [1, 0xfedcba9876543210n],
      [2, 5n],
    ] as const) {
      const submit = peer.submitBytes(frameId);
      new DataView(submit.buffer).setBigUint64(32, traceId, true);
      peer.raw.send(submit);
    }
    const first = await session.receiveSubmit();
    expect(first.traceId).toBe(0xfedcba9876543210n);
    await first.push('a');
    await first.complete('b');
    peer.cancel(2);
    const traces = [await peer.packet(), await peer.packet(), await peer.packet()].map(({ traceId }) => traceId);
    expect(traces).toEqual([0xfedcba9876543210n, 0xfedcba9876543210n, 5n]);
  });
});
