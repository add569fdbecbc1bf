import { describe, expect, it } from 'vitest';
import { carrier } from '../../support/carrier.js';
import { preview4Stage } from './preview4-stage.js';
import { metadata, T } from './raw-server.js';

const stage = preview4Stage();

describe('what preview4 says of an operation', () => {
  it('goes through the scenario of the suite: progress, credit, a part, a result with a raw body, a close', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const events = session.events()[Symbol.asyncIterator]();
    const operation = await session.submit('any', { operationId: 301n });
    const reports: unknown[] = [];
    const reading = (async () => {
      for await (const { percent, stageCode, sequence, body } of operation.progress())
        reports.push([percent, stageCode, sequence, Buffer.from(body).toString()]);
    })();
    const submit = await link.next(T.SUBMIT);
    link.progress(submit, 1, 2500, 'stage');
    link.send(T.CREDIT, session.sessionId, 0, metadata(32, [0, 64, 1], [8, 64, 1]));
    link.partial(submit, 1, 'partial');
    link.result(submit, 'wire-external-result');
    const texts: string[] = [];
    for await (const result of operation) texts.push(result.text());
    await reading;
    expect(texts).toEqual(['partial', 'wire-external-result']);
    expect(reports).toEqual([[25, 1, 1n, 'stage']]);
    expect(await session.close()).toEqual({ drained: true, cut: [] });
    const close = await link.next(T.SESSION_CLOSE);
    expect(close.metadata.toString('hex')).toBe(
      metadata(24, [0, 16, 1], [8, 64, 301], [20, 32, session.sessionId]).toString('hex'),
    );
    const types: unknown[] = [];
    for (let next = await events.next(); !next.done; next = await events.next()) types.push(next.value.type);
    expect(types).toEqual(['progress', 'creditUpdate', 'closeAck', 'end']);
    expect(link.death).toBeUndefined();
  });

  it('is nothing more of its progress once it is over, which would end the session of a reference', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const operation = await session.submit('a');
    const said = { progressSequence: 1n, percentX100: 5 };
    expect(session.controls.progress(said, operation)).toBe(true);
    const submit = await link.next(T.SUBMIT);
    await link.next(T.PROGRESS);
    link.result(submit, 'done');
    await operation.result();
    expect(session.controls.progress({ ...said, progressSequence: 2n }, operation)).toBe(true);
    await session.close();
    await link.next(T.SESSION_CLOSE);
    expect(link.received.filter(({ type }) => type === T.PROGRESS)).toHaveLength(1);
  });

  it('changes priority, deadline and expiry, and names a successor', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const operation = await session.submit('a', { operationId: 201n });
    expect(operation.setPriority(10, -3)).toBe(true);
    expect(operation.setDeadline(new Date(4_000_000_000_000))).toBe(true);
    expect(operation.expireAt(1)).toBe(true);
    expect(operation.supersede(5n)).toBe(true);
    const head = async (type: number) => (await link.next(type)).metadata.toString('hex');
    const priority = metadata(32, [0, 64, 201], [8, 64, 201], [16, 16, 10]);
    priority.writeInt16LE(-3, 18);
    expect(await head(T.PRIORITY)).toBe(priority.toString('hex'));
    expect(await head(T.DEADLINE)).toBe(
      metadata(32, [0, 64, 201], [8, 64, 202], [20, 64, 4_000_000_000_000]).toString('hex'),
    );
    expect(await head(T.EXPIRE)).toBe(
      metadata(32, [0, 64, 201], [8, 64, 203], [20, 64, 1], [28, 32, 3]).toString('hex'),
    );
    const supersede = await link.next(T.SUPERSEDE);
    expect([supersede.frame, supersede.metadata.toString('hex')]).toEqual([
      1,
      metadata(32, [0, 64, 201], [8, 64, 5], [16, 64, 204], [24, 16, 2], [26, 16, 1]).toString('hex'),
    ]);
    link.dropReason(await link.next(T.SUBMIT), 2);
    await expect(operation.result()).rejects.toMatchObject({ reasonCode: 2 });
    // It is over: nothing is sent for it any more.
    expect([
      operation.setPriority(1),
      operation.setDeadline(5),
      operation.expireAt(5),
      operation.supersede(6n),
    ]).toEqual([false, false, false, false]);
    for (const at of [0, -1, 1.5, Number.NaN, '5', null, new Date(Number.NaN)])
      expect(() => operation.setDeadline(at as never)).toThrow(/a deadline takes a Date or milliseconds since 1970/);
    expect(link.received.filter(({ type }) => type >= T.PRIORITY && type <= T.SUPERSEDE)).toHaveLength(4);
  });

  it('says a deadline before the submit', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    await session.submit('a', { operationId: 151n, deadlineAt: 4_000_000_000_000 });
    const [deadline, submit] = [await link.next(T.DEADLINE), await link.next(T.SUBMIT)];
    expect(link.received.indexOf(deadline)).toBeLessThan(link.received.indexOf(submit));
    expect([deadline?.frame, deadline?.metadata.toString('hex')]).toEqual([
      1,
      metadata(32, [0, 64, 151], [8, 64, 151], [20, 64, 4_000_000_000_000]).toString('hex'),
    ]);
    expect([submit?.frame, submit?.metadata.readBigUInt64LE(40)]).toEqual([1, 151n]);
    // What cannot be sent reserves nothing.
    const metadataOfNone = { lossTolerancePolicy: 9 };
    expect(() => session.submitNow('b', { deadlineAt: 5, metadata: metadataOfNone })).toThrow();
    expect(link.received.filter(({ type }) => type === T.DEADLINE)).toHaveLength(1);
  });

  it('says no deadline that is over: the submit fails, and the session goes on', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const late = await session.submit('a', { deadlineAt: Date.now() }).then(
      () => 'sent',
      (error: unknown) => error,
    );
    expect(late).toMatchObject({ code: 'NNRP_ERR_DEADLINE' });
    const operation = await session.submit('b');
    const submit = await link.next(T.SUBMIT);
    link.result(submit, 'done');
    expect((await operation.result()).text()).toBe('done');
    expect(link.received.map(({ type }) => type)).not.toContain(T.DEADLINE);
    expect(submit.frame).toBe(1);
  });

  it('says nothing more of one that is superseded: to a reference from 4.23 on it is over', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const [old, next] = [await session.submit('a'), await session.submit('b')];
    const [first] = [await link.next(T.SUBMIT), await link.next(T.SUBMIT)];
    expect(old.supersede(next)).toBe(true);
    expect([old.supersede(next), old.setPriority(1), old.setDeadline(4_000_000_000_000)]).toEqual([
      false,
      false,
      false,
    ]);
    await old.cancel();
    link.dropReason(first, 2);
    await expect(old.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await session.close({ inFlightPolicy: 1 });
    await link.next(T.SESSION_CLOSE);
    const said = link.received.map(({ type }) => type).filter((type) => type >= 0x30);
    expect(said).toEqual([T.SUPERSEDE]);
  });

  it('says hints, budgets, references and releases of one that is over to nobody, or of the session', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const { controls } = session;
    const operation = await session.submit('a');
    controls.declareObject({ objectId: 5n, byteSize: 1n });
    link.result(await link.next(T.SUBMIT), 'done');
    await operation.result();
    expect(controls.routeHint({ routeId: 1 }, operation)).toBe(true);
    expect(controls.executionHint({ routeId: 1 }, operation)).toBe(true);
    expect(controls.budget({ tokenBudget: 1 }, operation)).toBe(true);
    controls.referObject({ objectId: 5n }, operation);
    controls.releaseObject({ objectId: 5n }, operation);
    const [reference, release] = [await link.next(T.REF), await link.next(T.RELEASE)];
    for (const { frame, metadata: said } of [reference, release])
      expect([frame, said.readBigUInt64LE(8)]).toEqual([0, 0n]);
    const said = link.received.map(({ type }) => type).filter((type) => type >= 0x30);
    expect(said).toEqual([T.DECLARE, T.REF, T.RELEASE]);
  });

  it('says hints, budgets, traces, capabilities, caches, errors and objects of the session, and hears them', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const { controls } = session;
    const operation = await session.submit('a');
    controls.routeHint({ routeId: 92, executorClass: 3, body: 'hint' }, operation);
    controls.executionHint({ routeId: 1 });
    controls.budget({ tokenBudget: 7 }, operation);
    controls.negotiate({ profileId: 2, capabilities: ['control.trace_context', 'control.cancel_abort'] });
    controls.degrade({ profileId: 2 });
    controls.traceContext({ traceId: 5n, spanId: 6n });
    controls.cacheReference({ cacheNamespace: 1, cacheKeyHi: 2n, cacheKeyLo: 3n, profileId: 2 });
    controls.cacheMiss({ cacheNamespace: 1, cacheKeyLo: 3n, missReason: 1 });
    controls.recoverableError({ errorCode: 3, body: 'soon' });
    controls.retryAfter({ retryAfterMs: 5, jitterMs: 1 });
    controls.credit({ creditWindow: 3n });
    controls.backpressure();
    controls.declareObject({ objectId: 9n, byteSize: 100n });
    controls.referObject({ objectId: 9n }, operation);
    controls.deltaObject({ objectId: 9n, delta: Buffer.from('xy') });
    controls.patchObject({ objectId: 9n, delta: Buffer.from('z'), metadata: Buffer.from('m') });
    controls.releaseObject({ objectId: 9n });
    expect(() => controls.releaseObject({ objectId: 9n })).toThrow(/there is no object 9/);
    const types = [
      T.ROUTE,
      T.EXECUTION,
      T.BUDGET,
      T.CAPABILITY,
      T.DEGRADE,
      T.TRACE,
      T.CACHE_REFERENCE,
      T.CACHE_MISS,
      T.RECOVERABLE,
      T.RETRY_AFTER,
      T.CREDIT,
      T.BACKPRESSURE,
      T.DECLARE,
      T.REF,
      T.DELTA,
      T.PATCH_OBJECT,
      T.RELEASE,
    ];
    const seen = await Promise.all(types.map((type) => link.next(type)));
    expect(seen.map(({ frame }) => frame)).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    expect(seen[3]?.body.toString('latin1')).toContain('control.cancel_abort');
    expect(seen[5]?.trace).toBe(5n);
    expect(seen[15]?.body.toString()).toBe('mz');
    expect(link.death).toBeUndefined();

    const events = session.events()[Symbol.asyncIterator]();
    // Any bytes are a body of capabilities, as those of releases up to 4.25 are.
    link.send(T.CAPABILITY, 1, 0, metadata(32, [0, 16, 2], [2, 16, 2], [24, 32, 4]), 'cap!');
    link.send(T.ROUTE, 1, 1, metadata(32, [0, 64, 1], [8, 32, 92], [24, 32, 4]), 'hint');
    link.send(
      T.TRACE,
      1,
      0,
      metadata(32, [0, 64, 0x1234], [8, 64, 0x5678], [24, 16, 1], [28, 32, 5]),
      'trace',
      0x1234n,
    );
    link.send(T.DECLARE, 1, 0, metadata(48, [0, 64, 77], [8, 16, 1], [10, 8, 2], [11, 8, 1], [12, 32, 1]));
    link.send(T.CACHE_MISS, 1, 0, metadata(32, [0, 32, 1], [4, 16, 2], [6, 16, 1]));
    link.send(T.RECOVERABLE, 1, 0, metadata(32, [0, 32, 3], [28, 32, 4]), 'soon');
    const told: unknown[] = [];
    for (let count = 0; count < 6; count++) {
      const { value } = await events.next();
      if (value === undefined || !('metadata' in value)) throw new Error('no such event');
      told.push([value.type, Buffer.from(value.body).toString(), value.operation?.id]);
    }
    expect(told).toEqual([
      ['capabilityNegotiation', 'cap!', undefined],
      ['routeHint', 'hint', 1n],
      ['traceContext', 'trace', undefined],
      ['objectDeclare', '', undefined],
      ['cacheMiss', '', undefined],
      ['recoverableError', 'soon', undefined],
    ]);
    expect(controls.objects.get(77n)?.declaredBy).toBe('peer');
  });

  it('is refused over preview3, which has no words for it', async () => {
    const server = await carrier.bind({ revision: 'preview3' });
    const client = await carrier.openClient(server.localAddress);
    stage.later(() => client.close({ inFlightPolicy: 1 }));
    // It goes first: nothing here confirms that a session is closed.
    stage.later(() => server.close({ drainTimeoutMs: 0 }));
    const [session] = await Promise.all([client.openSession(), server.accept()]);
    expect([client.revision, session.revision]).toEqual(['preview3', 'preview3']);
    const operation = await session.submit('a');
    expect(operation.id).toBe(1n);
    const needs = /needs preview4; this session speaks preview3/;
    expect(() => operation.progress()).toThrow(needs);
    expect(() => operation.setPriority(1)).toThrow(needs);
    expect(() => operation.setDeadline(1)).toThrow(needs);
    expect(() => operation.expireAt(1)).toThrow(needs);
    expect(() => operation.supersede(1n)).toThrow(needs);
    expect(() => operation.cancel({ abort: true })).toThrow(needs);
    expect(() => operation.cancel({ reasonCode: 4 })).toThrow(needs);
    expect(() => session.controls.traceContext({ traceId: 1n, spanId: 1n })).toThrow(needs);
    expect(() => session.submitNow('b', { operationId: 5n })).toThrow(needs);
    expect(() => session.submitNow('b', { deadlineAt: 5 })).toThrow(needs);
    expect(() => session.recoveryTicket()).toThrow(/gives no recovery ticket/);
    await expect(client.resumeSession(new Uint8Array(40))).rejects.toThrow(needs);
    operation.cancel({ reason: 'told' });
    await expect(operation.result()).rejects.toMatchObject({ cause: 'told' });
  });
});

