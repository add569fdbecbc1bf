import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import { ScriptedServer } from '../support/scripted-server.js';
import { packetBytes } from '../support/wire-packets.js';

const { BackpressureLevel, FlowFlags, MessageType, ScopeKind, SessionPriorityClass, UpdateReason } = preview3;
const MIB = 1024 * 1024;

afterEach(() => ScriptedServer.clear());

/** The frames that have been submitted so far. */
const submitted = (server: ScriptedServer, sessionId = 1): number[] =>
  server.peer.received
    .filter((packet) => packet.messageType === MessageType.FrameSubmit && packet.sessionId === sessionId)
    .map(({ frameId }) => frameId);

/** Waits for the client to have read everything, and everything that it sends on it. */
async function settled(server: ScriptedServer): Promise<void> {
  server.send(new Uint8Array([0x4e, 0x4e, 0x52, 0x50, 1, 0, MessageType.Ping, 40, ...new Uint8Array(32)]));
  while ((await server.next()).messageType !== MessageType.Pong);
}

const credit = (sessionCredit: number) => ({ sessionCredit, flowFlags: FlowFlags.CreditValid });
const connectionCredit = (value: number) => ({ connectionCredit: value, flowFlags: FlowFlags.CreditValid });
const blocked = (reason: string) => expect.objectContaining({ code: 'NNRP_ERR_FLOW_BLOCKED', reason });

describe('credit', () => {
  it('lets as many operations be in flight as the acknowledgement grants; the next one waits for an answer', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1, { grantedOperationCredit: 2, maxInFlightOperations: 4 });
    const submits = ['1', '2', '3', '4'].map((body) => session.submit(body));
    await settled(server);
    expect([submitted(server), session.inFlightCount]).toEqual([[1, 2], 2]);
    server.result(1, 2);
    await settled(server);
    expect(submitted(server)).toEqual([1, 2, 3]);
    server.partial(1, 1);
    await settled(server);
    expect(submitted(server)).toEqual([1, 2, 3]);
    server.drop(1, 1);
    await settled(server);
    expect((await Promise.all(submits)).map(({ frameId }) => frameId)).toEqual([1, 2, 3, 4]);
  });

  it('of nothing lets nothing begin until it is granted', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1, { grantedOperationCredit: 0 });
    expect(() => session.submitNow('x')).toThrow(blocked('credit'));
    const waiting = session.submit('x');
    server.flow(1, 1, credit(1));
    expect((await waiting).frameId).toBe(1);
  });

  it('is a window: the newest grant counts, up to the in-flight limit', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    server.flow(1, 1, credit(100));
    await settled(server);
    for (let count = 0; count < 4; count++) session.submitNow('x');
    expect(() => session.submitNow('x')).toThrow(blocked('in_flight_limit'));
    server.flow(1, 2, { ...credit(1), updateReason: UpdateReason.Reduce });
    for (const frameId of [1, 2, 3]) server.result(1, frameId);
    await settled(server);
    expect(() => session.submitNow('x')).toThrow(blocked('credit'));
    server.result(1, 4);
    await settled(server);
    expect(session.submitNow('x').frameId).toBe(5);
  });

  it('does not stop a session whose server sets no limit', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1, { grantedOperationCredit: 0xffff, maxInFlightOperations: 0 });
    for (let count = 0; count < 500; count++) session.submitNow('x');
    expect(session.inFlightCount).toBe(500);
  });
});

