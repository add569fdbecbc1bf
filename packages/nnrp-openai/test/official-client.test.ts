import OpenAI, { type APIError } from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { all, eventually, GatewayStage } from './gateway-stage.js';
import { type Answer, beginEvents, json, replay, writePieces } from './stand-in/model-server.js';
import {
  CHAT,
  CHAT_WITH_USAGE,
  CHOICES,
  COMPLETIONS,
  chunk,
  data,
  ODD,
  TEXT,
  TOOLS,
  USAGE,
  WHOLE,
} from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
  expect(stage.failures.splice(0)).toEqual([]);
});

const ASKED = { model: 'small-1', messages: [{ role: 'user' as const, content: 'hello' }] };
const STREAMED = { ...ASKED, stream: true as const };

function textOf(chunks: readonly OpenAI.ChatCompletionChunk[]): string {
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}

/** The server answers with usage where it was asked for it, as real ones do. */
const asAsked: Answer = (response, asked) => {
  const options = asked.body['stream_options'] as { include_usage?: boolean } | undefined;
  return replay(options?.include_usage === true ? CHAT_WITH_USAGE : CHAT)(response, asked);
};

it('every answer has an id of its request, also where the model server gives none', async () => {
  const seen: unknown[] = [];
  const { through, model } = await stage.gateway(json(200, WHOLE), {
    interceptors: [
      (request, next) => {
        seen.push(request.requestId);
        return next(request);
      },
    ],
  });
  const { _request_id } = await through.chat.completions.create(ASKED);
  model.answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(CHAT);
  };
  const { request_id, data } = await through.chat.completions.create(STREAMED).withResponse();
  await all(data);
  model.answer = json(500, {});
  const failed = await through.chat.completions.create(ASKED).catch(({ requestID }: APIError) => requestID);
  // It is the one that the call has, so that it is found in logs and traces.
  expect([_request_id, request_id, failed]).toEqual(seen);
  const unknown = await through.get('/nothing').catch(({ requestID }: APIError) => requestID);
  const ids = new Set([...seen, unknown]);
  expect(ids.size).toBe(4);
  for (const id of ids) expect(id).toMatch(/^req_[\da-f]{32}$/);
});

