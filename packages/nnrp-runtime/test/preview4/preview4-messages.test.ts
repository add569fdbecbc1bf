import { describe, expect, it } from 'vitest';
import type { ServerSessionEvent } from '../../src/server/contract/server-messages.js';
import { bytes, hello, open, packet, submit, T, u8, u16, u32, u64 } from './peer.js';
import { cleaning, listening, opened, peerOf, serving } from './stage.js';

cleaning();

/** ASCII NNRT and the mark, and bits of what a client of this library understands: ERROR details, PING and so on. */
const ANNOUNCED = 0x4e4e525474730000n | 0x7fn;

describe('a session of preview4 sends', () => {
  it('what only preview4 has, on the session, with lengths that add up', async () => {
    const server = await listening();
    const { peer, session } = await opened(server);
    const { controls } = await server.accept();
    controls.negotiate({ capabilities: ['object.delta', 'cache.reference'], costModelId: 1, profileId: 2 });
    controls.degrade({ capabilities: [], preferenceRank: 3 });
    controls.backpressure({ creditWindow: 1n });
    controls.credit({ creditWindow: 8n });
    controls.traceContext({ traceId: 2n ** 63n + 5n, spanId: 6n });
    controls.routeHint({ routeId: 92, body: 'hint' });
    controls.executionHint({ executorClass: 3 });
    controls.budget({ tokenBudget: 100 });
    controls.recoverableError({ errorCode: 0x00030001, relatedFrameId: 4, body: 'text' });
    controls.retryAfter({ retryAfterMs: 100, jitterMs: 50 });
    controls.cacheReference({ cacheNamespace: 1, cacheKeyHi: 2n ** 60n, cacheKeyLo: 3n });
    controls.declareObject({ objectId: 5n, byteSize: 100n, body: 'meta' });
    controls.referObject({ objectId: 5n, objectVersion: 1n });
    controls.patchObject({ objectId: 5n, metadata: Buffer.from('m'), delta: Buffer.from('delta') });
    controls.deltaObject({ objectId: 5n, delta: Buffer.from('d') });
    controls.releaseObject({ objectId: 5n });
    const capabilities = await peer.get(T.capability);
    expect([capabilities.u16(0), capabilities.u16(2), capabilities.u16(4), capabilities.u32(24)]).toEqual([
      2, 2, 1, 31,
    ]);
    expect(capabilities.body.toString('latin1')).toBe('\u000f\u0000cache.reference\u000c\u0000object.delta');
    const degrade = await peer.get(T.degrade);
    expect([degrade.u16(2), degrade.u16(6), degrade.body.length]).toEqual([0, 3, 0]);
    const pressure = await peer.get(T.backpressure);
    expect([pressure.u64(8), pressure.u16(16)]).toEqual([1n, 1]);
    expect((await peer.get(T.credit)).u64(8)).toBe(8n);
    const trace = await peer.get(T.trace);
    expect([trace.frame, trace.u64(0), trace.trace, trace.u64(8)]).toEqual([0, 2n ** 63n + 5n, 2n ** 63n + 5n, 6n]);
    const route = await peer.get(T.routeHint);
    expect([route.frame, route.u64(0), route.u32(8), route.u32(24), route.text]).toEqual([0, 0n, 92, 4, 'hint']);
    expect((await peer.get(T.executionHint)).u16(12)).toBe(3);
    expect((await peer.get(T.budget)).u32(32)).toBe(100);
    const error = await peer.get(T.recoverable);
    expect([error.frame, error.u32(0), error.metadata.readUInt8(10), error.u32(16), error.text]).toEqual([
      4,
      0x00030001,
      2,
      session,
      'text',
    ]);
    const retry = await peer.get(T.retryAfter);
    expect([retry.u32(16), retry.u32(20), retry.metadata.readUInt8(26)]).toEqual([100, 50, 2]);
    expect((await peer.get(T.cacheReference)).u64(8)).toBe(2n ** 60n);
    const declared = await peer.get(T.declare);
    expect([
      declared.u64(0),
      declared.metadata.readUInt8(10),
      declared.u32(12),
      declared.u64(16),
      declared.text,
    ]).toEqual([5n, 2, session, 100n, 'meta']);
    expect((await peer.get(T.ref)).u64(16)).toBe(1n);
    const patch = await peer.get(T.objectPatch);
    expect([patch.u64(8), patch.u32(28), patch.u32(36), patch.text]).toEqual([1n, 5, 1, 'mdelta']);
    expect((await peer.get(T.objectDelta)).u64(8)).toBe(2n);
    const release = await peer.get(T.release);
    expect([release.u64(0), release.metadata.readUInt8(18), release.metadata.readUInt8(19)]).toEqual([5n, 2, 1]);
    expect(controls.objects.size).toBe(0);
  });

  it('nothing of it that is wrong, and nothing of it over preview3', async () => {
    const server = await listening();
    await opened(server);
    const { controls } = await server.accept();
    expect(() => controls.traceContext({ traceId: 1n })).toThrow('TRACE-1');
    expect(() => controls.negotiate({ capabilities: ['cap!'] })).toThrow('CAPABILITY_TOKENS');
    expect(() => controls.referObject({ objectId: 1n })).toThrow('there is no object 1');
    expect(() => controls.retryAfter({ retryAfter: 1 } as never)).toThrow('did you mean retryAfterMs?');
    expect(() => controls.credit({ creditWindow: 2n ** 64n })).toThrow();
    const old = await peerOf(server);
    old.send(packet(T.open, {}, open()));
    const { session } = await old.get(T.openAck);
    const accepted = await server.accept();
    old.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 0 })));
    const operation = await accepted.receiveSubmit();
    const needed = 'this needs preview4; this session speaks preview3';
    expect(() => accepted.controls.credit({ creditWindow: 1n })).toThrow(needed);
    expect(() => operation.progress({})).toThrow(needed);
    await expect(operation.drop({ reasonCode: 2 })).rejects.toThrow(needed);
    expect([operation.id, operation.priority, operation.budget]).toEqual([1n, undefined, undefined]);
  });
});

