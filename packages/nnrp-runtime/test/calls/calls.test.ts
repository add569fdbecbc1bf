import { afterEach, describe, expect, it } from 'vitest';
import { call, callStream, createRouter, type IncomingCall, profileCall } from '../../src/calls/index.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import { eventually } from '../support/eventually.js';
import { CallsStage, refusal } from './calls-stage.js';

const stage = new CallsStage();
afterEach(() => stage.clear());

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a call', () => {
  it('gets to the handler of its name with body and metadata, and back with an answer and metadata', async () => {
    const seen: IncomingCall[] = [];
    const router = createRouter().route<{ texts: string[] }>('embed', (incoming) => {
      seen.push(incoming);
      incoming.answerMetadata.set('model', 'small');
      return { vectors: incoming.body.texts.map((text) => [text.length]) };
    });
    const { session } = await stage.calling(router);
    const answer = await call(
      session,
      'embed',
      { texts: ['a', 'bc'] },
      { metadata: { traceparent: '00-1-2-01', tenant: 'acme' }, requestId: 'r1', deadlineMs: 60_000 },
    );
    expect(answer.body).toEqual({ vectors: [[1], [2]] });
    expect({ ...answer.metadata }).toEqual({ model: 'small' });
    const [{ route, requestId, metadata, schema, deadlineMs, signal, operation }] = seen as [IncomingCall];
    expect({ route, requestId, schema, deadlineMs, aborted: signal.aborted }).toEqual({
      route: 'embed',
      requestId: 'r1',
      schema: 'nnrp-call/1',
      deadlineMs: 60_000,
      aborted: false,
    });
    expect({ ...metadata }).toEqual({ traceparent: '00-1-2-01', tenant: 'acme' });
    expect(operation.routeId).toBe(0);
  });

  it('goes by number in the header where that is enough', async () => {
    const router = createRouter().route(65_535, ({ route, body, operation }) => [route, body, operation.routeId]);
    const { session } = await stage.calling(router);
    expect((await call(session, 65_535, 'x')).body).toEqual([65_535, 'x', 65_535]);
  });

  it('keeps its number while it waits for its turn', async () => {
    const router = createRouter().route(7, ({ body }) => body);
    const { session } = await stage.calling(router, 1);
    const answers = await Promise.all([1, 2, 3].map((body) => call(session, 7, body)));
    expect(answers.map(({ body }) => body)).toEqual([1, 2, 3]);
  });

  it.each([
    ['nothing', undefined, undefined],
    ['null', null, null],
    ['a list', [1, 'two'], [1, 'two']],
    ['bytes', Uint8Array.of(0, 255), Uint8Array.of(0, 255)],
    ['floats', new Float32Array([0.5]), new Uint8Array(new Float32Array([0.5]).buffer)],
  ])('carries %s both ways', async (_what, body, expected) => {
    const router = createRouter().route('echo', (incoming) => incoming.body);
    const { session } = await stage.calling(router);
    const { body: back } = await call(session, 'echo', body);
    expect(back instanceof Uint8Array ? new Uint8Array(back) : back).toEqual(expected);
  });

  it.each(['preview3', 'preview4'] as const)(
    'takes bytes there and back over %s, each in its form',
    async (revision) => {
      const kinds: unknown[] = [];
      const router = createRouter().route<Uint8Array>('work', async function* ({ body, operation }) {
        kinds.push(
          operation.payloadFrames.map(({ descriptor }) => 'payloadKind' in descriptor && descriptor.payloadKind),
        );
        yield body;
        yield new Uint8Array(0);
        return Uint8Array.of(2);
      });
      const { server, client } = await stage.pair({}, { revision });
      void server.serve(router);
      const stream = callStream(await client.openSession(), 'work', Uint8Array.of(1));
      expect(await all(stream)).toEqual([Uint8Array.of(1), new Uint8Array(0)]);
      expect((await stream.result()).body).toEqual(Uint8Array.of(2));
      expect(kinds).toEqual([revision === 'preview4' ? [0x10, 0x40] : [false, false]]);
    },
  );

  it('gets partial results in order, bytes among them, and the answer after them', async () => {
    const router = createRouter().route('count', async function* () {
      yield 1;
      yield { two: 2 };
      yield Uint8Array.of(3);
      return 'done';
    });
    const { session } = await stage.calling(router);
    const counting = callStream(session, 'count');
    const [one, two, three] = await all(counting);
    expect([one, two, [...(three as Uint8Array)]]).toEqual([1, { two: 2 }, [3]]);
    expect((await counting.result()).body).toBe('done');
    expect((await callStream(session, 'count').result()).body).toBe('done');
    expect((await call(session, 'count')).body).toBe('done');
  });

  it('has one loop, and none after result() was asked for', async () => {
    const { session } = await stage.calling(createRouter().route('a', () => 1));
    const stream = callStream(session, 'a');
    await all(stream);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(/one loop/);
    const asked = callStream(session, 'a');
    await asked.result();
    expect(() => asked[Symbol.asyncIterator]()).toThrow(/one loop/);
  });

  it('is given up when its loop is left, when its signal aborts, and when its deadline is over', async () => {
    const ends: string[] = [];
    const router = createRouter().route('endless', async function* ({ signal }) {
      signal.addEventListener('abort', () => ends.push((signal.reason as { code: string }).code));
      try {
        for (let at = 0; ; at++) {
          yield at;
          if (at === 2) await new Promise((_resolve, reject) => signal.addEventListener('abort', reject));
        }
      } finally {
        ends.push('left');
      }
    });
    const { session } = await stage.calling(router);
    const stream = callStream(session, 'endless');
    for await (const at of stream) if (at === 1) break;
    expect(await refusal(stream.result())).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await eventually(() => ends.includes('left'), 'the handler was left');
    const enough = new AbortController();
    const aborted = call(session, 'endless', undefined, { signal: enough.signal });
    await eventually(() => session.inFlightCount === 1, 'it is under way');
    enough.abort();
    expect(await refusal(aborted)).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    const late = call(session, 'endless', undefined, { deadlineMs: 1 });
    expect(await refusal(late)).toMatchObject({ code: 'NNRP_ERR_DEADLINE' });
  });

  it.each(['return', 'throw'] as const)(
    'fails its result when its iterator is left by %s before the first step',
    async (how) => {
      const { session } = await stage.calling(createRouter().route('quick', () => 'x'));
      const stream = callStream(session, 'quick');
      const steps = stream[Symbol.asyncIterator]();
      await steps[how]?.(undefined as never).catch(() => {});
      await expect(stream.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    },
  );

  it('fails with what its work has failed with, although its deadline passes before that is read', async () => {
    const router = createRouter().route('fails', async function* () {
      yield 1;
      throw new HandlerError('out_of_tokens', 'on purpose');
    });
    const { session } = await stage.calling(router);
    const deadlineMs = 60;
    const steps = callStream(session, 'fails', undefined, { deadlineMs })[Symbol.asyncIterator]();
    const first = steps.next();
    const beganMs = performance.now();
    // A busy process: for all that the call knows it has waited for its turn.
    while (performance.now() < beganMs + 15);
    expect((await first).value).toBe(1);
    while (performance.now() < beganMs + 2 * deadlineMs) await new Promise((resolve) => setImmediate(resolve));
    expect(await refusal(steps.next())).toMatchObject({ code: 'out_of_tokens' });
  });

  it('is not waited for beyond its deadline where others have the turn', async () => {
    const router = createRouter().route('endless', ({ operation }) => operation.finished);
    const { session } = await stage.calling(router, 1);
    const first = new AbortController();
    const ahead = call(session, 'endless', 1, { signal: first.signal });
    await eventually(() => session.inFlightCount === 1, 'the first is under way');
    const failure = {
      code: 'NNRP_ERR_DEADLINE',
      rawMessage: 'the call has waited 30 ms for its turn, and was not sent',
    };
    expect(await refusal(call(session, 'endless', 2, { deadlineMs: 30 }))).toMatchObject(failure);
    // The wait is part of it, and a signal is obeyed all the time.
    const second = call(session, 'endless', 3, { deadlineMs: 600 });
    const given = new AbortController();
    const third = call(session, 'endless', 4, { deadlineMs: 60_000, signal: given.signal });
    given.abort();
    expect(await refusal(third)).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    const sentMs = performance.now() + 20;
    while (performance.now() < sentMs) await new Promise((resolve) => setImmediate(resolve));
    first.abort();
    expect(await refusal(ahead)).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    expect(await refusal(second)).toMatchObject({
      code: 'NNRP_ERR_DEADLINE',
      rawMessage: 'no result within 600 ms, the wait for its turn included',
    });
    await eventually(() => session.inFlightCount === 0, 'the work is over');
  });

  it('fails with the code, advice and details that its handler gives, and with nothing of a defect', async () => {
    const router = createRouter()
      .route('full', () => {
        throw new HandlerError('quota', 'used up', { retryAfterMs: 5, details: { quota: 1 } });
      })
      .route('broken', async () => Promise.reject(new Error('secret')))
      .route('big', () => 1n)
      .route('badMetadata', ({ answerMetadata }) => {
        answerMetadata.set('a b', 'c');
      });
    const { session } = await stage.calling(router);
    expect(await refusal(call(session, 'full'))).toEqual({
      code: 'quota',
      rawMessage: 'used up',
      isRetryable: true,
      retryAfterMs: 5,
      details: { quota: 1 },
    });
    for (const route of ['broken', 'big', 'badMetadata']) {
      const failed = await refusal(call(session, route));
      expect([failed['code'], String(failed['rawMessage']).includes('secret')]).toEqual([
        'NNRP_ERR_HANDLER_FAILED',
        false,
      ]);
    }
    expect(stage.failures.splice(0).map(String)).toEqual([
      'Error: secret',
      expect.stringContaining('answer takes what JSON can hold'),
      expect.stringContaining('answerMetadata: metadata takes names'),
    ]);
  });
});

