import { afterEach, describe, expect, it } from 'vitest';
import {
  authentication,
  type CallInterceptor,
  type CallRecord,
  call,
  callLogging,
  callStream,
  createRouter,
  retries,
} from '../../src/calls/index.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import { eventually } from '../support/eventually.js';
import { CallsStage, refusal } from './calls-stage.js';

const stage = new CallsStage();
afterEach(() => stage.clear());

/** Puts its name around what passes. */
function named(name: string): CallInterceptor {
  return async function* (request, next) {
    const steps = next({ ...request, body: `${request.body}>${name}` });
    for (;;) {
      const step = await steps.next();
      if (step.done === true) return { ...step.value, body: `${step.value.body}<${name}` };
      yield `${step.value}|${name}`;
    }
  };
}

describe('interceptors', () => {
  it('of a client stand around a call, the first one outermost', async () => {
    const router = createRouter().route('a', async function* ({ body }) {
      yield 'part';
      return body;
    });
    const { session } = await stage.calling(router);
    const stream = callStream(session, 'a', 'body', { interceptors: [named('1'), named('2')] });
    const parts: unknown[] = [];
    for await (const part of stream) parts.push(part);
    expect([parts, (await stream.result()).body]).toEqual([['part|2|1'], 'body>1>2<2<1']);
  });

  it('of a client may answer without a call, and may not send metadata that is none', async () => {
    const session = { submit: () => Promise.reject(new Error('it was sent')) };
    // biome-ignore lint/correctness/useYield: it answers at once
    const cached: CallInterceptor = async function* () {
      return { body: 'cached', metadata: {} };
    };
    expect((await call(session, 'a', 1, { interceptors: [cached] })).body).toBe('cached');
    const wrong: CallInterceptor = (request, next) => next({ ...request, metadata: { 'a b': '' } });
    expect(await refusal(call(session, 'a', 1, { interceptors: [wrong] }))).toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('of a server stand around handlers, and are left with them', async () => {
    const seen: string[] = [];
    const router = createRouter({
      interceptors: [
        async function* (incoming, next) {
          seen.push('begin');
          try {
            incoming.answerMetadata.set('by', 'interceptor');
            return yield* next(incoming);
          } finally {
            seen.push('end');
          }
        },
      ],
    }).route('a', async function* () {
      yield 1;
      yield 2;
      return 3;
    });
    const { session } = await stage.calling(router);
    expect({ ...(await call(session, 'a')).metadata }).toEqual({ by: 'interceptor' });
    for await (const _ of callStream(session, 'a')) break;
    await eventually(() => seen.length === 4, 'both were left');
    expect(seen).toEqual(['begin', 'end', 'begin', 'end']);
  });

  it('of a server let in whom they know', async () => {
    const router = createRouter({
      interceptors: [authentication(async ({ metadata }) => metadata['authorization'] === 'Bearer key')],
    }).route('a', () => 'in');
    const { session } = await stage.calling(router);
    expect((await call(session, 'a', 1, { metadata: { authorization: 'Bearer key' } })).body).toBe('in');
    for (const metadata of [{}, { authorization: 'Bearer other' }]) {
      expect(await refusal(call(session, 'a', 1, { metadata }))).toMatchObject({
        code: 'unauthenticated',
        isRetryable: false,
      });
    }
  });
});

describe('the log of calls', () => {
  it('tells of each on both ends, without bodies and metadata', async () => {
    const records: CallRecord[] = [];
    const log = (record: CallRecord) => void records.push(record);
    const router = createRouter({ interceptors: [callLogging(log)] })
      .route('a', async function* () {
        yield 'secret';
        yield 'secret';
      })
      .route('b', () => {
        throw new HandlerError('no', 'secret');
      });
    const { session } = await stage.calling(router);
    const options = { requestId: 'r', metadata: { key: 'secret' }, interceptors: [callLogging(log)] };
    await call(session, 'a', 'secret', options);
    await refusal(call(session, 'b', 'secret', options));
    for await (const _ of callStream(session, 'a', 'secret', options)) break;
    await eventually(() => records.length === 6, 'all are over');
    const facts = records.map(({ route, requestId, outcome, partials }) => [route, requestId, outcome, partials]);
    expect(facts.slice(0, 4)).toEqual([
      ['a', 'r', 'ok', 2],
      ['a', 'r', 'ok', 2],
      ['b', 'r', 'no', 0],
      ['b', 'r', 'no', 0],
    ]);
    // The server may have sent all of it before it learns that the rest is not wanted.
    expect(facts.slice(4)).toContainEqual(['a', 'r', 'left', 1]);
    expect(JSON.stringify(records)).not.toContain('secret');
  });
});

describe('retries', () => {
  /** A server that fails the first attempts, and how often it was asked. */
  async function failing(error: () => Error, attempts: number, partialFirst = false) {
    const asked: number[] = [];
    const router = createRouter().route('a', async function* ({ deadlineMs }) {
      asked.push(deadlineMs);
      if (partialFirst) yield 'part';
      if (asked.length <= attempts) throw error();
      return 'at last';
    });
    return { asked, ...(await stage.calling(router)) };
  }
  const busy = () => new HandlerError('busy', 'later', { retryAfterMs: 1 });

  it('repeat what the handler asks to repeat, as often as they may', async () => {
    const { session, asked } = await failing(busy, 2);
    const interceptors = [retries({ maxAttempts: 3, backoffMs: 1 })];
    expect((await call(session, 'a', 1, { interceptors, deadlineMs: 60_000 })).body).toBe('at last');
    expect(asked.length).toBe(3);
    expect(asked[2]).toBeLessThan(60_000);
    const second = await failing(busy, 5);
    expect(await refusal(call(second.session, 'a', 1, { interceptors }))).toMatchObject({ code: 'busy' });
    expect(second.asked.length).toBe(3);
  });

  it.each<[string, () => Error, boolean, number]>([
    ['what is not said to be retryable', () => new HandlerError('no', 'never'), false, 1],
    ['what has given a partial result', busy, true, 1],
    ['what is to wait longer than is waited', () => new HandlerError('b', 'l', { retryAfterMs: 60_000 }), false, 1],
    ['a defect', () => new Error('defect'), false, 1],
  ])('do not repeat %s', async (_what, error, partialFirst, attempts) => {
    const { session, asked } = await failing(error, 1, partialFirst);
    await refusal(call(session, 'a', 1, { interceptors: [retries({ maxWaitMs: 50, backoffMs: 0 })] }));
    expect(asked.length).toBe(attempts);
    stage.failures.splice(0);
  });

  it('repeat work that may have been begun only where that does no harm', async () => {
    let submits = 0;
    const { TransportError } = await import('nnrp-core');
    const session = {
      submit: () => {
        submits++;
        return Promise.reject(new TransportError('lost'));
      },
    };
    const interceptors = [retries({ maxAttempts: 2, backoffMs: 0 })];
    await refusal(call(session, 'a', 1, { interceptors }));
    expect(submits).toBe(1);
    await refusal(call(session, 'a', 1, { interceptors, isIdempotent: true }));
    expect(submits).toBe(3);
  });

  it('end when the signal aborts while they wait, and when the deadline leaves no time', async () => {
    const late = () => new HandlerError('busy', 'later', { retryAfterMs: 20_000 });
    const { session, asked } = await failing(late, 1);
    const enough = new AbortController();
    const waiting = call(session, 'a', 1, { signal: enough.signal, interceptors: [retries()] });
    await eventually(() => asked.length === 1, 'it was asked');
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    enough.abort();
    expect(await refusal(waiting)).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    const { session: other, asked: askedOnce } = await failing(late, 1);
    expect(await refusal(call(other, 'a', 1, { deadlineMs: 10_000, interceptors: [retries()] }))).toMatchObject({
      code: 'busy',
    });
    expect(askedOnce.length).toBe(1);
  });

  it('end with the session while they wait, and say why that is over', async () => {
    const late = () => new HandlerError('busy', 'later', { retryAfterMs: 20_000 });
    const passedOn: CallInterceptor = (request, next) => next(request);
    const { client, session, asked } = await failing(late, 5);
    const streams = [[retries()], [retries(), passedOn], [passedOn, retries({ maxAttempts: 2 })]].map((interceptors) =>
      refusal(call(session, 'a', 1, { interceptors })),
    );
    await eventually(() => asked.length === streams.length && session.inFlightCount === 0, 'all wait');
    await session.close();
    for (const failed of await Promise.all(streams)) expect(failed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    const second = await client.openSession({ maxInFlightOperations: 0 });
    const waiting = refusal(call(second, 'a', 1, { interceptors: [retries()] }));
    await eventually(() => asked.length === streams.length + 1 && second.inFlightCount === 0, 'it waits');
    await client.close();
    expect(await waiting).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('take options that exist', () => {
    expect(() => retries({ maxAttempts: 0 })).toThrow(/maxAttempts takes an integer of 1/);
    expect(() => retries({ attempts: 1 } as never)).toThrow(/there is no option 'attempts'/);
  });
});