describe('an update', () => {
  it('that is older than the newest one is passed over, and reported', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const events = session.events();
    server.flow(1, 5, credit(4));
    server.flow(1, 4, { updateReason: UpdateReason.Pause });
    server.flow(1, 5, { updateReason: UpdateReason.Pause });
    server.flow(1, 5, credit(4));
    await settled(server);
    expect(session.submitNow('x').frameId).toBe(1);
    const outcomes = [];
    for await (const event of events) {
      if (event.type === 'flowUpdate') outcomes.push([event.update.creditEpoch, event.outcome]);
      if (outcomes.length === 4) break;
    }
    expect(outcomes).toEqual([
      [5, 'applied'],
      [4, 'stale'],
      [5, 'stale'],
      [5, 'repeated'],
    ]);
  });

  it.each([
    ['paused', { updateReason: UpdateReason.Pause }],
    ['hard', { updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard }],
  ])('that says %s holds new work back until a newer one resumes or grants', async (reason, update) => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    server.flow(1, 1, update);
    await settled(server);
    expect(() => session.submitNow('x')).toThrow(blocked(reason));
    await expect(session.submit('x', { onBlocked: 'fail' })).rejects.toEqual(blocked(reason));
    const waiting = session.submit('waits');
    server.flow(1, 2, { updateReason: UpdateReason.Reduce, ...credit(3) });
    await settled(server);
    expect(submitted(server)).toEqual([]);
    server.flow(1, 3, { updateReason: UpdateReason.Resume });
    expect((await waiting).frameId).toBe(1);
  });

  it('of soft backpressure halves the window', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    server.flow(1, 1, { ...credit(4), backpressureLevel: BackpressureLevel.Soft });
    await settled(server);
    session.submitNow('1');
    session.submitNow('2');
    expect(() => session.submitNow('3')).toThrow(blocked('credit'));
    server.flow(1, 2);
    await settled(server);
    expect(session.submitNow('3').frameId).toBe(3);
  });

  it('that lets only background work begin holds the others back', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const background = await server.open(2, { acceptedPriorityClass: SessionPriorityClass.Background });
    for (const sessionId of [1, 2]) server.flow(sessionId, 1, { flowFlags: FlowFlags.BackgroundOnly });
    await settled(server);
    expect(() => session.submitNow('x')).toThrow(blocked('background_only'));
    expect(background.submitNow('x').frameId).toBe(1);
  });

  it('that only drains lets nothing begin', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const operation = session.submitNow('in flight');
    server.flow(1, 1, { flowFlags: FlowFlags.DrainInFlightOnly });
    await settled(server);
    expect(() => session.submitNow('x')).toThrow(blocked('drain_in_flight_only'));
    server.result(1, 1, 'done');
    expect((await operation.result()).frameId).toBe(1);
  });

  it('with a time to wait is obeyed: waiting work begins by itself, and a failed submit says when to retry', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const arrived = performance.now();
    server.flow(1, 1, { retryAfterMs: 40, flowFlags: FlowFlags.RetryAfterValid });
    await settled(server);
    const refused = await session.submit('x', { onBlocked: 'fail' }).catch((error) => error);
    expect(refused).toMatchObject({ code: 'NNRP_ERR_FLOW_BLOCKED', reason: 'retry_after' });
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(40);
    const operations = await Promise.all([session.submit('1'), session.submit('2')]);
    expect(performance.now() - arrived).toBeGreaterThanOrEqual(39);
    expect(operations.map(({ frameId }) => frameId)).toEqual([1, 2]);
  });

  it('of one operation is reported with it, and limits nothing', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const operation = session.submitNow('x');
    const events = session.events()[Symbol.asyncIterator]();
    const scope = { scopeKind: ScopeKind.Operation, operationId: 1n, updateReason: UpdateReason.Pause };
    server.flow(1, 7, scope);
    server.flow(1, 6, scope);
    for (const outcome of ['applied', 'stale']) {
      const { value } = await events.next();
      if (value?.type !== 'flowUpdate') throw new Error(`got ${value?.type}`);
      expect([value.outcome, value.operation === operation]).toEqual([outcome, true]);
    }
    expect(session.submitNow('y').frameId).toBe(2);
    server.flow(1, 8, { ...scope, operationId: 99n });
    expect((await events.next()).value).toMatchObject({ type: 'stray' });
  });
});