it('a failure that nobody waits for lets the process live', async () => {
  const { session, client } = await stage.calling(createRouter());
  void call(session, 'unknown');
  void callStream(session, 'unknown').result();
  const read = callStream(session, 'unknown')[Symbol.asyncIterator]().next();
  await refusal(read);
  await stage.drop(client);
  void call(session, 'unknown');
  // Vitest fails the run for a rejection that is not handled.
  await stage.turns(3);
});

describe('a router refuses', () => {
  it('a route that it does not have, by name and by number', async () => {
    const { session } = await stage.calling(createRouter().route('a', () => 1));
    const unknown = { code: 'unknown_route', isRetryable: false, retryAfterMs: 0 };
    expect(await refusal(call(session, 'b'))).toMatchObject({ ...unknown, rawMessage: "there is no route 'b' here" });
    expect(await refusal(call(session, 7))).toMatchObject({ ...unknown, rawMessage: 'there is no route 7 here' });
    expect(await refusal(call(session, '__proto__'))).toMatchObject(unknown);
    expect(await refusal(profileCall(session, 'models.list').result())).toMatchObject(unknown);
  });

  it('what is no call, unless there is something else to take it', async () => {
    const { session } = await stage.calling(createRouter());
    expect(await refusal(session.request('plain text'))).toMatchObject({ code: 'not_a_call', isRetryable: false });
    const both = createRouter({ otherwise: (operation) => `otherwise: ${operation.text()}` });
    const { session: other } = await stage.calling(both.route('a', () => 'a call'));
    expect((await other.request('plain')).text()).toBe('otherwise: plain');
    expect((await call(other, 'a')).body).toBe('a call');
  });

  it('a second handler for a route, a route that is none, a handler that is none, options that do not exist', () => {
    const router = createRouter().route('a', () => 1);
    expect(() => router.route('a', () => 1)).toThrow(/there is a route 'a' already/);
    for (const route of ['', 'a b', 'é', 'x'.repeat(129), 0, 65_536, 1.5])
      expect(() => router.route(route, () => 1), String(route)).toThrow(/route takes a name/);
    expect(() => router.route('b', 'c' as never)).toThrow(/takes a function/);
    expect(() => createRouter({ interceptor: [] } as never)).toThrow(/there is no option 'interceptor'/);
    expect(() => createRouter({ interceptors: [1] as never })).toThrow(/interceptors takes a list of functions/);
    expect(() => createRouter({ otherwise: 1 as never })).toThrow(/otherwise takes a function/);
  });
});

