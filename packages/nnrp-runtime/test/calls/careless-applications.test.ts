import { encodePayloads, eventPayload } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { parsedJson } from '../../src/base/json.js';
import {
  AssembledChoices,
  authentication,
  type CallRecord,
  CHAT,
  call,
  callLogging,
  callStream,
  chat,
  chatHandler,
  createRouter,
  profileCall,
} from '../../src/calls/index.js';
import { eventually } from '../support/eventually.js';
import { CallsStage, refusal } from './calls-stage.js';

const stage = new CallsStage();
afterEach(() => stage.clear());

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'ping' }] };
const PROMISED = 'takes an async generator, got a promise: make it an async function*';

describe('an interceptor that is no generator', () => {
  const promised = (async (request: never, next: (given: never) => unknown) => next(request)) as never;
  const nothing = (() => undefined) as never;

  it.each([
    [promised, PROMISED],
    [nothing, 'takes an async generator, got undefined'],
  ])('fails the call of a client with what it should be', async (interceptor, text) => {
    const session = { submit: () => Promise.reject(new Error('it was sent')) };
    const failed = await refusal(call(session, 'a', 1, { interceptors: [interceptor] }));
    expect(failed).toMatchObject({ code: 'NNRP_ERR_USAGE', rawMessage: `call options: an interceptor ${text}` });
  });

  it('is told to the application of a server', async () => {
    const { session } = await stage.calling(createRouter({ interceptors: [promised] }).route('a', () => 1));
    expect(await refusal(call(session, 'a'))).toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    expect(stage.failures.splice(0)).toMatchObject([{ rawMessage: `router: an interceptor ${PROMISED}` }]);
  });
});

it('a log of calls has nothing in it that a terminal obeys', async () => {
  const records: CallRecord[] = [];
  const interceptors = [callLogging((record) => records.push(record))];
  const { session } = await stage.calling(createRouter({ interceptors }).route('a', () => 1));
  await call(session, 'a', 1, { requestId: '\u001b[2J\nok' });
  expect(records).toMatchObject([{ requestId: '\\x1b[2J\\nok', outcome: 'ok' }]);
});

describe('a chat handler', () => {
  it.each<[string, unknown, string]>([
    ['returns a promise', async () => 'text', `chatHandler ${PROMISED}`],
    [
      'yields arguments that are no text',
      async function* () {
        const called = { name: 'f', arguments: { city: 'x' } };
        yield { type: 'response.tool_calls.delta', index: 0, tool_calls: [{ index: 0, function: called }] };
      },
      'chatHandler: delta.tool_calls of response.tool_calls.delta takes a list of pieces with an index, whose names and arguments are texts, got a list',
    ],
  ])('that %s is told what it should be', async (_what, handler, text) => {
    const { session } = await stage.calling(createRouter().route(CHAT, chatHandler(handler as never)));
    expect(await refusal(chat(session, REQUEST).result())).toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    expect(stage.failures.splice(0)).toMatchObject([{ rawMessage: text }]);
  });

  it.each([
    [{ index: 0, message: { role: 'assistant', tool_calls: 'all' } }, 'tool_calls takes a list of calls of functions'],
    [{ index: 0, message: { role: 'assistant', tool_calls: [{ function: { name: 5 } }] } }, 'tool_calls takes a list'],
    [{ index: 0, message: { role: 'assistant' }, finish_reason: 5 }, 'finish_reason takes a text, got number'],
  ])('of another kind whose answer has %j fails the chat', async (choice, text) => {
    const router = createRouter().route(CHAT, () => ({ object: 'chat.completion', choices: [choice] }));
    const { session } = await stage.calling(router);
    const failed = await refusal(chat(session, REQUEST).result());
    expect(failed).toMatchObject({ code: 'NNRP_ERR_PROTOCOL', rawMessage: expect.stringContaining(text) });
  });
});