describe('pressure', () => {
  it('holds submits back until the window is larger, level or pause are lifted, or the time is over', async () => {
    const { client, link } = await stage.serve({ credit: 9, inFlight: 9 });
    const session = await client.openSession({ maxInFlightOperations: 9 });
    const events = session.events()[Symbol.asyncIterator]();
    const blockedBy = async (reason: string, lift: () => void) => {
      await events.next();
      expect(() => session.submitNow('no')).toThrow(reason);
      const waiting = session.submit(reason);
      lift();
      const submit = await link.next(T.SUBMIT);
      expect(submit.body.toString()).toBe(reason);
      link.result(submit, 'ok');
      await (await waiting).result();
    };
    const { sessionId } = session;
    link.pressure(T.CREDIT, sessionId, 0);
    await blockedBy('credit', () => link.pressure(T.CREDIT, sessionId, 1));
    await events.next();
    link.pressure(T.BACKPRESSURE, sessionId, 0, 2);
    await blockedBy('hard', () => link.pressure(T.CREDIT, sessionId, 4));
    await events.next();
    link.pressure(T.BACKPRESSURE, sessionId, 0, 3);
    await blockedBy('paused', () => link.pressure(T.BACKPRESSURE, sessionId, 0, 1));
    await events.next();
    link.pressure(T.BACKPRESSURE, sessionId, 0, 3, 30);
    await blockedBy('retry_after', () => {});
    link.send(T.RETRY_AFTER, sessionId, 0, metadata(32, [16, 32, 20], [20, 32, 10]));
    await blockedBy('retry_after', () => {});
    link.pressure(T.BACKPRESSURE, sessionId, 0, 2, 0, 1);
    await blockedBy('hard', () => link.pressure(T.CREDIT, sessionId, 9, 0, 0, 1));
    // That of one operation says nothing about new ones.
    link.pressure(T.BACKPRESSURE, sessionId, 0, 2, 0, 2);
    await session.submit('free');
  });
});
