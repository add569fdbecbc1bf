import { NnrpClient } from 'nnrp-runtime';
import OpenAI, { type APIError } from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { all, GatewayStage } from './gateway-stage.js';
import { type Answer, json, replay } from './stand-in/model-server.js';
import { chunk, data, USAGE, WHOLE } from './stand-in/recordings.js';

/* Every mode of the official client, at the model server itself and through the gateway, over both revisions. */

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
  expect(stage.failures.splice(0)).toEqual([]);
});

const ASKED = { model: 'small-1', messages: [{ role: 'user' as const, content: 'hello' }] };
const LOGPROBS = {
  content: [{ token: 'a', logprob: -0.25, bytes: [97], top_logprobs: [{ token: 'b', logprob: -2, bytes: [98] }] }],
  refusal: null,
};
const DONE = 'data: [DONE]\n\n';
const usage = data({ ...chunk({}), choices: [], usage: USAGE });

/** A chunk whose choice has more than a delta. */
function withChoice(delta: object, more: object, finish_reason: string | null = null): string {
  const [choice] = (chunk(delta, finish_reason) as { choices: object[] }).choices;
  return data({ ...chunk(delta), choices: [{ ...choice, ...more }] });
}

const call = (index: number, id: string | undefined, name: string | undefined, args: string) => ({
  index,
  ...(id !== undefined && { id, type: 'function' }),
  function: { ...(name !== undefined && { name }), arguments: args },
});

const STREAMS: Readonly<Record<string, string>> = {
  'log probabilities': [
    withChoice({ role: 'assistant', content: '' }, { logprobs: { content: [], refusal: null } }),
    withChoice({ content: 'a' }, { logprobs: LOGPROBS }),
    withChoice({ content: 'a' }, { logprobs: LOGPROBS }),
    data(chunk({}, 'stop')),
    DONE,
  ].join(''),
  'parallel tools in one chunk': [
    data(chunk({ role: 'assistant', content: null, tool_calls: [call(0, 'c0', 'f', ''), call(1, 'c1', 'g', '')] })),
    data(chunk({ tool_calls: [call(1, undefined, undefined, '{"b"'), call(0, undefined, undefined, '{"a"')] })),
    data(chunk({ tool_calls: [call(0, undefined, undefined, ':1}')] })),
    data(chunk({ tool_calls: [call(1, undefined, undefined, ':2}')] })),
    data(chunk({}, 'tool_calls')),
    DONE,
  ].join(''),
  'text and a tool in one chunk': [
    data(chunk({ role: 'assistant', content: 'I look', tool_calls: [call(0, 'c0', 'f', '{}')] })),
    data(chunk({}, 'tool_calls')),
    DONE,
  ].join(''),
  'an old function call': [
    data(chunk({ role: 'assistant', content: null, function_call: { name: 'f', arguments: '' } })),
    data(chunk({ function_call: { arguments: '{}' } })),
    data(chunk({}, 'function_call')),
    DONE,
  ].join(''),
  'a refusal': [
    data(chunk({ role: 'assistant', content: null, refusal: 'I ' })),
    data(chunk({ refusal: 'will not' })),
    data(chunk({}, 'stop')),
    DONE,
  ].join(''),
  'two choices in one chunk': [
    data({
      ...chunk({}),
      choices: [0, 1].map((index) => ({ index, delta: { role: 'assistant', content: 'x' }, finish_reason: null })),
    }),
    data({ ...chunk({}), choices: [0, 1].map((index) => ({ index, delta: {}, finish_reason: 'stop' })) }),
    DONE,
  ].join(''),
  'usage with every chunk': [
    data(chunk({ role: 'assistant', content: 'a' }, null, 0, { usage: USAGE })),
    data(chunk({ content: 'b' }, null, 0, { usage: { ...USAGE, completion_tokens: 6 } })),
    data(chunk({}, 'stop', 0, { usage: USAGE })),
    DONE,
  ].join(''),
  'usage before the end': [data(chunk({ role: 'assistant', content: 'a' })), usage, data(chunk({}, 'stop')), DONE].join(
    '',
  ),
  'filters before the first choice': [
    data({ ...chunk({}), choices: [], prompt_filter_results: [{ prompt_index: 0 }] }),
    data(chunk({ role: 'assistant', content: 'a' }, null, 0, { obfuscation: 'xy' })),
    data(chunk({ content: 'b' }, null, 0, { obfuscation: 'z' })),
    data(chunk({}, 'stop')),
    DONE,
  ].join(''),
  'nothing at all': DONE,
  'no choice that ends': [data(chunk({ role: 'assistant', content: 'a' })), DONE].join(''),
};

const vector = [0.5, -1, 2];
const base64 = Buffer.from(new Float32Array(vector).buffer).toString('base64');
const embeddings: Answer = (response, asked) =>
  json(200, {
    object: 'list',
    model: 'e',
    data: [{ object: 'embedding', index: 0, embedding: asked.body['encoding_format'] === 'base64' ? base64 : vector }],
    usage: { prompt_tokens: 1, total_tokens: 1 },
  })(response, asked);

/** Facts of an error that clients look at. */
function facts(error: unknown): object {
  if (!(error instanceof OpenAI.APIError)) return { thrown: String(error) };
  const { status, code, param, type, message, error: body } = error as APIError;
  return { status, code, param, type, message, body, name: error.constructor.name };
}

const outcome = (work: Promise<unknown>) => work.then((value) => ({ value }), facts);

