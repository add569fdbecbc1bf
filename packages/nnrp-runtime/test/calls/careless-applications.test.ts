import { afterEach, describe, expect, it } from 'vitest';
import { parsedJson } from '../../src/base/json.js';
import {
  AssembledChoices,
  authentication,
  type CallRecord,
  CHAT,
  call,
  callLogging,
  chat,
  chatHandler,
  createRouter,
  profileCall,
} from '../../src/calls/index.js';
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
