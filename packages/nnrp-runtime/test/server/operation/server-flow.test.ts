import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession, OperationContext } from '../../../src/server/contract/contract.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { BackpressureLevel, FlowFlags, ScopeKind, SessionPriorityClass, UpdateReason } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

interface Opened {
  readonly peer: SessionPeer;
  readonly session: NnrpServerSession;
  readonly operation: OperationContext;
}

/** A session with frame 1 in progress. */
async function opened(open: Partial<preview3.SessionOpen> = {}): Promise<Opened> {
  const server = await stage.serve({ maxInFlightOperations: 0 });
  const peer = await SessionPeer.open(stage, server, open);
  const session = await server.accept();
  peer.submit(1);
  return { peer, session, operation: await session.receiveSubmit() };
}

describe('what a server tells about flow', () => {
  it('counts its epochs, one counter for the session and one for each operation', async () => {
    const { peer, session } = await opened();
    peer.submit(2);
    await session.receiveSubmit();
    await session.sendFlowUpdate({ credit: 7 });
    await session.sendFlowUpdate({ updateReason: UpdateReason.Pause, frameId: 1 });
    await session.sendFlowUpdate({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Soft });
    await session.sendFlowUpdate({ frameId: 2, credit: 0 });
    await session.sendFlowUpdate({ updateReason: UpdateReason.Resume, frameId: 1, retryAfterMs: 40 });
    const updates: preview3.FlowUpdate[] = [];
    for (let count = 0; count < 5; count++) {
      const packet = await peer.packet();
      expect(packet.sessionId).toBe(peer.sessionId);
      updates.push(preview3.decodeFlowUpdate(packet.view, packet.metadataStart));
    }
    const told = updates.map((update) => [update.scopeKind, update.operationId, update.creditEpoch, update.flowFlags]);
    expect(told).toEqual([
      [ScopeKind.Session, 0n, 1, FlowFlags.CreditValid],
      [ScopeKind.Operation, 1n, 1, 0],
      [ScopeKind.Session, 0n, 2, 0],
      [ScopeKind.Operation, 2n, 1, FlowFlags.CreditValid],
      [ScopeKind.Operation, 1n, 2, FlowFlags.RetryAfterValid],
    ]);
    expect(updates[0]).toMatchObject({ sessionCredit: 7, connectionCredit: 0, operationCredit: 0 });
    expect(updates[4]).toMatchObject({ retryAfterMs: 40 });
  });

  it('says who may go on: background sessions only, or nobody', async () => {
    const { peer, session } = await opened();
    await session.sendFlowUpdate({ backgroundOnly: true });
    await session.sendFlowUpdate({ drainInFlightOnly: true });
    const flags: number[] = [];
    for (let count = 0; count < 2; count++) {
      const packet = await peer.packet();
      flags.push(preview3.decodeFlowUpdate(packet.view, packet.metadataStart).flowFlags);
    }
    expect(flags).toEqual([FlowFlags.BackgroundOnly, FlowFlags.DrainInFlightOnly]);
  });

  it('cannot be about a frame that is not in flight, nor with values that do not fit', async () => {
    const { peer, session, operation } = await opened();
    await expect(session.sendFlowUpdate({ frameId: 9 })).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await expect(session.sendFlowUpdate({ credit: 70_000 })).rejects.toThrow(/credit/);
    await operation.complete('x');
    await expect(session.sendFlowUpdate({ frameId: 1 })).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(await peer.answers()).toEqual(['result 1 x']);
  });
});

/** What a client may say to hold its results back, and to let them flow again. */
const HOLDS: [string, Partial<preview3.FlowUpdate>, Partial<preview3.FlowUpdate>][] = [
  ['a pause', { updateReason: UpdateReason.Pause }, { updateReason: UpdateReason.Resume }],
  [
    'hard backpressure',
    { updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard },
    { updateReason: UpdateReason.Grant },
  ],
  [
    'no credit',
    { updateReason: UpdateReason.Reduce, flowFlags: FlowFlags.CreditValid },
    { flowFlags: FlowFlags.CreditValid, sessionCredit: 1, connectionCredit: 1, operationCredit: 1 },
  ],
  ['background only', { flowFlags: FlowFlags.BackgroundOnly }, {}],
];