describe.each(['preview3', 'preview4'] as const)('the official client over %s', (revision) => {
  async function gateway(answer: Answer) {
    const model = await stage.model(answer);
    const { server } = await stage.nnrp({ baseUrl: model.baseUrl, includeUsage: false });
    const connect = () => NnrpClient.connectTcp(server.localAddress, { revision, reconnect: 'never' });
    const { baseUrl } = await stage.http(connect);
    return { model, urls: [model.baseUrl, baseUrl] as const };
  }

  /** The same of both: what comes, and what the model server is asked. */
  async function both(answer: Answer, work: (client: OpenAI) => Promise<unknown>) {
    const { model, urls } = await gateway(answer);
    const found: object[] = [];
    for (const baseURL of urls) {
      const client = new OpenAI({ baseURL, apiKey: 'key', maxRetries: 0, timeout: 10_000 });
      found.push(await outcome(work(client)));
    }
    const [direct, through] = found;
    expect(through).toEqual(direct);
    const asked = model.asked.map(({ method, path, body }) => ({ method, path, body }));
    expect(asked.slice(asked.length / 2)).toEqual(asked.slice(0, asked.length / 2));
    return direct as { readonly value?: unknown };
  }

  it.each(Object.keys(STREAMS))('streams %s', async (name) => {
    const events = STREAMS[name] as string;
    await both(replay(events, 50), async (client) =>
      all(await client.chat.completions.create({ ...ASKED, stream: true, stream_options: { include_usage: true } })),
    );
  });

  it('asks with tools, images, several choices, log probabilities and fields that nobody knows', async () => {
    const { value } = await both(json(200, WHOLE), (client) =>
      client.chat.completions.create({
        model: 'small-1',
        n: 3,
        logprobs: true,
        top_logprobs: 2,
        tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
        parallel_tool_calls: true,
        response_format: { type: 'json_object' },
        messages: [
          { role: 'system', content: 'look' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'what is it?' },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(200_000)}`, detail: 'low' } },
            ],
          },
        ],
        ...({ min_p: 0.1, guided: { __proto: 1, nested: [null, true, 1e100, -0.5] } } as object),
      }),
    );
    expect(value).toBeDefined();
  });

  it.each([
    { encoding_format: undefined },
    { encoding_format: 'float' as const },
    { encoding_format: 'base64' as const },
  ])('gets embeddings: %j', async ({ encoding_format }) => {
    await both(embeddings, (client) =>
      client.embeddings.create({ model: 'e', input: ['x'], ...(encoding_format && { encoding_format }) }),
    );
  });

  it('lists models and gets one, by names that need to be escaped', async () => {
    const one = { id: 'org/small:7b q', object: 'model', created: 1, owned_by: 'o' };
    const answer: Answer = (response, asked) =>
      json(200, asked.path === '/v1/models' ? { object: 'list', data: [one] } : one)(response, asked);
    await both(answer, async (client) => [
      await all(client.models.list()),
      await client.models.retrieve('org/small:7b q'),
      await client.models.retrieve('größe+1%'),
    ]);
  });

  it.each<[what: string, status: number, body: unknown]>([
    ['an object of another kind', 200, { hello: 1 }],
    ['an error with status 200', 200, { error: { message: 'x' } }],
    ['choices that are null', 200, { ...WHOLE, choices: null }],
    [
      'an error with further members',
      400,
      { error: { message: 'm', type: 't', param: null, code: 'c', innererror: { filter: { hate: [true, 0.5] } } } },
    ],
  ])('is answered with %s', async (_what, status, body) => {
    await both(json(status, body), (client) => client.chat.completions.create(ASKED));
  });

  it.each<[what: string, status: number, body: unknown, told: object]>([
    ['a list', 200, [1, 2], { status: 502, code: null }],
    ['null', 200, null, { status: 502, code: null }],
    ['an error of text', 400, { error: 'bad' }, { status: 400, message: '400 bad' }],
    ['reasons', 422, { detail: [{ msg: 'n' }] }, { status: 422, message: '422 [{"msg":"n"}]' }],
    ['a reason', 404, { detail: 'No such model' }, { status: 404, message: '404 No such model' }],
    ['a bare error', 400, { object: 'error', message: 'm', type: 'T', code: 40 }, { message: '400 m', code: 40 }],
    ['an error without members', 418, {}, { status: 418, message: '418 the model server answered with status 418' }],
  ])('gets in OpenAI\u2019s form what a model server has in its own: %s', async (_what, status, body, told) => {
    const { urls } = await gateway(json(status, body));
    const client = new OpenAI({ baseURL: urls[1], apiKey: 'key', maxRetries: 0 });
    expect(await outcome(client.chat.completions.create(ASKED))).toMatchObject(told);
  });

  it('sends legacy completions with lists and echoes, streamed and not', async () => {
    const part = (index: number, text: string, finish_reason: string | null = null) =>
      data({
        id: 'cmpl',
        object: 'text_completion',
        created: 1,
        model: 'm',
        choices: [{ index, text, logprobs: { tokens: [text], token_logprobs: [-1], text_offset: [0] }, finish_reason }],
      });
    const events = [part(0, 'a'), part(1, 'b'), part(0, 'c', 'stop'), part(1, 'd', 'length'), DONE].join('');
    await both(replay(events), async (client) =>
      all(await client.completions.create({ model: 'm', prompt: ['x', [1, 2]] as never, n: 2, stream: true })),
    );
  });

  it('reads whole responses as they are, and their text', async () => {
    await both(json(200, WHOLE, { 'x-request-id': 'req_8' }), async (client) => {
      const { data: found, response, request_id } = await client.chat.completions.create(ASKED).withResponse();
      return [found, response.status, response.headers.get('content-type')?.split(';')[0], request_id];
    });
  });
});