describe('an update of the whole connection', () => {
  it('applies to all of its sessions', async () => {
    const server = await ScriptedServer.start();
    const sessions = [await server.open(1), await server.open(2)];
    server.flow(0, 1, { updateReason: UpdateReason.Pause });
    await settled(server);
    for (const session of sessions) expect(() => session.submitNow('x')).toThrow(blocked('paused'));
    const waiting = sessions.map((session) => session.submit('x'));
    server.flow(0, 2, { updateReason: UpdateReason.Resume });
    expect((await Promise.all(waiting)).map(({ frameId }) => frameId)).toEqual([1, 1]);
  });

  it('shares its credit among them in turn', async () => {
    const server = await ScriptedServer.start();
    const sessions = [];
    for (const sessionId of [1, 2, 3]) sessions.push(await server.open(sessionId));
    server.flow(0, 1, connectionCredit(1));
    await settled(server);
    const [first] = sessions;
    first?.submitNow('x');
    for (const session of sessions) expect(() => session.submitNow('x')).toThrow(blocked('credit'));
    for (const session of sessions) for (let count = 0; count < 3; count++) void session.submit('x');
    const order: number[] = [];
    for (let count = 0; count < 10; count++) {
      const submit = await server.expect(MessageType.FrameSubmit);
      order.push(submit.sessionId);
      server.result(submit.sessionId, submit.frameId);
    }
    expect(order.slice(1)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
  });

  it('frees what a session held that has ended', async () => {
    const server = await ScriptedServer.start();
    const [first, second] = [await server.open(1), await server.open(2)];
    server.flow(0, 1, connectionCredit(1));
    await settled(server);
    const lost = first.submitNow('x').result();
    const waiting = second.submit('x');
    server.error(1, 1);
    await expect(lost).rejects.toMatchObject({ code: 'NNRP_ERR_PEER' });
    expect((await waiting).frameId).toBe(1);
  });
});

describe('submits that wait', () => {
  it('go in their order, and one that is given up leaves the line', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1, { grantedOperationCredit: 1 });
    session.submitNow('0');
    const order: string[] = [];
    const abort = new AbortController();
    const submit = (body: string, signal?: AbortSignal) =>
      session.submit(body, signal === undefined ? {} : { signal }).then((operation: ClientOperation) => {
        order.push(body);
        server.result(1, operation.frameId);
      });
    const submits = [submit('1'), submit('2', abort.signal), submit('3')];
    const given = expect(submits[1]).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED', cause: 'too slow' });
    abort.abort('too slow');
    await given;
    expect(() => session.submitNow('x')).toThrow(blocked('credit'));
    server.result(1, 1);
    await Promise.all([submits[0], submits[2]]);
    await settled(server);
    expect([order, submitted(server)]).toEqual([
      ['1', '3'],
      [1, 2, 3],
    ]);
  });

  it('are rejected when the session is closed, and when it is lost', async () => {
    const server = await ScriptedServer.start();
    const [closed, lost] = [await server.open(1), await server.open(2)];
    const waiting = [closed, lost].map((session) => {
      for (let count = 0; count < 2; count++) session.submitNow('x');
      return session.submit('waits');
    });
    void closed.close();
    await expect(waiting[0]).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    server.vanish();
    await expect(waiting[1]).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|TRANSPORT/) });
  });

  it('may be forgotten by whoever made them: no rejection is left unhandled', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    for (let count = 0; count < 10; count++) void session.submit('x');
    void session.patch({ qualityTier: 1 });
    void session.close();
    void server.client.openSession();
    void server.client.ping();
    void server.client.probe();
    server.vanish();
    await server.client.closed;
    for (let count = 0; count < 2; count++) void session.submit('x');
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('are limited in number', async () => {
    const server = await ScriptedServer.start({ maxWaitingSubmits: 3 });
    const session = await server.open(1, { grantedOperationCredit: 1 });
    const submits = ['0', '1', '2', '3'].map((body) => session.submit(body));
    await expect(session.submit('4')).rejects.toEqual(blocked('too_many_waiting'));
    for (let frameId = 1; frameId <= 3; frameId++) server.result(1, frameId);
    expect((await Promise.all(submits)).length).toBe(4);
  });

  it('hold on to nothing of theirs when they are refused: frame ids go on without a gap', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    expect(() => session.submitNow('x', { metadata: { tileCount: 1 } })).toThrow(/FSUB-1/);
    expect(() => session.submitNow(5 as never)).toThrow(/NNRP_ERR_USAGE/);
    expect([session.inFlightCount, session.submitNow('x').frameId]).toEqual([0, 1]);
  });
});

