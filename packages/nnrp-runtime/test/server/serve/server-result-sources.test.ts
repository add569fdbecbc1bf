import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import vm from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext, ServeHandlers } from '../../../src/index.js';
import type { HandlerFailure } from '../../../src/server/contract/server-events.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** A server with this handler, and a bare peer with a session on it. */
async function served(submit: (operation: OperationContext) => unknown, announced = true) {
  const server = await stage.serve();
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit: submit as ServeHandlers['submit'] });
  return { peer: await SessionPeer.open(stage, server, { announced }), failures };
}

/** The same with a client of ours. */
async function called(submit: ServeHandlers['submit']) {
  const { server, client } = await stage.pair();
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit });
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  return { session, failures };
}

/** What is said of one frame, until its last answer. */
async function answers(peer: SessionPeer): Promise<string[]> {
  peer.submit(1);
  const said: string[] = [];
  for (;;) {
    const answer = await peer.next();
    said.push(answer);
    if (!answer.startsWith('partial')) return said;
  }
}

const AB = ['partial 1 a', 'partial 1 b', 'result 1'];
const bytes = (text: string) => new TextEncoder().encode(text);

/** An async iterable that is no generator. */
function iterable(values: readonly unknown[], last?: unknown) {
  return {
    [Symbol.asyncIterator]() {
      const left = [...values];
      return { next: async () => (left.length > 0 ? { value: left.shift() } : { done: true, value: last }) };
    },
  };
}

function readable(values: readonly unknown[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const value of values) controller.enqueue(value);
      controller.close();
    },
  });
}

/** A ReadableStream of another library, as far as it is one. */
function foreignReadable(values: readonly unknown[]) {
  const left = [...values];
  const read = async () => ({ done: left.length === 0, value: left.shift() });
  return { getReader: () => ({ read, cancel: async () => {} }) };
}

const foreign = (code: string) => vm.runInContext(`(${code})`, vm.createContext({}));

/** Streams of the results a and b. */
const SOURCES: Record<string, () => unknown> = {
  'an async iterable': () => iterable(['a', 'b']),
  'an async iterable of another realm': () =>
    foreign(
      '{ [Symbol.asyncIterator]() { let i = 0; return { async next() { return { done: i > 1, value: "ab"[i++] } } } } }',
    ),
  'an iterable': () => new Set(['a', bytes('b')]),
  'an iterable of another realm': () => foreign('new Set(["a", new Uint8Array([98])])'),
  'the values of a list': () => ['a', { body: 'b', metadata: { queueMs: 1 } }].values(),
  'a ReadableStream of bytes': () => readable([bytes('a'), bytes('b')]),
  'a ReadableStream of text and results': () => readable(['a', { body: 'b' }]),
  'a ReadableStream of another library': () => foreignReadable(['a', 'b']),
  'a stream of Node.js': () => Readable.from([bytes('a'), bytes('b')]),
  'a response': () => new Response(readable([bytes('a'), bytes('b')]), { status: 201 }),
  'the response of another library': () => ({
    ok: true,
    status: 200,
    statusText: '',
    headers: new Map(),
    body: Readable.from(['a', 'b']),
    bodyUsed: false,
    arrayBuffer: async () => new ArrayBuffer(0),
  }),
};

describe('a handler that returns a stream of results', () => {
  it.each(Object.keys(SOURCES))('may return %s: each is a partial result, the last one is empty', async (name) => {
    const { peer } = await served(() => SOURCES[name]?.());
    expect(await answers(peer)).toEqual(AB);
  });

  it.each(Object.keys(SOURCES))('may promise %s', async (name) => {
    const { peer } = await served(async () => SOURCES[name]?.());
    expect(await answers(peer)).toEqual(AB);
  });

  it('may yield from any of them', async () => {
    const { peer } = await served(async function* () {
      yield* readable(['a']);
      yield* iterable(['b']);
      yield* new Set(['c']);
      return 'd';
    });
    expect(await answers(peer)).toEqual(['partial 1 a', 'partial 1 b', 'partial 1 c', 'result 1 d']);
  });

  it('has the return value of its iterator as the last result', async () => {
    const { peer } = await served(() => iterable(['a'], { body: 'b' }));
    expect(await answers(peer)).toEqual(['partial 1 a', 'result 1 b']);
  });

  it('is read where it is both a promise and an iterable', async () => {
    // biome-ignore lint/suspicious/noThenProperty: as the processes of some libraries are
    const { peer } = await served(() => Object.assign(iterable(['a', 'b']), { then: () => expect.unreachable() }));
    expect(await answers(peer)).toEqual(AB);
  });

  it('may be a response without a body: one empty result', async () => {
    const { peer } = await served(() => new Response(null, { status: 204 }));
    expect(await answers(peer)).toEqual(['result 1']);
  });

  it('runs it in the async context of the handler, also when it was promised', async () => {
    const user = new AsyncLocalStorage<string>();
    const { peer } = await served(async ({ frameId }) => {
      user.enterWith(`user of ${frameId}`);
      await stage.turns(1);
      return {
        async *[Symbol.asyncIterator]() {
          yield user.getStore();
          await stage.turns(1);
          yield user.getStore();
        },
      };
    });
    // Each call of a handler has a context of its own; what it sets before its first await is kept for the stream.
    expect(await answers(peer)).toEqual(['partial 1 user of 1', 'partial 1 user of 1', 'result 1']);
  });
});