describe('a session of preview4 tells', () => {
  it('of every message that only preview4 has, with what it carries', async () => {
    const server = await listening();
    const { peer, session } = await opened(server);
    const accepted = await server.accept();
    const ids = { session, frame: 1 };
    const objects = (id: number, sequence: number) =>
      bytes(u64(id), u64(sequence), u64(0), u32(0), u32(1), u32(0), u32(1));
    peer.send(
      packet(T.submit, ids, submit({ operation: 5 })),
      packet(T.budget, ids, bytes(u64(5), u64(1), u64(2), u64(3), u32(4), u32(1))),
      packet(T.budget, ids, bytes(u64(5), u64(1), u64(2), u64(3), u32(4), u32(2))),
      packet(T.progress, ids, bytes(u64(5), u64(1), u16(1), u16(0xffff), u64(0), u32(2)), 'ok'),
      packet(T.partial, ids, bytes(u64(5), u64(1), u64(0), u64(0), u32(4), u32(0)), 'part'),
      packet(
        T.capability,
        { session },
        bytes(u16(2), u16(1), u16(0), u16(0), u64(0), u64(0), u32(14), u32(0)),
        '\u000c\u0000object.delta',
      ),
      packet(T.degrade, { session }, bytes(u16(2), u16(2), u16(0), u16(0), u64(0), u64(0), u32(4), u32(0)), 'cap!'),
      packet(T.executionHint, { session }, bytes(u64(0), u32(0), u16(3), u16(0), u64(0), u32(0), u32(2))),
      packet(T.trace, { session }, bytes(u64(1), u64(2), u64(0), u16(0), u16(0), u32(0))),
      packet(
        T.declare,
        { session },
        bytes(u64(8), u16(7), u16(0x0201), u32(session), u64(10), u32(0), u16(0), u16(0), u32(0), u32(0), u64(0)),
      ),
      packet(
        T.declare,
        { session },
        bytes(u64(8), u16(7), u16(0x0201), u32(session), u64(10), u32(0), u16(0), u16(0), u32(0), u32(0), u64(0)),
      ),
      packet(T.ref, ids, bytes(u64(8), u64(5), u64(0), u64(0), u64(0), u32(0), u32(0))),
      packet(T.objectPatch, { session }, objects(8, 1), 'md'),
      packet(T.objectDelta, { session }, objects(8, 3), 'md'),
      packet(T.release, { session }, bytes(u64(9), u64(0), u16(0), u8(1), u8(1), u32(0), u64(0))),
      packet(T.cacheMiss, { session }, bytes(u32(1), u16(0), u16(1), u64(1), u64(2), u32(4), u32(0)), 'gone'),
      packet(
        T.recoverable,
        { session },
        bytes(u32(1), u32(1), u16(0), u8(1), u8(0), u32(0), u32(0), u32(0), u32(0), u32(0)),
      ),
      packet(T.retryAfter, { session }, bytes(u64(0), u64(0), u32(5), u32(0), u16(0), u8(1), u8(0), u32(0))),
    );
    const events: ServerSessionEvent[] = [];
    for await (const event of accepted.events()) {
      events.push(event);
      if (event.type === 'retryAfter') break;
    }
    expect(events.map(({ type }) => type)).toEqual([
      'submit',
      'budgetUpdate',
      'budgetUpdate',
      'progress',
      'partialResult',
      'capabilityNegotiation',
      'degradeProfile',
      'executionHint',
      'traceContext',
      'objectDeclare',
      'objectDeclare',
      'objectRef',
      'objectPatch',
      'objectDelta',
      'objectRelease',
      'cacheMiss',
      'recoverableError',
      'retryAfter',
    ]);
    const found = (type: string, at = 0) => events.filter((event) => event.type === type)[at];
    expect(found('capabilityNegotiation')).toMatchObject({ capabilities: ['object.delta'] });
    expect(found('degradeProfile')).not.toHaveProperty('capabilities');
    expect(found('progress')).toMatchObject({ frameId: 1, metadata: { operationId: 5n, bodyBytes: 2 } });
    expect(found('objectDeclare', 1)).toMatchObject({ issue: 'declared_before' });
    expect(found('objectPatch')).not.toHaveProperty('issue');
    expect(found('objectDelta')).toMatchObject({ issue: 'delta_gap' });
    expect(found('objectRelease')).toMatchObject({ issue: 'unknown_object' });
    expect(accepted.operations.get(1)?.budget).toEqual({
      computeBudgetUnits: 2n,
      memoryBudgetBytes: 4n,
      bandwidthBudgetBytes: 6n,
      tokenBudget: 8,
    });
    expect((await peer.get(T.recoverable)).text).toBe('object: delta_gap');
  });

  it('of objects in its cache, whose keys have 128 bits, and a submit refers to them', async () => {
    const server = await serving(
      { submit: (operation) => Buffer.from(operation.objects[0]?.bytes ?? []).toString() },
      { supportedCacheObjects: [5] },
    );
    const { peer, session } = await opened(server);
    const key = [u64(2n ** 63n), u64(7)] as const;
    peer.send(
      packet(T.cachePut, { session }, bytes(u32(1), u32(5), ...key, u32(1000), u32(6), u32(0), u32(0)), 'cached'),
    );
    const ack = await peer.get(T.cacheAck);
    expect([ack.u32(0), ack.u32(4), ack.u64(8), ack.u64(16), ack.u32(24)]).toEqual([1, 0, 2n ** 63n, 7n, 1000]);
    expect(
      server
        .sessions()[0]
        ?.cacheObject({ cacheNamespace: 1, objectKind: 5, cacheKeyHi: 2n ** 63n, cacheKeyLo: 7n } as never),
    ).toBeDefined();
    peer.send(packet(T.cacheInvalidate, { session }, bytes(u32(3), u32(1), ...key, u32(0), u32(0))));
    await peer.settled();
    expect(server.sessions()[0]?.cacheObjectCount).toBe(0);
  });
});