describe('a server that does not read', () => {
  it('holds back work instead of filling memory, and gets all of it in the end', async () => {
    const server = await ScriptedServer.start({ maxOutboxBytes: 2 * MIB });
    const session = await server.open(1, { grantedOperationCredit: 0xffff, maxInFlightOperations: 0 });
    server.peer.socket.pause();
    const body = new Uint8Array(MIB);
    let refused: unknown;
    let sent = 0;
    for (; sent < 200; sent++) {
      try {
        session.submitNow(body);
      } catch (error) {
        refused = error;
        break;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Within the turn: the network may go on taking what waits.
    expect(refused).toEqual(blocked('connection_full'));
    await expect(session.putObject({ namespace: 1, key: 1n, kind: 1 }, body)).rejects.toEqual(
      blocked('connection_full'),
    );
    const waiting = session.submit(body);
    server.peer.socket.resume();
    expect((await waiting).frameId).toBe(sent + 1);
    for (let frameId = 1; frameId <= sent + 1; frameId++) expect((await server.next()).frameId).toBe(frameId);
    expect(session.endReason).toBeUndefined();
  });

  it('is still answered, and told what was cancelled, behind work that is longer than all that may wait', async () => {
    const server = await ScriptedServer.start({ maxOutboxBytes: MIB });
    const session = await server.open(1, { grantedOperationCredit: 0xffff, maxInFlightOperations: 0 });
    server.peer.socket.pause();
    const body = new Uint8Array(8 * MIB);
    const operations: ClientOperation[] = [];
    while (operations.length < 100) {
      try {
        operations.push(session.submitNow(body));
      } catch (error) {
        expect(error).toEqual(blocked('connection_full'));
        break;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    operations[0]?.cancel();
    server.send(packetBytes(MessageType.Ping));
    session.sendFlowUpdate({ credit: 7 });
    expect(session.endReason).toBeUndefined();
    server.peer.socket.resume();
    const missing = new Set<number>([MessageType.FrameCancel, MessageType.FlowUpdate, MessageType.Pong]);
    let frames = 0;
    while (missing.size > 0 || frames < operations.length) {
      const { messageType } = await server.next();
      if (messageType === MessageType.FrameSubmit) frames++;
      else missing.delete(messageType);
    }
    expect(session.endReason).toBeUndefined();
  });
});

describe('flow control of the client', () => {
  it('tells the server about a session, an operation and the connection, each with epochs of its own', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(3);
    const operation = session.submitNow('x');
    await server.expect(MessageType.FrameSubmit);
    session.sendFlowUpdate({ updateReason: UpdateReason.Pause });
    session.sendFlowUpdate({ updateReason: UpdateReason.Resume, credit: 9 });
    session.sendFlowUpdate({ operation, backpressureLevel: BackpressureLevel.Hard });
    server.client.sendFlowUpdate({ retryAfterMs: 5, drainInFlightOnly: true });
    const updates = [];
    for (let count = 0; count < 4; count++) {
      const packet = await server.expect(MessageType.FlowUpdate);
      updates.push([packet.sessionId, preview3.decodeFlowUpdate(packet.view, packet.metadataStart)]);
    }
    expect(updates).toEqual([
      [3, expect.objectContaining({ scopeKind: ScopeKind.Session, updateReason: UpdateReason.Pause, creditEpoch: 1 })],
      [3, expect.objectContaining({ scopeKind: ScopeKind.Session, sessionCredit: 9, creditEpoch: 2, flowFlags: 1 })],
      [3, expect.objectContaining({ scopeKind: ScopeKind.Operation, operationId: 1n, creditEpoch: 1 })],
      [0, expect.objectContaining({ scopeKind: ScopeKind.Connection, retryAfterMs: 5, creditEpoch: 1, flowFlags: 10 })],
    ]);
    expect(() => session.sendFlowUpdate({ credit: 70_000 })).toThrow(
      '[NNRP_ERR_USAGE] flow update: credit takes an integer of 0 to 65535, got 70000',
    );
    server.vanish();
    await server.client.closed;
    expect(() => session.sendFlowUpdate({})).toThrow(/NNRP_ERR_(TRANSPORT|CLOSED)/);
    expect(() => server.client.sendFlowUpdate({})).toThrow(/NNRP_ERR_(TRANSPORT|CLOSED)/);
  });
});