describe('choices that are put together', () => {
  it('hold no more than they may, however few characters ask for it', () => {
    const choices = new AssembledChoices();
    const room = Array.from({ length: 1024 }, (_, index) => choices.addToolCalls(index, [{ index: 1024 }]));
    expect(room.filter((has) => has).length).toBeLessThan(100);
    expect(new AssembledChoices().addText(0.5, 'x')).toBe(false);
  });

  it('keep the text in its order, of many pieces and empty ones', () => {
    const choices = new AssembledChoices();
    const pieces = Array.from({ length: 5000 }, (_, index) => (index % 3 === 0 ? '' : `${index} `));
    for (const piece of pieces) choices.addText(0, piece);
    choices.addToolCalls(0, [{ index: 0, function: { name: null, arguments: null } as never }]);
    expect(choices.choices()[0]?.message).toMatchObject({ content: pieces.join(''), tool_calls: [{ id: '' }] });
  });
});

it('what is no function and no session is refused at once', async () => {
  expect(() => callLogging(undefined as never)).toThrow('callLogging: log takes a function, got undefined');
  expect(() => authentication('Bearer key' as never)).toThrow('authentication: check takes a function');
  expect(await refusal(call(undefined as never, 'a'))).toMatchObject({ code: 'NNRP_ERR_USAGE' });
  expect(() => profileCall({} as never, 'a')).toThrow('call: session takes an NnrpClientSession, got an object');
});

it('JSON that nests too deeply is none, in lists as in objects', () => {
  const nested = (open: string, close: string, depth: number) => `${open.repeat(depth)}0${close.repeat(depth)}`;
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"a":', '}]'],
  ] as const) {
    const each = open.length > 5 ? 2 : 1;
    expect([128, 130].map((depth) => parsedJson(nested(open, close, depth / each)) === undefined)).toEqual([
      false,
      true,
    ]);
  }
});

it('JSON of more objects, lists and members than a million is none, and texts in it do not count', () => {
  const most = 1_000_000;
  for (const [open, part, close] of [
    ['[', '{}', ']'],
    ['[', '[]', ']'],
    ['{', '"a":0', '}'],
  ] as const) {
    const json = (parts: number) => `${open}${`${part},`.repeat(parts - 2)}${part}${close}`;
    expect([most, most + 1].map((parts) => parsedJson(json(parts)) === undefined)).toEqual([false, true]);
  }
  expect(parsedJson(JSON.stringify(['{[:'.repeat(most)]))).toHaveLength(1);
  expect(parsedJson(`["${'x'.repeat(1000)}`)).toBeUndefined();
});

it('a handler made by hand ends by whatever is true', async () => {
  const parts = ['a', 'b', 'last'];
  const steps = () => ({
    next: async () => ({ value: parts.shift(), done: parts.length === 0 ? 1 : 0 }),
    return: async () => ({ value: undefined, done: true }),
  });
  const interceptors = [(() => steps()) as never];
  const { session } = await stage.calling(createRouter({ interceptors }).route('a', () => 1));
  expect(await call(session, 'a')).toMatchObject({ body: 'last' });
});

