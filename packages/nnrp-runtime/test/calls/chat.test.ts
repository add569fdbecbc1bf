import { afterEach, describe, expect, it } from 'vitest';
import {
  CHAT,
  type ChatDelta,
  type ChatRequest,
  chat,
  chatHandler,
  createRouter,
  profileCall,
} from '../../src/calls/index.js';
import { eventually } from '../support/eventually.js';
import { CallsStage, refusal } from './calls-stage.js';

const stage = new CallsStage();
afterEach(() => stage.clear());

const REQUEST: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'ping' }] };
const USAGE = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };

function answering(handler: Parameters<typeof chatHandler>[0]) {
  return stage.calling(createRouter().route(CHAT, chatHandler(handler)));
}

describe('a chat', () => {
  it('streams deltas of text, and has the whole of it in its answer', async () => {
    const seen: unknown[] = [];
    const { session } = await answering(async function* (request, incoming) {
      seen.push(request, { ...incoming.metadata });
      incoming.answerMetadata.set('region', 'eu');
      yield 'po';
      yield 'ng';
      return { usage: USAGE };
    });
    const stream = chat(session, REQUEST, { metadata: { tenant: 'acme' }, requestId: '7' });
    const deltas: ChatDelta[] = [];
    for await (const delta of stream) deltas.push(delta);
    expect(deltas).toEqual([
      { type: 'response.output_text.delta', index: 0, delta: 'po' },
      { type: 'response.output_text.delta', index: 0, delta: 'ng' },
    ]);
    const { completion, metadata, ...answer } = await stream.result();
    expect(answer).toEqual({ text: 'pong', toolCalls: [], usage: USAGE, finishReason: 'stop' });
    expect({ ...metadata }).toEqual({ region: 'eu' });
    expect(completion).toMatchObject({ id: 'chatcmpl-7', object: 'chat.completion', model: 'm', usage: USAGE });
    expect(seen).toEqual([{ ...REQUEST, stream: true }, { tenant: 'acme' }]);
  });

  it('gives its text alone, and its answer alone, streamed or not', async () => {
    const { session } = await answering(async function* () {
      yield 'a';
      yield { type: 'response.output_text.delta', index: 1, delta: 'other choice' };
      yield { type: 'response.vendor', anything: true };
      yield 'b';
    });
    const texts: string[] = [];
    for await (const text of chat(session, REQUEST).text()) texts.push(text);
    expect(texts).toEqual(['a', 'b']);
    for (const stream of [true, false]) {
      const { text, completion } = await chat(session, { ...REQUEST, stream }).result();
      expect([text, completion.choices[1]?.message.content]).toEqual(['ab', 'other choice']);
    }
    let parts = 0;
    for await (const _ of chat(session, { ...REQUEST, stream: false })) parts++;
    expect(parts).toBe(0);
  });

  it('puts pieces of tool calls together', async () => {
    const { session } = await answering(async function* () {
      const type = 'response.tool_calls.delta';
      yield { type, index: 0, tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'look' } }] };
      yield { type, index: 0, tool_calls: [{ index: 0, function: { arguments: '{"q":' } }] };
      yield { type, index: 0, tool_calls: [{ index: 0, function: { arguments: '1}' } }] };
      yield { type, index: 0, tool_calls: [{ index: 1, id: 'c2', function: { name: 'b', arguments: '{}' } }] };
    });
    const { toolCalls, text, finishReason, completion } = await chat(session, REQUEST).result();
    expect([text, finishReason, completion.choices[0]?.message.content]).toEqual(['', 'tool_calls', null]);
    expect(toolCalls).toEqual([
      { id: 'c1', type: 'function', function: { name: 'look', arguments: '{"q":1}' } },
      { id: 'c2', type: 'function', function: { name: 'b', arguments: '{}' } },
    ]);
  });

  it('has an answer of the handler itself where it returns one, and one of a handler that says nothing', async () => {
    const own = { id: 'x', object: 'chat.completion', created: 1, model: 'y', choices: [] };
    // biome-ignore lint/correctness/useYield: it has its answer at once
    const { session } = await answering(async function* () {
      return own;
    });
    expect((await chat(session, REQUEST).result()).completion).toEqual(own);
    const { session: silent } = await answering(async function* () {});
    expect(await chat(silent, REQUEST).result()).toMatchObject({ text: '', finishReason: 'stop', usage: undefined });
  });

  it('has the deltas of an answer that its handler gives in one piece, where it is read so', async () => {
    const called = { id: 'c', type: 'function' as const, function: { name: 'f', arguments: '{}' } };
    const completion = {
      id: 'x',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [
        { index: 0, message: { role: 'assistant', content: 'whole' }, finish_reason: 'stop' },
        { index: 1, message: { role: 'assistant', content: null, tool_calls: [called] }, finish_reason: 'tool_calls' },
      ],
    };
    let yields: readonly ChatDelta[] = [];
    const { session } = await answering(async function* () {
      yield* yields;
      return completion;
    });
    const deltas: ChatDelta[] = [];
    const stream = chat(session, REQUEST);
    for await (const delta of stream) deltas.push(delta);
    expect(deltas).toEqual([
      { type: 'response.output_text.delta', index: 0, delta: 'whole' },
      { type: 'response.tool_calls.delta', index: 1, tool_calls: [{ index: 0, ...called }] },
    ]);
    expect((await stream.result()).completion).toEqual(completion);
    for await (const _ of chat(session, { ...REQUEST, stream: false })) throw new Error('it was not asked for pieces');
    // Pieces without anything in them are none.
    yields = [{ type: 'response.output_text.delta', index: 0, delta: '' }];
    const late: string[] = [];
    for await (const text of chat(session, REQUEST).text()) late.push(text);
    expect(late).toEqual(['whole']);
    // One that has said it in pieces says it once.
    yields = [{ type: 'response.output_text.delta', index: 0, delta: 'wh' }];
    const pieces: string[] = [];
    for await (const text of chat(session, REQUEST).text()) pieces.push(text);
    expect(pieces).toEqual(['wh']);
  });

  it('reads the text of an answer in parts, and the first choice wherever it stands', async () => {
    const content = [{ type: 'text', text: 'ho' }, { type: 'image' }, { type: 'text', text: 'le' }, null];
    const choices = [
      { index: 1, message: { role: 'assistant', content: 'other' } },
      { index: 0, message: { role: 'assistant', content } },
    ];
    // biome-ignore lint/correctness/useYield: it has its answer at once
    const { session } = await answering(async function* () {
      return { id: 'x', object: 'chat.completion', created: 1, model: 'm', choices } as never;
    });
    const stream = chat(session, REQUEST);
    let text = '';
    for await (const piece of stream.text()) text += piece;
    expect([text, (await stream.result()).text]).toEqual(['hole', 'hole']);
    expect((await chat(session, { ...REQUEST, stream: false }).result()).text).toBe('hole');
  });

  it.each([true, false])('has bounds where its handler gives it in one piece, streamed: %s', async (stream) => {
    const chosen = (index: number, content: string) => ({ index, message: { role: 'assistant', content } });
    let choices = [chosen(5000, 'x')];
    // biome-ignore lint/correctness/useYield: it has its answer at once
    const { session } = await answering(async function* () {
      return { id: 'x', object: 'chat.completion', created: 1, model: 'm', choices };
    });
    const asked = () => refusal(chat(session, { ...REQUEST, stream }).result());
    expect((await asked())['code']).toBe('answer_too_large');
    choices = [chosen(0, 'x'.repeat(16 * 1024 * 1024))];
    expect((await asked())['code']).toBe('answer_too_large');
  });

  it.each<[string, object, string]>([
    ['a place that is a text', { index: 'z', message: { content: 'x' } }, 'delta.index of response.output_text.delta'],
    ['a place that is a part', { index: 1.5, message: { content: 'x' } }, 'delta.index of response.output_text.delta'],
    ['a tool whose place is a text', { message: { tool_calls: [{ index: 'z' }] } }, 'delta.tool_calls of response'],
    ['a tool whose id is a number', { message: { tool_calls: [{ id: 1 }] } }, 'delta.tool_calls of response'],
  ])('fails a handler whose answer in one piece has %s', async (_, choice, what) => {
    for (const stream of [true, false]) {
      // biome-ignore lint/correctness/useYield: it has its answer at once
      const { session } = await answering(async function* () {
        return { choices: [choice] } as never;
      });
      expect((await refusal(chat(session, { ...REQUEST, stream }).result()))['code']).toBe('NNRP_ERR_HANDLER_FAILED');
      expect(String(stage.failures.splice(0)[0])).toContain(what);
    }
  });

  it.each<[unknown, string]>([
    ['the secret answer', 'got a string of 17 characters'],
    [['the secret answer'], 'got a list'],
    [{ text: 'the secret answer' }, 'got another object'],
    [7, 'got 7'],
  ])('fails a handler that returns what it is to yield: %j', async (outcome, told) => {
    const { session } = await answering(async function* () {
      yield 'a';
      return outcome as never;
    });
    await expect(chat(session, REQUEST).result()).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    const [failed] = stage.failures.splice(0).map(String);
    expect(failed).toContain(told);
    expect(failed).not.toContain('secret');
  });

  it.each([null, {}, { finishReason: 'stop', text: 'a', completion: {} }])(
    'takes an outcome that says little: %j',
    async (outcome) => {
      const { session } = await answering(async function* () {
        yield 'a';
        return outcome as never;
      });
      expect(await chat(session, REQUEST).result()).toMatchObject({ text: 'a', finishReason: 'stop' });
    },
  );

  it('fails a handler whose answer has choices that are none, rather than to answer without them', async () => {
    // biome-ignore lint/correctness/useYield: it has its answer at once
    const { session } = await answering(async function* () {
      return { choices: [{ index: 0, text: 'x' }] } as never;
    });
    expect((await refusal(chat(session, REQUEST).result()))['code']).toBe('NNRP_ERR_HANDLER_FAILED');
    expect(String(stage.failures.splice(0)[0])).toContain('completion.choices[0] takes an object with a message');
  });

  it('is given up by leaving it, which the handler sees', async () => {
    let left = false;
    const { session } = await answering(async function* () {
      try {
        for (;;) yield 'more ';
      } finally {
        left = true;
      }
    });
    for await (const _ of chat(session, REQUEST).text()) break;
    await eventually(() => left, 'the handler was left');
  });

  it.each<[unknown, string]>([
    [undefined, 'body takes an object, got undefined'],
    [{ messages: [] }, 'messages takes a list of at least one message, got an empty list'],
    [{ messages: 'hi' }, 'messages takes a list of at least one message, got string'],
    [{ messages: [null] }, 'messages[0] takes an object, got null'],
    [{ messages: [{ role: 'user' }, {}] }, 'messages[1].role takes a text, got undefined'],
    [{ ...REQUEST, model: 5 }, 'model takes a text, got number'],
    [{ ...REQUEST, stream: 'yes' }, 'stream takes true or false, got string'],
  ])('is refused on both ends when its request is %j', async (request, message) => {
    const { session } = await answering(async function* () {});
    expect(() => chat(session, request as ChatRequest)).toThrow(message);
    const { code, rawMessage, details, isRetryable } = await refusal(profileCall(session, CHAT, request).result());
    expect({ code, rawMessage, isRetryable }).toEqual({
      code: 'invalid_request',
      rawMessage: message,
      isRetryable: false,
    });
    expect(details).toMatchObject({ status: 400, error: { type: 'invalid_request_error', message } });
  });

  it.each<[string, unknown[], unknown]>([
    ['a delta without a type', [{ a: 1 }], {}],
    ['a delta without text', [{ type: 'response.output_text.delta', index: 0 }], {}],
    ['tool calls without an index', [{ type: 'response.tool_calls.delta', index: 0, tool_calls: [{}] }], {}],
    ['usage that is none', [{ type: 'response.usage', usage: 5 }], {}],
    ['an answer without choices', [], {}],
    ['a choice without a message', [], { choices: [{ index: 0 }] }],
  ])('fails clearly on a server that sends %s', async (_what, deltas, completion) => {
    const router = createRouter().route(CHAT, async function* () {
      yield* deltas;
      return completion;
    });
    const { session } = await stage.calling(router);
    const { code, rawMessage } = await refusal(chat(session, REQUEST).result());
    expect([code, String(rawMessage)]).toEqual(['NNRP_ERR_PROTOCOL', expect.stringMatching(/takes|form/)]);
    await eventually(() => session.inFlightCount === 0, 'the work is over');
  });

  it('takes no handler that is none, and fails one that yields what is no delta', async () => {
    expect(() => chatHandler(5 as never)).toThrow('chatHandler takes a function');
    const { session } = await answering(async function* () {
      yield { no: 'delta' } as never;
    });
    expect(await refusal(chat(session, REQUEST).result())).toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    expect(String(stage.failures.splice(0)[0])).toContain('delta.type takes a text');
  });
});