describe('a client of this library over preview4', () => {
  it('is known by the trace id of its hello, and told so by that of the answer; it gets ERROR, PING and extension blocks', async () => {
    const server = await serving({ submit: () => Promise.reject(new Error('secret')) });
    const peer = await peerOf(server);
    peer.send(packet(T.hello, { trace: ANNOUNCED }, hello()), packet(T.open, {}, open()));
    const ack = await peer.get(T.helloAck);
    expect([ack.trace, ack.body.length]).toEqual([ANNOUNCED, 0]);
    const opened4 = await peer.get(T.openAck);
    // The announcement of the server, in an extension block.
    expect(opened4.u32(32)).toBeGreaterThan(0);
    expect(server.sessions()[0]?.knowsPeerMessages).toBe(true);
    const pinged = server.sessions()[0]?.ping();
    await peer.get(T.ping);
    peer.send(packet(T.pong));
    await expect(pinged).resolves.toBeGreaterThanOrEqual(0);
    peer.send(packet(T.submit, { session: opened4.session, frame: 1 }, submit({ operation: 1 })));
    expect((await peer.get(T.error)).text).toContain('the handler failed');
    const drop = await peer.get(T.dropReason);
    expect([drop.u16(16), drop.body.length]).toEqual([5, 0]);
  });

  it('is nobody who sends another trace id', async () => {
    const server = await listening();
    const peer = await peerOf(server);
    peer.send(packet(T.hello, { trace: 0x4e4e525400000001n }, hello()), packet(T.open, {}, open()));
    expect((await peer.get(T.helloAck)).trace).toBe(0n);
    expect((await peer.get(T.openAck)).body).toHaveLength(0);
    expect((await server.accept()).knowsPeerMessages).toBe(false);
  });
});