describe('what is one result, though it could be iterated over', () => {
  it.each<[string, () => unknown, string]>([
    ['text', () => 'ab', 'result 1 ab'],
    ['bytes', () => bytes('ab'), 'result 1 ab'],
    ['a list of chunks: it is one body, as in every other place', () => ['a', bytes('b')], 'result 1 ab'],
  ])('%s', async (_name, result, expected) => {
    const { peer } = await served(result);
    expect(await answers(peer)).toEqual([expected]);
  });
});

describe('what is refused', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'a list of results',
      () => [{ body: 'a' }, { body: 'b' }],
      /result: a list is one body, .* return list\.values\(\)/,
    ],
    ['FormData', () => new FormData(), /result: expected .* got an object of the kind FormData$/],
    ['URLSearchParams', () => new URLSearchParams('a=1'), /result: expected .* of the kind URLSearchParams$/],
    ['Headers', () => new Headers({ a: '1' }), /result: expected .* got an object of the kind Headers$/],
    ['a Map', () => new Map([['a', 'b']]), /result: expected .* got an object of the kind Map/],
    ['data', () => ({ answer: 42 }), /got an object with answer; JSON\.stringify makes text of it/],
    ['a number', () => 42, /got 42; JSON\.stringify makes text of it/],
    ['a field beside the body', () => ({ body: 'a', statusCode: 3 }), /statusCode, belong into its metadata/],
    ['boxed text', () => Object('ab'), /result: expected .*, got an object of the kind String/],
    ['a chunk that is no result', () => iterable([1]), /result: expected .*, got 1/],
    ['a chunk that is a list of results', () => iterable([[{ body: 'a' }]]), /list\.values\(\)/],
    ['a metadata field that does not exist', () => ({ metadata: { status: 429 } }), /there is no option 'status'/],
    ['such a field in a stream', () => iterable([{ metadata: { status: 429 } }]), /there is no option 'status'/],
    ['such a field of the last result', () => iterable([], { metadata: { status: 1 } }), /there is no option 'status'/],
    ['a response that was read', () => readResponse(), /result: the body of the response has been read already/],
    ['a locked stream', () => lockedStream(), /locked/],
    [
      'steps that are none',
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => 1 }) }),
      /result stream: a step is an object .*, got 1/,
    ],
  ])('%s: the frame fails, and the application is told', async (_name, outcome, text) => {
    const { peer, failures } = await served(async () => outcome());
    expect(await answers(peer)).toEqual(['error frame 1 internal_error']);
    expect(await peer.next()).toBe('drop 1');
    expect((failures[0] as { error: Error }).error.message).toMatch(text);
  });
});

async function readResponse(): Promise<Response> {
  const response = new Response('x');
  await response.text();
  return response;
}

function lockedStream(): ReadableStream {
  const stream = readable(['a']);
  stream.getReader();
  return stream;
}

/** A ReadableStream that gives one chunk and then waits for ever. */
function waitingStream(cancelled: unknown[]): ReadableStream {
  return new ReadableStream({
    start: (controller) => controller.enqueue(bytes('a')),
    cancel: (reason) => void cancelled.push(reason),
  });
}

