import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { ProtocolViolation } from '../../../src/server/contract/server-events.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { BackpressureLevel, FlowFlags, ScopeKind, SessionPriorityClass, UpdateReason } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

describe('operations in flight', () => {
  it('are limited: a submit above the limit is dropped, told the credit, and never handed out', async () => {
    const server = await stage.serve({ maxInFlightOperations: 2 });
    const handed: number[] = [];
    const held: OperationContext[] = [];
    void server.serve({
      submit: (operation) => {
        handed.push(operation.frameId);
        held.push(operation);
        return operation.finished;
      },
    });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 2 });
    for (const frameId of [1, 2, 3]) peer.submit(frameId);
    expect(await peer.take(2)).toEqual(['error frame 3 limit_exceeded', 'drop 3']);
    const flow = await peer.packet();
    expect([flow.sessionId, flow.frameId]).toEqual([peer.sessionId, 0]);
    expect(preview3.decodeFlowUpdate(flow.view, flow.metadataStart)).toMatchObject({
      scopeKind: ScopeKind.Session,
      updateReason: UpdateReason.Reduce,
      backpressureLevel: BackpressureLevel.None,
      sessionCredit: 2,
      connectionCredit: 0,
      operationCredit: 0,
      creditEpoch: 1,
      flowFlags: FlowFlags.CreditValid,
    });
    expect(handed).toEqual([1, 2]);
    // There is room again once one of them is answered, and the id of the refused one stays used.
    await held[0]?.complete('one');
    peer.submit(3);
    peer.submit(4);
    expect(await peer.take(2)).toEqual(['result 1 one', 'error frame 3 invalid_state']);
    expect(await peer.answers()).toEqual([]);
    expect(handed).toEqual([1, 2, 4]);
  });

  it('are limited for applications that ask for submits as well, and for reference clients', async () => {
    const server = await stage.serve({ maxInFlightOperations: 1 });
    const peer = await SessionPeer.open(stage, server, { announced: false, maxInFlightOperations: 1 });
    const session = await server.accept();
    peer.submit(1);
    peer.submit(2);
    expect(await peer.answers()).toEqual(['drop 2', 'flow session reduce none']);
    expect((await session.receiveSubmit()).frameId).toBe(1);
    expect(session.inFlightCount).toBe(1);
  });

  it('are not limited by a server that says 0, whatever a client wishes', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0xffff });
    const session = await server.accept();
    for (let frameId = 1; frameId <= 50; frameId++) peer.submit(frameId);
    expect(await peer.answers()).toEqual([]);
    expect([session.inFlightCount, peer.ack.maxInFlightOperations]).toEqual([50, 0]);
  });

  it('count per session, not per connection', async () => {
    const server = await stage.serve({ maxInFlightOperations: 1 });
    const first = await SessionPeer.open(stage, server, { maxInFlightOperations: 1 });
    const second = await SessionPeer.openOn(first.raw, { maxInFlightOperations: 1 });
    first.submit(1);
    second.submit(1);
    expect(await first.answers()).toEqual([]);
    second.submit(2);
    expect(await first.answers()).toEqual(['error frame 2 limit_exceeded', 'drop 2', 'flow session reduce none']);
  });

  it('that are cancelled or expired make room as answered ones do', async () => {
    const server = await stage.serve({ maxInFlightOperations: 1, deadlines: true });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 1, defaultDeadlineMs: 0 });
    peer.submit(1);
    peer.cancel(1);
    peer.submit(2, 'work', { latencyBudgetMs: 5 });
    // The client has cancelled the first by itself: it needs no word on that.
    expect(await peer.take(3)).toEqual(['drop 1', 'error frame 2 frame_expired', 'drop 2']);
    peer.submit(3);
    expect(await peer.answers()).toEqual([]);
  });

  it('leave nothing behind: answered frames are forgotten, their ids stay used', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const violations: ProtocolViolation[] = [];
    server.on('protocolViolation', (violation) => violations.push(violation));
    void server.serve({ submit: () => 'x' });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    const count = 5000;
    for (let frameId = 1; frameId <= count; frameId++) peer.submit(frameId);
    for (let frameId = 1; frameId <= count; frameId++) expect(await peer.next()).toBe(`result ${frameId} x`);
    expect(server.sessions().map(({ record }) => record)).toMatchObject([{ lastOperationId: count }]);
    peer.submit(count);
    expect(await peer.answers()).toEqual([`error frame ${count} invalid_state`]);
    expect(violations).toHaveLength(1);
  });
});

describe('faults of a peer', () => {
  it('are told of a thousand times a minute; the others are answered all the same, and counted', async () => {
    const server = await stage.serve();
    let told = 0;
    server.on('protocolViolation', () => {
      told++;
    });
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1);
    await (await (await server.accept()).receiveSubmit()).complete('done');
    expect(await peer.next()).toBe('result 1 done');
    const faults = 1200;
    // Its id was used before.
    for (let fault = 0; fault < faults; fault++) peer.submit(1);
    const answers = await peer.take(faults);
    expect(new Set(answers)).toEqual(new Set(['error frame 1 invalid_state']));
    expect(told).toBe(1000);
    expect(server.stats().toldFaults).toEqual({ scope: 'connection', value: 1000, bound: 1000, hits: faults - 1000 });
  });
});