describe('the body of a call', () => {
  /** So many lists in each other. */
  const nested = (depth: number): unknown => Array.from({ length: depth }).reduce((inner: unknown) => [inner], 'x');
  const tooDeep = 'takes objects and lists that nest at most 128 deep, its envelope counted';

  it.each([127, 'text ] } [ { \\" "'.repeat(200)])('that fits is taken: %#', async (given) => {
    const body = typeof given === 'number' ? nested(given) : { [given]: [given] };
    const { session } = await stage.calling(createRouter().route('a', (incoming) => incoming.body));
    expect((await call(session, 'a', body)).body).toEqual(body);
  });

  it('that has more in it than anybody reads is refused where it is given, and where it comes', async () => {
    const { session } = await stage.calling(createRouter().route('a', () => 1));
    const tooMuch = 'takes at most 1000000 objects, lists and members';
    const sent = await refusal(call(session, 'a', Array(1_000_000).fill([])));
    expect(sent).toMatchObject({ code: 'NNRP_ERR_USAGE', rawMessage: `call: body ${tooMuch}` });
    const json = `{"schema_version":"nnrp-call/1","operation":"a","body":[${'[],'.repeat(1_000_000)}0]}`;
    const { body, metadata } = encodePayloads([eventPayload(json)]);
    const operation = await session.submit(body, { metadata });
    expect(await refusal(operation.result())).toMatchObject({ code: 'not_a_call' });
  });

  it('counts by its objects for what running handlers hold, until its handler is done', async () => {
    const { server, client } = await stage.pair({ maxInFlightOperations: 64 });
    const begun: (() => void)[] = [];
    const router = createRouter().route('a', () => new Promise<void>((resolve) => begun.push(resolve)));
    void server.serve(router, { scheduling: { maxRunningBytesPerConnection: 100_000 } });
    const session = await client.openSession({ maxInFlightOperations: 0 });
    const body = Array(5000).fill({});
    const first = call(session, 'a', body);
    await eventually(() => begun.length === 1, 'the first one runs');
    const second = call(session, 'a', body);
    await eventually(() => server.stats().queuedOperations?.value === 1, 'the second one waits');
    expect(server.stats().connectionRunningBytes?.value).toBeGreaterThan(5000 * 64);
    begun[0]?.();
    await first;
    await eventually(() => begun.length === 2, 'the second one runs');
    begun[1]?.();
    await second;
    expect(server.stats()).toMatchObject({ runningBytes: { value: 0 }, connectionRunningBytes: { value: 0 } });
  });

  it('that nests deeper than anybody reads it is refused where it is given', async () => {
    const { session } = await stage.calling(createRouter().route('a', () => nested(128)));
    const sent = await refusal(call(session, 'a', nested(128)));
    expect(sent).toMatchObject({ code: 'NNRP_ERR_USAGE', rawMessage: `call: body ${tooDeep}` });
    expect(await refusal(call(session, 'a'))).toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    expect(stage.failures.splice(0)).toMatchObject([{ rawMessage: `answer ${tooDeep}` }]);
  });

  it('is bytes when they lie in shared memory; the memory itself is refused, and not sent as an empty object', async () => {
    const shared = new SharedArrayBuffer(2);
    const bytes = new Uint8Array(shared);
    bytes.set([1, 2]);
    const router = createRouter()
      .route('view', async function* () {
        yield bytes;
        return bytes;
      })
      .route('memory', () => shared)
      .route('parts', async function* () {
        yield shared;
        return 1;
      });
    const { session } = await stage.calling(router);
    const stream = callStream(session, 'view', bytes);
    for await (const part of stream) expect(part).toEqual(Uint8Array.of(1, 2));
    expect((await stream.result()).body).toEqual(Uint8Array.of(1, 2));

    const takes = 'takes shared memory as a view: new Uint8Array(body)';
    expect(await refusal(call(session, 'view', shared))).toMatchObject({ rawMessage: `call: body ${takes}` });
    for (const [route, what] of [
      ['memory', 'answer'],
      ['parts', 'partial result'],
    ] as const) {
      expect(await refusal(call(session, route))).toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
      expect(stage.failures.splice(0)).toMatchObject([{ rawMessage: `${what} ${takes}` }]);
    }
  });

  it('that was transferred away is refused, and not sent as nothing', async () => {
    const bytes = Uint8Array.of(1, 2);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    const session = { submit: () => Promise.reject(new Error('it was sent')) };
    expect(await refusal(call(session, 'a', bytes))).toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(await refusal(call(session, 'a', bytes.buffer))).toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });
});

it('throwing into the loop over a call gives it up, as leaving it does', async () => {
  let isRunning = false;
  const router = createRouter().route('a', async function* ({ signal }) {
    isRunning = true;
    try {
      yield 1;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    } finally {
      isRunning = false;
    }
  });
  const { session } = await stage.calling(router);
  const stream = callStream(session, 'a');
  const loop = stream[Symbol.asyncIterator]();
  expect(await loop.next()).toEqual({ done: false, value: 1 });
  const mine = new Error('of the application');
  await expect(loop.throw?.(mine)).rejects.toBe(mine);
  expect(await refusal(stream.result())).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
  await eventually(() => !isRunning, 'its handler is told');
});