const SCOPES: [string, Partial<preview3.FlowUpdate>][] = [
  ['session', { scopeKind: ScopeKind.Session }],
  ['connection', { scopeKind: ScopeKind.Connection }],
  ['operation', { scopeKind: ScopeKind.Operation, operationId: 1n }],
];

/** Only the credit of its own scope may be set. */
function inScope(update: Partial<preview3.FlowUpdate>, scope: Partial<preview3.FlowUpdate>) {
  const only = (kind: preview3.ScopeKind, credit = 0) => (scope.scopeKind === kind ? credit : 0);
  return {
    ...update,
    ...scope,
    connectionCredit: only(ScopeKind.Connection, update.connectionCredit),
    sessionCredit: only(ScopeKind.Session, update.sessionCredit),
    operationCredit: only(ScopeKind.Operation, update.operationCredit),
  };
}

describe('a client that wants no results for now', () => {
  for (const [scopeName, scope] of SCOPES) {
    it.each(HOLDS)(`of the ${scopeName} gets them in order when it does: %s`, async (_name, hold, release) => {
      const { peer, operation } = await opened();
      await operation.push('before');
      peer.flow({ creditEpoch: 1, ...inScope(hold, scope) });
      expect(await peer.answers()).toEqual(['partial 1 before']);
      const sent: string[] = [];
      const pushes = ['a', 'b'].map((text) => operation.push(text).then(() => sent.push(text)));
      const completed = operation.complete('z').then(() => sent.push('z'));
      expect(await peer.answers()).toEqual([]);
      expect([sent, operation.isOver]).toEqual([[], false]);
      peer.flow({ creditEpoch: 2, ...inScope(release, scope) });
      expect(await peer.take(3)).toEqual(['partial 1 a', 'partial 1 b', 'result 1 z']);
      await Promise.all([...pushes, completed]);
      expect(sent.sort()).toEqual(['a', 'b', 'z']);
    });
  }

  it('still gets last answers and drops: it holds back streams, not ends', async () => {
    const { peer, session, operation } = await opened();
    peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
    peer.submit(2);
    const second = await session.receiveSubmit();
    await operation.complete('z');
    await second.drop();
    expect(await peer.answers()).toEqual(['result 1 z', 'drop 2']);
  });

  it('of one operation gets those of others', async () => {
    const { peer, session, operation } = await opened();
    peer.submit(2);
    const second = await session.receiveSubmit();
    peer.flow({
      creditEpoch: 1,
      updateReason: UpdateReason.Pause,
      scopeKind: ScopeKind.Operation,
      operationId: 1n,
    });
    expect(await peer.answers()).toEqual([]);
    void operation.push('held').catch(() => {});
    await second.push('flows');
    expect(await peer.answers()).toEqual(['partial 2 flows']);
  });

  it('of one session gets those of others on its connection', async () => {
    const server = await stage.serve();
    const first = await SessionPeer.open(stage, server);
    const second = await SessionPeer.openOn(first.raw);
    const sessions = [await server.accept(), await server.accept()];
    first.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
    first.submit(1);
    second.submit(1);
    const [held, flows] = [await sessions[0]?.receiveSubmit(), await sessions[1]?.receiveSubmit()];
    held?.push('held').catch(() => {});
    await flows?.push('flows');
    const packet = await first.packet();
    expect(packet.sessionId).toBe(second.sessionId);
    expect(await first.answers()).toEqual([]);
  });

  it('is asked no more once a background session is the one that may go on', async () => {
    const { peer, operation } = await opened({ priorityClass: SessionPriorityClass.Background });
    peer.flow({ creditEpoch: 1, flowFlags: FlowFlags.BackgroundOnly });
    expect(await peer.answers()).toEqual([]);
    await operation.push('a');
    expect(await peer.next()).toBe('partial 1 a');
  });

  it('for a certain time gets them when it is over', async () => {
    const { peer, operation } = await opened();
    const askedAtMs = performance.now();
    peer.flow({ creditEpoch: 1, flowFlags: FlowFlags.RetryAfterValid, retryAfterMs: 30 });
    expect(await peer.answers()).toEqual([]);
    await operation.push('a');
    // A machine with much to do may be late by more than the time: it is measured from the wish on.
    expect(performance.now() - askedAtMs).toBeGreaterThan(28);
    expect(await peer.next()).toBe('partial 1 a');
  });

  it('is not misled by updates that are older than the newest', async () => {
    const { peer, operation } = await opened();
    peer.flow({ creditEpoch: 5, updateReason: UpdateReason.Pause });
    peer.flow({ creditEpoch: 4, updateReason: UpdateReason.Resume });
    expect(await peer.answers()).toEqual([]);
    const pushed = operation.push('a');
    expect(await peer.answers()).toEqual([]);
    peer.flow({ creditEpoch: 5, updateReason: UpdateReason.Resume });
    expect(await peer.answers()).toEqual([]);
    peer.flow({ creditEpoch: 6, updateReason: UpdateReason.Resume });
    await pushed;
    expect(await peer.next()).toBe('partial 1 a');
  });

  it('costs bounded memory: a handler that does not wait is refused in the end', async () => {
    const { peer, operation } = await opened();
    peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
    expect(await peer.answers()).toEqual([]);
    let refused: unknown;
    for (let count = 0; count < 4097; count++) {
      operation.push('x').catch((error: unknown) => {
        refused ??= error;
      });
    }
    await eventually(() => refused !== undefined, 'a push is refused');
    expect(refused).toMatchObject({ code: 'NNRP_ERR_USAGE' });
    peer.cancel(1);
    expect(await peer.answers()).toEqual(['drop 1']);
  });

  it('gives no further place for handlers by results that are held longer than their handler works', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const held: number[] = [];
    const begun: OperationContext[] = [];
    void server.serve(
      {
        submit: (operation) => {
          if (operation.frameId <= 4) {
            operation.push('a').catch(() => {});
            held.push(operation.frameId);
            return operation.complete('z');
          }
          begun.push(operation);
          return operation.finished;
        },
      },
      { maxConcurrentOperations: 2 },
    );
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0xffff });
    const other = await SessionPeer.open(stage, server, { maxInFlightOperations: 0xffff });
    peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
    for (let frameId = 1; frameId <= 4; frameId++) peer.submit(frameId);
    await eventually(() => held.length === 4, 'all handlers have run whose results are held');
    for (let frameId = 5; frameId <= 9; frameId++) other.submit(frameId);
    expect(await other.answers()).toEqual([]);
    expect(begun.map(({ frameId }) => frameId)).toEqual([5, 6]);
    peer.flow({ creditEpoch: 2, updateReason: UpdateReason.Resume });
    expect((await peer.take(8)).at(-1)).toBe('result 4 z');
    expect(begun.map(({ frameId }) => frameId)).toEqual([5, 6]);
    await begun[0]?.complete('5');
    expect(await other.next()).toBe('result 5 5');
    await eventually(() => begun.length === 3, 'the next one has the place');
  });

  it('may name an operation that is over: nothing happens', async () => {
    const { peer, session, operation } = await opened();
    await operation.complete('x');
    peer.flow({
      creditEpoch: 1,
      updateReason: UpdateReason.Pause,
      scopeKind: ScopeKind.Operation,
      operationId: 1n,
    });
    peer.submit(2);
    await (await session.receiveSubmit()).push('a');
    expect(await peer.take(2)).toEqual(['result 1 x', 'partial 2 a']);
  });
});