describe('a caller is told at once of', () => {
  it.each<[string, unknown, unknown, object | undefined, RegExp]>([
    ['a route that is none', '', 1, undefined, /route takes a name/],
    ['a body that JSON cannot hold', 'a', 1n, undefined, /body takes what JSON can hold/],
    ['an option that does not exist', 'a', 1, { metdata: {} }, /there is no option 'metdata'/],
    ['metadata with a wrong name', 'a', 1, { metadata: { 'a b': 'c' } }, /metadata takes names/],
    ['metadata that is no text', 'a', 1, { metadata: { a: 1 } }, /that of a is none/],
    ['metadata that is too long', 'a', 1, { metadata: { a: 'x'.repeat(8193) } }, /that of a is none/],
    [
      'too much metadata',
      'a',
      1,
      {
        metadata: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`n${n}`, ''])),
      },
      /at most 64/,
    ],
    ['metadata that is no object', 'a', 1, { metadata: 'a' }, /takes an object of texts/],
    ['a deadline that is none', 'a', 1, { deadlineMs: -1 }, /deadlineMs takes an integer/],
    ['an id that is too long', 'a', 1, { requestId: 'x'.repeat(257) }, /requestId takes a text of at most 256/],
    ['a signal that is none', 'a', 1, { signal: {} }, /signal takes an AbortSignal/],
    ['interceptors that are none', 'a', 1, { interceptors: [{}] }, /interceptors takes a list of functions/],
  ])('%s', async (_what, route, body, options, message) => {
    const session = { submit: () => Promise.reject(new Error('it was sent')) };
    expect(() => callStream(session, route as string, body, options)).toThrow(message);
    expect(await refusal(call(session, route as string, body, options))).toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('metadata that shows no value', () => {
    const secret = 'x'.repeat(9000);
    const session = { submit: () => Promise.reject(new Error('it was sent')) };
    expect(() => callStream(session, 'a', 1, { metadata: { authorization: secret } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('xxx') }),
    );
  });
});

describe('a caller refuses', () => {
  it.each([
    ['an answer that is no call', () => 'plain'],
    ['a status that is no success', () => ({ body: 'x', metadata: { statusCode: 500 } })],
    [
      'a partial result of another form',
      async function* () {
        yield '{"type":5}';
      },
    ],
    [
      'a partial result that nests too deeply',
      async function* () {
        yield `{"type":"call.partial","body":${'['.repeat(200)}${']'.repeat(200)}}`;
      },
    ],
  ])('%s, and gives the work up', async (_what, submit) => {
    const { session } = await stage.calling(submit as never);
    const { code } = await refusal(call(session, 'a'));
    expect(['NNRP_ERR_PROTOCOL', 'NNRP_ERR_PEER']).toContain(code);
    await eventually(() => session.inFlightCount === 0, 'the work is over');
    expect(session.state).toBe('open');
  });
});
