import { AsyncLocalStorage } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import { COMMON_HEADER_OFFSETS, MessageType, SessionErrorCode } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { type CallInterceptor, call, createRouter } from '../../src/calls/index.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import { eventually } from '../support/eventually.js';
import { ResumablePeer } from '../support/resumable-peer.js';
import { Stage } from '../support/stage.js';
import { ChannelLog, NAMES } from './channel-log.js';

const stage = new Stage();
const log = new ChannelLog();
afterEach(async () => {
  await stage.clear();
  log.clear();
});

describe('channels tell', () => {
  it('of connections and sessions, from both ends, when they begin and end', async () => {
    log.listenToAll();
    const { server, client, session, clientSession } = await stage.session();
    const closed = clientSession.close();
    await session.receiveClose();
    await session.ackClose();
    await closed;
    await client.close();
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    const opened = log.of('nnrp:connection:open').map(({ connection }) => connection);
    expect(opened.map(({ role }) => role).sort()).toEqual(['client', 'server']);
    const ended = log.of('nnrp:connection:end');
    expect(new Set(ended.map(({ connection }) => connection))).toEqual(new Set(opened));
    expect(ended.every(({ error }) => error !== undefined)).toBe(true);
    for (const { sentBytes, receivedBytes } of opened) expect([sentBytes > 0, receivedBytes > 0]).toEqual([true, true]);
    const begun = log.of('nnrp:session:open').map((message) => message.session);
    expect(new Set(begun)).toEqual(new Set([session, clientSession]));
    const over = log.of('nnrp:session:end');
    expect(new Set(over.map((message) => message.session))).toEqual(new Set([session, clientSession]));
    expect(over.map(({ error }) => error?.code)).toEqual(['NNRP_ERR_CLOSED', 'NNRP_ERR_CLOSED']);
  });

  it('of a session that is refused', async () => {
    log.listenToAll();
    const { client } = await stage.pair({ authorize: () => false });
    await expect(client.openSession()).rejects.toThrow();
    expect(log.of('nnrp:session:refuse')).toEqual([
      { remoteAddress: expect.any(String), errorCode: SessionErrorCode.AuthFailed },
    ]);
  });

  it('of a call before it is written, and its subscriber may put names beside it', async () => {
    log.listen('nnrp:call:submit', ({ metadata }) => {
      metadata['added'] = 'by a subscriber';
    });
    log.listen('nnrp:operation:submit');
    const { server, client } = await stage.pair();
    void server.serve(createRouter().route('echo', ({ metadata }) => ({ ...metadata })));
    const session = await client.openSession();
    const metadata = { mine: 'x' };
    const { body } = await call(session, 'echo', undefined, { metadata, requestId: 'id' });
    expect(body).toEqual({ mine: 'x', added: 'by a subscriber' });
    expect(metadata).toEqual({ mine: 'x' });
    const [told] = log.of('nnrp:call:submit');
    expect(told).toMatchObject({ route: 'echo', requestId: 'id' });
    expect(log.of('nnrp:operation:submit')[0]?.call).toBe(told);
  });

  it.each<[string, object]>([
    ['a body', { body: 1n }],
    ['a deadline', { deadlineMs: -1 }],
    ['a signal', { signal: 5 }],
  ])('of the end of a call that an interceptor has given %s that fits nothing', async (_what, broken) => {
    log.listen('nnrp:call:submit').listen('nnrp:operation:submit').listen('nnrp:operation:end');
    const { client } = await stage.pair();
    const session = await client.openSession();
    const interceptors: CallInterceptor[] = [(request, next) => next({ ...request, ...broken })];
    await expect(call(session, 'echo', undefined, { interceptors })).rejects.toThrow('takes');
    const [told] = log.of('nnrp:call:submit');
    const submits = log.of('nnrp:operation:submit');
    expect(submits).toEqual([{ sessionId: session.sessionId, bytes: 0, traceId: 0n, call: told }]);
    expect(log.of('nnrp:operation:end')).toEqual([
      { role: 'client', submit: submits[0], outcome: 'NNRP_ERR_USAGE', error: expect.any(Error) },
    ]);
  });

  it('of an operation in the order of its life, on both ends, with one trace id', async () => {
    log.listen('nnrp:operation:submit', (message) => {
      message.traceId = 0x1234_5678_9abc_def0n;
    });
    for (const name of NAMES) if (name.startsWith('nnrp:operation') && !name.endsWith('submit')) log.listen(name);
    const { server, client } = await stage.pair();
    const seen: bigint[] = [];
    void server.serve({
      async *submit(operation) {
        seen.push(operation.traceId);
        yield 'one';
        yield 'two';
      },
    });
    const session = await client.openSession();
    const operation = await session.submit('work');
    expect(await operation.wholeText()).toBe('onetwo');
    await eventually(() => log.of('nnrp:operation:end').length === 2, 'both ends are told of');
    expect(seen).toEqual([0x1234_5678_9abc_def0n]);
    const [submit] = log.of('nnrp:operation:submit');
    expect(submit).toMatchObject({ sessionId: session.sessionId, bytes: 4 });
    const starts = log.of('nnrp:operation:start');
    expect(starts.map(({ role, frameId, bytes }) => [role, frameId, bytes])).toEqual([
      ['client', 1, 4],
      ['server', 1, 4],
    ]);
    expect(starts[0]?.operation).toBe(operation);
    expect(starts[0]?.submit).toBe(submit);
    for (const role of ['client', 'server'] as const) {
      const results = log.of('nnrp:operation:result').filter((message) => message.role === role);
      expect(results.map(({ partial }) => partial)).toEqual([true, true, false]);
      expect(results.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(6);
      const end = log.of('nnrp:operation:end').find((message) => message.role === role);
      expect(end).toMatchObject({ outcome: 'completed' });
      expect(end?.operation).toBe(starts.find((message) => message.role === role)?.operation);
    }
  });

  it('of the caller in its own async context, also where the submit waits for its turn', async () => {
    const store = new AsyncLocalStorage<string>();
    const heard: unknown[] = [];
    log.listen('nnrp:operation:submit', () => heard.push(store.getStore()));
    log.listen('nnrp:operation:start').listen('nnrp:operation:end');
    const { session, clientSession } = await stage.session({ maxInFlightOperations: 1 });
    const first = await store.run('first', () => clientSession.submit('a'));
    const second = store.run('second', () => clientSession.submit('b'));
    expect(heard).toEqual(['first', 'second']);
    expect(log.of('nnrp:operation:start').filter(({ role }) => role === 'client')).toHaveLength(1);
    await (await session.receiveSubmit()).complete('x');
    await first.result();
    await second;
    const clients = log.of('nnrp:operation:start').filter(({ role }) => role === 'client');
    expect(clients.map(({ submit }) => submit)).toEqual(log.of('nnrp:operation:submit'));
  });

  it('of a submit that is never sent', async () => {
    log.listenToAll();
    const { clientSession } = await stage.session({ maxInFlightOperations: 1 });
    await clientSession.submit('a');
    const given = new AbortController();
    const waiting = clientSession.submit('b', { signal: given.signal });
    expect(() => clientSession.submitNow('c')).toThrow();
    given.abort();
    await expect(waiting).rejects.toThrow('cancelled');
    const [, second, third] = log.of('nnrp:operation:submit');
    const unsent = log.of('nnrp:operation:end').filter(({ submit }) => submit !== undefined);
    expect(unsent.map(({ submit, outcome, operation }) => [submit, outcome, operation])).toEqual([
      [third, 'NNRP_ERR_FLOW_BLOCKED', undefined],
      [second, 'NNRP_ERR_CANCELLED', undefined],
    ]);
  });

  it.each([
    [7n, 7n],
    [-1n, 0n],
    [1n << 64n, 0n],
    ['no bigint', 0n],
  ])('trace id %s of a subscriber goes along when it fits', async (traceId, sent) => {
    log.listen('nnrp:operation:submit', (message) => {
      message.traceId = traceId as bigint;
    });
    const { session, clientSession } = await stage.session();
    await clientSession.submit('work');
    expect((await session.receiveSubmit()).traceId).toBe(sent);
  });

  it('of the deadline of a call that has waited for its turn until then', async () => {
    log.listen('nnrp:operation:submit').listen('nnrp:operation:end');
    const { session, clientSession } = await stage.session({ maxInFlightOperations: 1 });
    const first = call(clientSession, 'a');
    const submit = await session.receiveSubmit();
    const late = call(clientSession, 'b', undefined, { deadlineMs: 1 });
    await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_DEADLINE' });
    await submit.drop();
    await first.catch(() => {});
    const ends = log.of('nnrp:operation:end').filter(({ role }) => role === 'client');
    expect(ends.map(({ outcome, error }) => [outcome, (error as Error & { code: string })?.code])).toEqual([
      ['NNRP_ERR_DEADLINE', 'NNRP_ERR_DEADLINE'],
      ['NNRP_ERR_RESULT_DROPPED', 'NNRP_ERR_RESULT_DROPPED'],
    ]);
  });

  it('how an operation ends, by a reason of the server and a code of the client', async () => {
    log.listen('nnrp:operation:end');
    const { server, client } = await stage.pair({ deadlines: true, maxInFlightOperations: 8 });
    server.on('handlerFailure', () => {});
    void server.serve({
      submit: (operation) => {
        const kind = operation.text();
        if (kind === 'fail') throw new Error('a defect');
        if (kind === 'refuse') throw new HandlerError('MINE', 'on purpose');
        if (kind === 'drop') return operation.drop();
        return operation.finished;
      },
    });
    const session = await client.openSession();
    for (const kind of ['fail', 'refuse', 'drop']) await expect(session.request(kind)).rejects.toThrow();
    await expect(session.request('wait', { deadlineMs: 20 })).rejects.toThrow();
    const given = await session.submit('wait');
    given.cancel();
    await expect(given.result()).rejects.toThrow();
    await client.ping();
    const of = (which: string) => log.of('nnrp:operation:end').filter(({ role }) => role === which);
    await eventually(() => of('server').length === 5, 'all have ended');
    expect(of('server').map(({ outcome }) => outcome)).toEqual([
      'handler_failed',
      'handler_error',
      'dropped',
      'deadline',
      'cancelled',
    ]);
    expect(of('client').map(({ outcome }) => outcome)).toEqual([
      'NNRP_ERR_HANDLER_FAILED',
      'MINE',
      'NNRP_ERR_RESULT_DROPPED',
      'NNRP_ERR_DEADLINE',
      'NNRP_ERR_CANCELLED',
    ]);
  });

  it('of packets with their heads, and never with a body', async () => {
    log.listen('nnrp:packet:send').listen('nnrp:packet:receive');
    const { session, clientSession } = await stage.session();
    await clientSession.submit('the secret body');
    await (await session.receiveSubmit()).complete('the secret answer');
    await eventually(() => log.of('nnrp:packet:receive').length >= 4, 'all have come');
    const sent = log.of('nnrp:packet:send');
    const submit = sent.find(({ head }) => head[COMMON_HEADER_OFFSETS.messageType] === MessageType.FrameSubmit);
    expect(submit).toMatchObject({ bodyBytes: 15 });
    expect(submit?.connection.role).toBe('client');
    const all = [...sent, ...log.of('nnrp:packet:receive')].map(({ head }) => Buffer.from(head).toString('latin1'));
    expect(all.some((text) => text.includes('secret'))).toBe(false);
  });

  it('of sessions that are suspended, resumed and lost', async () => {
    log.listenToAll();
    const server = await stage.serve({ resumeWindowMs: 300 });
    const peer = await ResumablePeer.open(stage, server);
    const { sessionId } = await server.accept();
    peer.lose();
    await eventually(() => log.of('nnrp:recovery:suspend').length === 1, 'it is suspended');
    await eventually(() => log.of('nnrp:recovery:lose').length === 1, 'it is lost');
    expect(log.of('nnrp:recovery:suspend')[0]).toMatchObject({ role: 'server', sessionId });
    expect(log.of('nnrp:recovery:lose')[0]).toMatchObject({ role: 'server', sessionId });
    // A client of a test before may still be ending.
    expect(log.of('nnrp:session:end').filter(({ role }) => role === 'server')).toHaveLength(1);
    expect(server.counters()).toMatchObject({ suspendedSessions: 1, resumedSessions: 0, lostSessions: 1 });
  });
});

describe('a subscriber that throws', () => {
  it('costs neither session nor operation', async () => {
    const errors: unknown[] = [];
    const keep = (error: unknown) => errors.push(error);
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', keep);
    try {
      const throws = () => {
        throw new Error('of the subscriber');
      };
      for (const name of NAMES) log.listen(name, throws);
      const { session, clientSession } = await stage.session();
      const operation = await clientSession.submit('work');
      await (await session.receiveSubmit()).complete('done');
      expect((await operation.result()).text()).toBe('done');
      log.clear();
      await stage.turns(2);
      // Node makes it an uncaught exception, as of all channels.
      expect(errors.length).toBeGreaterThan(5);
      expect(new Set(errors.map(String))).toEqual(new Set(['Error: of the subscriber']));
    } finally {
      process.off('uncaughtException', keep);
      for (const listener of before) process.on('uncaughtException', listener);
    }
  });
});

it('the names are those of the module, and no channel has a subscriber when nobody listens', () => {
  expect(NAMES.filter((name) => diagnostics.hasSubscribers(name))).toEqual([]);
});