describe('the official client gets through the gateway what it gets directly', () => {
  it.each<[string, string, number]>([
    ['a text', CHAT, Number.POSITIVE_INFINITY],
    ['a text that comes byte by byte', CHAT, 1],
    ['a text cut every 7 bytes', CHAT, 7],
    ['odd lines', ODD, Number.POSITIVE_INFINITY],
    ['odd lines that come byte by byte', ODD, 1],
    ['tool calls', TOOLS, 13],
    ['two choices', CHOICES, 64],
    ['a text without a mark at the end', CHAT.replace('data: [DONE]\n\n', ''), 64],
    ['a mark at the end with something behind it', CHAT.replace('[DONE]', '[DONE] '), 64],
    ['a huge line', data(chunk({ content: 'x'.repeat(1_000_000) })) + data(chunk({}, 'stop')), 4096],
  ])('%s, chunk by chunk', async (_what, events, pieceBytes) => {
    const { direct, through } = await stage.gateway(replay(events, pieceBytes), {}, { includeUsage: false });
    const [plain, ours] = await Promise.all(
      [direct, through].map(async (client) => all(await client.chat.completions.create(STREAMED))),
    );
    expect(ours).toEqual(plain);
    expect(plain!.length).toBeGreaterThan(1);
  });

  it('and the last event of a stream that ends within it, which the client by itself leaves out', async () => {
    const { through } = await stage.gateway(replay(CHAT.replace('\n\ndata: [DONE]\n\n', ''), 64));
    const chunks = await all(await through.chat.completions.create(STREAMED));
    expect([textOf(chunks), chunks.at(-1)?.choices[0]?.finish_reason]).toEqual([TEXT.join(''), 'stop']);
  });

  it('the text, byte for byte, and no usage that it has not asked for', async () => {
    const { direct, through, model } = await stage.gateway(asAsked);
    const [plain, ours] = await Promise.all(
      [direct, through].map(async (client) => all(await client.chat.completions.create(STREAMED))),
    );
    expect(ours).toEqual(plain);
    expect(textOf(ours!)).toBe(TEXT.join(''));
    expect(model.asked.map(({ body }) => body['stream_options'])).toContainEqual({ include_usage: true });
  });

  it('usage that it has asked for', async () => {
    const { direct, through } = await stage.gateway(asAsked);
    const request = { ...STREAMED, stream_options: { include_usage: true } };
    const [plain, ours] = await Promise.all(
      [direct, through].map(async (client) => all(await client.chat.completions.create(request))),
    );
    expect(ours).toEqual(plain);
    expect(ours!.at(-1)?.usage).toEqual(USAGE);
  });

  it('tool calls, put together by the helper of the client', async () => {
    const { direct, through } = await stage.gateway(replay(TOOLS));
    const [plain, ours] = await Promise.all(
      [direct, through].map((client) => client.chat.completions.stream(ASKED).finalChatCompletion()),
    );
    expect(ours).toEqual(plain);
    expect(
      ours!.choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function.arguments),
    ).toEqual(['{"city":"Köln"}', '{}']);
  });

  it('an answer in one piece, with the id of the request', async () => {
    const { direct, through, model } = await stage.gateway(json(200, WHOLE, { 'x-request-id': 'req_7' }));
    const [plain, ours] = await Promise.all([direct, through].map((client) => client.chat.completions.create(ASKED)));
    expect(ours).toEqual(plain);
    expect([plain!._request_id, ours!._request_id]).toEqual(['req_7', 'req_7']);
    expect(model.asked.map(({ body }) => body)).toEqual([ASKED, ASKED]);
  });

  it('the id of a request, also of a stream, whose headers go before its answer is whole', async () => {
    const { direct, through } = await stage.gateway(replay(CHAT, 64));
    const ids = [];
    for (const client of [direct, through]) {
      const { request_id, data } = await client.chat.completions.create(STREAMED).withResponse();
      ids.push(request_id);
      await all(data);
    }
    expect(ids).toEqual(['req_upstream', 'req_upstream']);
  });

  it('the id of a request whose stream is empty', async () => {
    const { direct, through } = await stage.gateway(replay('data: [DONE]\n\n'));
    const seen = [];
    for (const client of [direct, through]) {
      const { request_id, data } = await client.chat.completions.create(STREAMED).withResponse();
      seen.push([request_id, await all(data)]);
    }
    expect(seen).toEqual([
      ['req_upstream', []],
      ['req_upstream', []],
    ]);
  });

  it('completions, streamed and not', async () => {
    const whole = {
      id: 'cmpl',
      object: 'text_completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, text: 'x', logprobs: null, finish_reason: 'stop' }],
      usage: USAGE,
    };
    const answer: Answer = (response, asked) =>
      (asked.body['stream'] ? replay(COMPLETIONS) : json(200, whole))(response, asked);
    const { direct, through } = await stage.gateway(answer);
    const request = { model: 'm', prompt: 'say' };
    for (const client of [direct, through]) {
      expect(await client.completions.create(request)).toEqual(whole);
      const chunks = await all(await client.completions.create({ ...request, stream: true }));
      expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe('once upon');
      expect(chunks).toEqual(await all(await direct.completions.create({ ...request, stream: true })));
    }
  });

  it('embeddings, and models by list and by name', async () => {
    const embeddings = {
      object: 'list',
      model: 'e',
      data: [{ object: 'embedding', index: 0, embedding: [0.5, -1] }],
      usage: { prompt_tokens: 1, total_tokens: 1 },
    };
    const one = { id: 'org/small', object: 'model', created: 1, owned_by: 'o' };
    const answer: Answer = (response, asked) => {
      if (asked.path === '/v1/embeddings') return json(200, embeddings)(response, asked);
      return json(200, asked.path === '/v1/models' ? { object: 'list', data: [one] } : one)(response, asked);
    };
    const { direct, through, model } = await stage.gateway(answer);
    for (const client of [direct, through]) {
      expect(await client.embeddings.create({ model: 'e', input: 'x', encoding_format: 'float' })).toMatchObject(
        embeddings,
      );
      expect((await client.models.list()).data).toEqual([one]);
      expect(await client.models.retrieve('org/small')).toMatchObject(one);
    }
    const paths = model.asked.map(({ method, path }) => `${method} ${path}`);
    expect(paths.slice(3)).toEqual(paths.slice(0, 3));
  });
});

