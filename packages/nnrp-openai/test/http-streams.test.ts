import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { CHAT as CHAT_ROUTE, chatHandler, createRouter } from 'nnrp-runtime/calls';
import { afterEach, describe, expect, it } from 'vitest';
import { all, GatewayStage, official } from './gateway-stage.js';
import { ASKED, JSON_TYPE } from './raw-http.js';
import { beginEvents, json, writePieces } from './stand-in/model-server.js';
import { chunk, data } from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
});

describe('a stream', () => {
  it('has heartbeats while the model is silent, before its first token and after it', async () => {
    let goOn = () => {};
    const { baseUrl, through } = await stage.gateway(
      async (response) => {
        for (const part of [data(chunk({ content: 'a' })), data(chunk({ content: 'b' }, 'stop'))]) {
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
          if (!response.headersSent) beginEvents(response);
          await writePieces(response, [part]);
        }
        response.end();
      },
      { heartbeatMs: 5 },
    );
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ ...ASKED, stream: true }),
    });
    let text = '';
    const decoder = new TextDecoder();
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(bytes, { stream: true });
      // The model goes on only once a heartbeat has been seen.
      if (/: heartbeat\n\n$/.test(text)) goOn();
    }
    expect(text.startsWith(': heartbeat\n\n')).toBe(true);
    expect(text.replaceAll(': heartbeat\n\n', '')).toBe(
      `${data(chunk({ content: 'a' }))}${data(chunk({ content: 'b' }, 'stop'))}data: [DONE]\n\n`,
    );
    const later = setInterval(() => goOn(), 1);
    expect((await all(await through.chat.completions.create({ ...ASKED, stream: true }))).length).toBe(2);
    clearInterval(later);
  });

  it('that has begun with a heartbeat ends a failure with an event', async () => {
    const { baseUrl } = await stage.gateway(
      (response, asked) => void setTimeout(() => json(400, { error: { message: 'no' } })(response, asked), 30),
      { heartbeatMs: 5 },
    );
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ ...ASKED, stream: true }),
    });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringMatching(/^(: heartbeat\n\n)+data: \{"error":\{"message":"no"/),
    ]);
  });

  it('of a handler that knows nothing of chunks has them all the same', async () => {
    const router = createRouter().route(
      CHAT_ROUTE,
      chatHandler(async function* () {
        yield 'a';
        yield {
          type: 'response.tool_calls.delta',
          index: 0,
          tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
        };
        yield { type: 'response.vendor' };
        yield { type: 'response.usage', usage: { prompt_tokens: 1, total_tokens: 1 } };
        return { finishReason: 'tool_calls' };
      }),
    );
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    server.serve(router).catch(() => {});
    const { baseUrl } = await stage.http(() => NnrpClient.connectTcp(server.localAddress));
    const client = official(baseUrl);
    const final = await client.chat.completions
      .stream({ ...ASKED, stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(final).toMatchObject({
      model: 'small-1',
      usage: { total_tokens: 1 },
      choices: [{ finish_reason: 'tool_calls', message: { content: 'a', tool_calls: [{ id: 'c' }] } }],
    });
    expect((await client.chat.completions.create(ASKED)).choices[0]?.message.content).toBe('a');
    await expect(client.embeddings.create({ model: 'e', input: 'x' })).rejects.toMatchObject({
      status: 404,
      code: 'unknown_route',
    });
    await server.close();
  });

  it('of a handler that answers in one piece has all that the answer says', async () => {
    const message = {
      role: 'assistant',
      content: [
        { type: 'text', text: 'as ' },
        { type: 'text', text: 'parts' },
      ],
    };
    const choices = [
      { index: 0, message, finish_reason: 'stop' },
      { index: 1, message: { role: 'assistant', content: null, refusal: 'no' }, finish_reason: 'content_filter' },
    ];
    const whole = { id: 'x', object: 'chat.completion', created: 1, model: 'm', choices };
    for (const handler of [
      () => whole,
      chatHandler(async function* () {
        yield '';
        return whole as never;
      }),
    ]) {
      const server = await NnrpServer.bindTcp('127.0.0.1:0');
      server.serve(createRouter().route(CHAT_ROUTE, handler)).catch(() => {});
      const { baseUrl } = await stage.http(() => NnrpClient.connectTcp(server.localAddress));
      const final = await official(baseUrl).chat.completions.stream(ASKED).finalChatCompletion();
      expect(
        final.choices.map(({ message: { content, refusal }, finish_reason }) => [content, refusal, finish_reason]),
      ).toEqual([
        ['as parts', null, 'stop'],
        [null, 'no', 'content_filter'],
      ]);
      await server.close();
    }
  });

  it('of a handler that returns its usage has it, for clients that ask for it', async () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    const router = createRouter().route(
      CHAT_ROUTE,
      chatHandler(async function* () {
        yield 'a';
        return { usage };
      }),
    );
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    server.serve(router).catch(() => {});
    const { baseUrl } = await stage.http(() => NnrpClient.connectTcp(server.localAddress));
    const { completions } = official(baseUrl).chat;
    const wanting = await all(
      await completions.create({ ...ASKED, stream: true, stream_options: { include_usage: true } }),
    );
    expect(wanting.map((part) => [part.choices[0]?.finish_reason, part.usage])).toEqual([
      [null, undefined],
      ['stop', undefined],
      [undefined, usage],
    ]);
    expect(wanting.at(-1)?.choices).toEqual([]);
    const others = await all(await completions.create({ ...ASKED, stream: true }));
    expect(others.map((part) => [part.choices[0]?.finish_reason, part.usage])).toEqual([
      [null, undefined],
      ['stop', undefined],
    ]);
    await server.close();
  });

  it('of a server that gives the answer alone has it in one chunk', async () => {
    const called = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const choice = { index: 0, finish_reason: 'stop' };
    const router = createRouter()
      .route(CHAT_ROUTE, () => ({
        choices: [{ ...choice, message: { role: 'assistant', content: 'all', tool_calls: [called] } }],
      }))
      .route('completions.create', () => ({ choices: [{ ...choice, text: 'all' }] }));
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    server.serve(router).catch(() => {});
    const { baseUrl } = await stage.http(() => NnrpClient.connectTcp(server.localAddress));
    const client = official(baseUrl);
    const chunks = await all(await client.chat.completions.create({ ...ASKED, stream: true }));
    expect(chunks.map((part) => part.choices)).toMatchObject([
      [
        {
          delta: { role: 'assistant', content: 'all', tool_calls: [{ index: 0, ...called }] },
          finish_reason: 'stop',
        },
      ],
    ]);
    const texts = await all(await client.completions.create({ model: 'm', prompt: 'x', stream: true }));
    expect(texts.map((part) => part.choices)).toMatchObject([[{ text: 'all', finish_reason: 'stop' }]]);
    await server.close();
  });

  it.each<[string, unknown]>([
    ['a delta that is none', { type: 'response.output_text.delta', index: 'x' }],
    ['a chunk that is none', { type: 'response.chunk', chunk: [] }],
    ['a frame without a place', { type: 'response.output_text.delta', index: 0, delta: 'x', chunk: { choices: [{}] } }],
    ['usage that is none', { type: 'response.usage', usage: 5 }],
  ])('from a server that sends %s fails clearly', async (_what, delta) => {
    const router = createRouter().route(CHAT_ROUTE, async function* () {
      yield delta;
    });
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    server.serve(router).catch(() => {});
    const { baseUrl } = await stage.http(() => NnrpClient.connectTcp(server.localAddress));
    await expect(official(baseUrl).chat.completions.create({ ...ASKED, stream: true })).rejects.toMatchObject({
      status: 502,
    });
    await server.close();
  });
});