describe('handlers', () => {
  it('above maxQueuedOperations are dropped with server_busy, and the client is asked to pause before', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const held: OperationContext[] = [];
    const started: number[] = [];
    const submit = (operation: OperationContext) => {
      started.push(operation.frameId);
      held.push(operation);
      return operation.finished;
    };
    const scheduling = { maxQueuedPerConnection: 4 };
    void server.serve({ submit }, { maxConcurrentOperations: 1, maxQueuedOperations: 4, scheduling });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    for (let frameId = 1; frameId <= 6; frameId++) peer.submit(frameId);
    expect(await peer.answers()).toEqual(['flow session congestion hard', 'error frame 6 server_busy', 'drop 6']);
    expect(started).toEqual([1]);
    // The pause ends when three quarters of the queue have gone; those that waited are served in order.
    for (let frameId = 1; frameId <= 5; frameId++) {
      await eventually(() => started.length === frameId, `frame ${frameId} has begun`);
      await held[frameId - 1]?.complete(`${frameId}`);
    }
    const said = await peer.answers();
    expect(said.filter((line) => line.startsWith('result'))).toEqual([1, 2, 3, 4, 5].map((id) => `result ${id} ${id}`));
    expect(said.filter((line) => line.startsWith('flow'))).toEqual(['flow session resume none']);
    expect(started).toEqual([1, 2, 3, 4, 5]);
  });

  it('above the queue are dropped without a word to a reference client', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const submit = (operation: OperationContext) => operation.finished;
    void server.serve({ submit }, { maxConcurrentOperations: 1, maxQueuedOperations: 1 });
    const peer = await SessionPeer.open(stage, server, { announced: false, maxInFlightOperations: 0 });
    for (let frameId = 1; frameId <= 3; frameId++) peer.submit(frameId);
    expect(await peer.answers()).toEqual(['flow session congestion hard', 'drop 3']);
  });

  it('are never called for frames that were cancelled while they waited', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const started: number[] = [];
    let first: OperationContext | undefined;
    void server.serve(
      {
        submit: (operation) => {
          started.push(operation.frameId);
          first ??= operation;
          return operation === first ? operation.finished : 'x';
        },
      },
      { maxConcurrentOperations: 1 },
    );
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    for (let frameId = 1; frameId <= 4; frameId++) peer.submit(frameId);
    peer.cancel(3);
    expect(await peer.answers()).toEqual(['drop 3']);
    await first?.complete('first');
    expect(await peer.take(3)).toEqual(['result 1 first', 'result 2 x', 'result 4 x']);
    expect(started).toEqual([1, 2, 4]);
  });

  it('that answer at once are called one after the other, however many wait', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    let first: OperationContext | undefined;
    let calls = 0;
    void server.serve(
      {
        submit: (operation) => {
          calls++;
          first ??= operation;
          return operation === first ? operation.finished : undefined;
        },
      },
      { maxConcurrentOperations: 1, maxQueuedOperations: 100_000, scheduling: { maxQueuedPerConnection: 100_000 } },
    );
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    const count = 20_000;
    for (let frameId = 1; frameId <= count; frameId++) peer.submit(frameId, '');
    expect(await peer.answers()).toEqual([]);
    await first?.complete();
    for (let frameId = 1; frameId <= count; frameId++) expect(await peer.next()).toBe(`result ${frameId}`);
    expect(calls).toBe(count);
  });
});

describe('submits that nobody asks for', () => {
  it('make the server ask for a pause at half of the limit, and end it when few are left', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0, maxQueuedSubmits: 8 });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    const session = await server.accept();
    for (let frameId = 1; frameId <= 3; frameId++) peer.submit(frameId);
    expect(await peer.answers()).toEqual([]);
    peer.submit(4);
    peer.submit(5);
    expect(await peer.answers()).toEqual(['flow session congestion hard']);
    for (let count = 0; count < 2; count++) await session.receiveSubmit();
    expect(await peer.answers()).toEqual([]);
    await session.receiveSubmit();
    expect(await peer.answers()).toEqual(['flow session resume none']);
    // Once is enough, until it is asked for again.
    for (let count = 0; count < 2; count++) await session.receiveSubmit();
    expect(await peer.answers()).toEqual([]);
    for (let frameId = 6; frameId <= 9; frameId++) peer.submit(frameId);
    expect(await peer.answers()).toEqual(['flow session congestion hard']);
  });

  it('are counted in bytes as well', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0, maxQueuedBytes: 10_000 });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    await server.accept();
    peer.submit(1, new Uint8Array(2000));
    expect(await peer.answers()).toEqual([]);
    peer.submit(2, new Uint8Array(4000));
    expect(await peer.answers()).toEqual(['flow session congestion hard']);
  });

  it('are given back when they are cancelled unread', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0, maxQueuedSubmits: 4 });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    const session = await server.accept();
    peer.submit(1);
    peer.submit(2);
    expect(await peer.answers()).toEqual(['flow session congestion hard']);
    peer.cancel(1);
    expect(await peer.answers()).toEqual(['drop 1', 'flow session resume none']);
    expect((await session.receiveSubmit()).frameId).toBe(2);
  });

  it('wait for a background session like for any other', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const priorityClass = SessionPriorityClass.Background;
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0, priorityClass });
    const session = await server.accept();
    peer.submit(1);
    const operation = await session.receiveSubmit();
    await operation.complete('x');
    expect(await peer.next()).toBe('result 1 x');
  });
});