describe('the official client', () => {
  const said = {
    message: 'the prompt is too long',
    type: 'invalid_request_error',
    param: 'messages',
    code: 'context_length_exceeded',
  };

  it.each([400, 404, 409, 413, 422])('gets the error of a status of %i as it is', async (status) => {
    const { direct, through } = await stage.gateway(json(status, { error: said }));
    for (const stream of [true, false]) {
      const [plain, ours] = await Promise.all(
        [direct, through].map((client) =>
          client.chat.completions.create({ ...ASKED, stream }).catch((error: unknown) => error as APIError),
        ),
      );
      const facts = ({ status, error, code, param, type, message }: APIError) => ({
        status,
        error,
        code,
        param,
        type,
        message,
      });
      expect(facts(ours as APIError)).toEqual(facts(plain as APIError));
      expect((ours as Error).constructor).toBe((plain as Error).constructor);
    }
  });

  it.each<[number, string, string]>([
    [429, '2', '2000'],
    [503, '0.5', '500'],
  ])('is told when to try again after a status of %i', async (status, advice, ms) => {
    const { through } = await stage.gateway(json(status, { error: said }, { 'retry-after': advice }));
    const failed = (await through.chat.completions.create(STREAMED).catch((error: unknown) => error)) as APIError;
    expect([failed.status, failed.headers?.get('retry-after-ms')]).toEqual([status, ms]);
  });

  it('tries again as it is told, and succeeds', async () => {
    let times = 0;
    const { baseUrl } = await stage.gateway((response, asked) =>
      (++times === 1 ? json(429, {}, { 'retry-after-ms': '1' }) : json(200, WHOLE))(response, asked),
    );
    const retrying = new OpenAI({ baseURL: baseUrl, apiKey: 'key', maxRetries: 1 });
    expect((await retrying.chat.completions.create(ASKED)).id).toBe(WHOLE.id);
  });

  it.each<[what: string, answer: Answer, status: number, asked: number]>([
    ['the key of the gateway is refused', json(401, {}), 502, 1],
    ['the model server answers in another form', (response) => response.end('<html>'), 502, 1],
    ['the model server fails', json(500, {}), 500, 2],
    ['the model server is busy', json(503, {}, { 'retry-after-ms': '1' }), 503, 2],
  ])('tries again only where that may help: %s', async (_what, answer, status, asked) => {
    const { baseUrl, model } = await stage.gateway(answer);
    const retrying = new OpenAI({ baseURL: baseUrl, apiKey: 'key', maxRetries: 1 });
    const failed = (await retrying.chat.completions.create(ASKED).catch((error: unknown) => error)) as APIError;
    expect([failed.status, model.asked.length]).toEqual([status, asked]);
  });

  it('gets nothing of what a server says of its own failures, and of the key of the gateway', async () => {
    for (const [status, expected] of [
      [500, 500],
      [401, 502],
      [403, 502],
    ] as const) {
      const secret = { error: { message: 'Incorrect API key provided: sk-secret', code: 'sk-secret' } };
      const { through, baseUrl } = await stage.gateway(json(status, secret), {}, { apiKey: 'sk-secret' });
      const failed = (await through.chat.completions.create(ASKED).catch((error: unknown) => error)) as APIError;
      expect([failed.status, JSON.stringify([failed.error, failed.message]).includes('secret')]).toEqual([
        expected,
        false,
      ]);
      expect(baseUrl).toMatch(/\/v1$/);
    }
  });

  it('throws in the middle of a stream that is cut, or that ends with an error, after what has come', async () => {
    const beginning = data(chunk({ role: 'assistant', content: 'so far' }));
    const answers: [string, Answer, RegExp][] = [
      [
        'cut',
        async (response) => {
          beginEvents(response);
          await writePieces(response, [beginning]);
          response.destroy();
        },
        /ended its answer before it was whole/,
      ],
      ['ended too early', replay(beginning), /ended its answer before it was whole/],
      [
        'an error',
        replay(`${beginning}data: {"error":{"message":"out of memory","type":"server_error","code":null}}\n\n`),
        /out of memory/,
      ],
      ['no JSON', replay(`${beginning}data: {"id":\n\n`), /no JSON object/],
    ];
    for (const [what, answer, message] of answers) {
      const { through } = await stage.gateway(answer);
      let text = '';
      const reading = (async () => {
        for await (const part of await through.chat.completions.create(STREAMED))
          text += part.choices[0]?.delta.content ?? '';
      })();
      await expect(reading, what).rejects.toThrow(message);
      expect(text).toBe('so far');
    }
  });

  it('that aborts ends the request to the model server, streamed or not, begun or not', async () => {
    const { through, model } = await stage.gateway(async (response, asked) => {
      if (asked.body['stream'] !== true) return;
      beginEvents(response);
      await writePieces(response, [data(chunk({ content: 'first' }))]);
    });
    const stream = await through.chat.completions.create(STREAMED);
    for await (const _ of stream) break;
    await eventually(() => model.aborted === 1, 'the first was ended');
    const enough = new AbortController();
    const waiting = through.chat.completions.create(ASKED, { signal: enough.signal });
    await eventually(() => model.asked.length === 2, 'the second was asked');
    enough.abort();
    await expect(waiting).rejects.toThrow(OpenAI.APIUserAbortError);
    await eventually(() => model.aborted === 2, 'the second was ended');
  });
});