describe('a stream of results that is not wanted any more', () => {
  it('is cancelled with the reason while it waits: a ReadableStream', async () => {
    const cancelled: unknown[] = [];
    const { peer, failures } = await served(() => waitingStream(cancelled));
    peer.submit(1);
    expect(await peer.next()).toBe('partial 1 a');
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    await eventually(() => cancelled.length > 0, 'the stream is cancelled');
    expect(cancelled).toEqual([expect.objectContaining({ code: 'NNRP_ERR_CANCELLED' })]);
    expect(failures).toEqual([]);
  });

  it('is cancelled while it waits: the body of a response', async () => {
    const cancelled: unknown[] = [];
    const { peer } = await served(async () => new Response(waitingStream(cancelled)));
    peer.submit(1);
    expect(await peer.next()).toBe('partial 1 a');
    peer.raw.destroy();
    await eventually(() => cancelled.length > 0, 'the stream is cancelled');
    expect(cancelled).toEqual([expect.objectContaining({ code: 'NNRP_ERR_TRANSPORT' })]);
  });

  it('is destroyed while it waits: a stream of Node.js', async () => {
    const stream = new Readable({ read() {} });
    stream.push('a');
    const { peer, failures } = await served(() => stream);
    peer.submit(1);
    expect(await peer.next()).toBe('partial 1 a');
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    await eventually(() => stream.destroyed, 'the stream is destroyed');
    await stage.turns(3);
    expect(failures).toEqual([]);
  });

  it('is left while it waits: return() of an iterator', async () => {
    const left: unknown[] = [];
    const waiting = { next: () => new Promise<never>(() => {}), return: async () => void left.push('left') };
    const { peer } = await served(() => ({ [Symbol.asyncIterator]: () => waiting }));
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    await eventually(() => left.length > 0, 'the iterator is left');
  });

  it('is left when one of its results is refused', async () => {
    const cancelled: unknown[] = [];
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue(7),
      cancel: () => void cancelled.push('cancelled'),
    });
    const { peer } = await served(() => stream);
    peer.submit(1);
    expect(await peer.take(2)).toEqual(['error frame 1 internal_error', 'drop 1']);
    await eventually(() => cancelled.length > 0, 'the stream is cancelled');
  });

  it.each<[string, (seen: unknown[]) => unknown]>([
    ['ReadableStream', (seen) => waitingStream(seen)],
    ['response', (seen) => new Response(waitingStream(seen))],
    ['response that is no success', (seen) => new Response(waitingStream(seen), { status: 500 })],
  ])('is cancelled unread when it is promised and comes too late: a %s', async (_name, make) => {
    const seen: unknown[] = [];
    let come = () => {};
    const { peer, failures } = await served(async () => {
      await new Promise<void>((resolve) => {
        come = resolve;
      });
      return make(seen);
    });
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    come();
    await eventually(() => seen.length > 0, 'the stream is cancelled');
    expect(failures).toEqual([]);
  });

  it('does not begin when it is promised and comes too late: a generator', async () => {
    let come = () => {};
    const begun: string[] = [];
    const { peer } = await served(async () => {
      await new Promise<void>((resolve) => {
        come = resolve;
      });
      return (async function* () {
        begun.push('begun');
        yield 'a';
      })();
    });
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    come();
    await stage.turns(5);
    expect(begun).toEqual([]);
  });
});

describe('a response', () => {
  it.each<[string, ResponseInit, object]>([
    [
      '429 with Retry-After in seconds',
      { status: 429, statusText: 'Too Many Requests', headers: { 'retry-after': '7' } },
      {
        code: 'HTTP_429',
        rawMessage: expect.stringContaining('the response has status 429 Too Many Requests'),
        retryAfterMs: 7000,
        isRetryable: true,
        wireCode: 0x000b,
      },
    ],
    [
      '503 with Retry-After as a date',
      {
        status: 503,
        headers: { 'retry-after': 'Fri, 01 Jan 2027 00:01:00 GMT', date: 'Fri, 01 Jan 2027 00:00:00 GMT' },
      },
      { code: 'HTTP_503', retryAfterMs: 60_000, isRetryable: true, wireCode: 0x000b },
    ],
    [
      '503 with Retry-After that is none',
      { status: 503, headers: { 'retry-after': 'soon' } },
      { code: 'HTTP_503', retryAfterMs: 0, isRetryable: true },
    ],
    ['404', { status: 404 }, { code: 'HTTP_404', retryAfterMs: 0, isRetryable: false, wireCode: 0x000c }],
    ['500', { status: 500 }, { code: 'HTTP_500', isRetryable: false, wireCode: 0x000c }],
    ['304', { status: 304 }, { code: 'HTTP_304', isRetryable: false }],
  ])('that is no success fails as by a HandlerError: %s', async (_name, init, expected) => {
    const { session, failures } = await called(
      () => new Response(init.status === 304 ? null : 'Bad key sk-1234', init),
    );
    const failure = await session.request('x').catch((error: unknown) => error);
    expect(failure).toMatchObject({ ...expected, details: { status: init.status } });
    expect(JSON.stringify(failure)).not.toContain('sk-1234');
    expect(failures).toEqual([]);
  });

  it('that is no success has its body cancelled', async () => {
    const cancelled: unknown[] = [];
    const { session } = await called(() => new Response(waitingStream(cancelled), { status: 500 }));
    await expect(session.request('x')).rejects.toMatchObject({ code: 'HTTP_500' });
    expect(cancelled.length).toBe(1);
  });
});
