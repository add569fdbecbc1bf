import OpenAI, { type APIError } from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayStage, official } from './gateway-stage.js';
import { type Answer, json } from './stand-in/model-server.js';

/* How model servers word their errors, and what the official client makes of them, asked directly and through the gateway. */

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
  expect(stage.failures.splice(0)).toEqual([]);
});

const ASKED = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };

const plain = (status: number, text: string, type = 'text/plain'): Answer =>
  ((response) => response.writeHead(status, { 'content-type': type }).end(text)) as Answer;

async function thrown(client: OpenAI, stream: boolean): Promise<APIError> {
  const error: unknown = await client.chat.completions.create({ ...ASKED, stream }).then(
    () => new Error('it has not failed'),
    (failed: unknown) => failed,
  );
  if (error instanceof OpenAI.APIError) return error;
  throw error;
}

function facts({ constructor: { name }, status, code, type, param, message, requestID, headers }: APIError) {
  const advice = ['retry-after', 'x-should-retry'].map((header) => headers?.get(header) ?? null);
  return { name, status, code, type, param, message, requestID, advice };
}

const limited = { message: 'quota', type: 'insufficient_quota', param: null, code: 'insufficient_quota' };

describe.each([true, false])('with stream %s, an error in the words of', (stream) => {
  it.each<[string, Answer]>([
    [
      'OpenAI has the id of its request',
      json(
        400,
        { error: { message: 'no', type: 'invalid_request_error', param: 'messages', code: 'c' } },
        { 'x-request-id': 'req_1' },
      ),
    ],
    [
      'OpenAI says when not to try again',
      json(429, { error: limited }, { 'retry-after': '3', 'x-should-retry': 'false', 'x-request-id': 'req_2' }),
    ],
    ['OpenAI says when to try again', json(400, { error: limited }, { 'x-should-retry': 'true' })],
    ['Azure has no type', json(400, { error: { message: 'filtered', type: null, param: 'prompt', code: 'c' } })],
    [
      'vLLM has lines and tabs',
      json(400, { error: { message: 'one\n\ttwo\r\nthree ümläut', type: 'BadRequestError', param: null, code: 400 } }),
    ],
  ])('%s is the same through the gateway', async (_what, answer) => {
    const { direct, through } = await stage.gateway(answer);
    const plain = facts(await thrown(direct, stream));
    // Where the model server has no id for the request, the gateway has.
    const requestID = plain.requestID ?? expect.stringMatching(/^req_/);
    expect(facts(await thrown(through, stream))).toEqual({ ...plain, requestID });
  });

  it.each<[string, Answer, object]>([
    [
      'TGI has the type beside it',
      json(422, { error: 'too many tokens', error_type: 'validation' }),
      { status: 422, message: '422 too many tokens', type: 'validation' },
    ],
    [
      'axum is a text',
      plain(422, 'missing field `messages`\nat line 1\n', 'text/plain; charset=utf-8'),
      { status: 422, message: '422 missing field `messages`\nat line 1', type: 'invalid_request_error' },
    ],
    [
      'a proxy is a page, which says nothing',
      plain(413, '<html>', 'text/html'),
      { message: /answered with status 413$/ },
    ],
    ['Go tells of a path', plain(404, '404 page not found'), { status: 404, message: /such as \/v1\?$/ }],
    ['FastAPI tells of a path', json(404, { detail: 'Not Found' }), { status: 404, message: /such as \/v1\?$/ }],
    [
      'llama.cpp tells that it is not ready',
      json(503, { error: { code: 503, message: 'Loading /srv/model.gguf', type: 'unavailable_error' } }),
      { status: 503, code: 503, type: 'unavailable_error', message: /answered with status 503$/ },
    ],
    [
      'a server that fails names no reason',
      json(500, { error: { code: 'at /srv/x.py:5', message: 'at /srv', type: 'RuntimeError: CUDA' } }),
      { status: 500, code: null, type: 'server_error', message: /answered with status 500$/ },
    ],
    [
      'a long text of many lines is cut',
      json(400, { error: { message: 'ü\n'.repeat(1500) } }),
      { message: /^400 (?:ü\n){1331}…$/ },
    ],
    [
      'an escape of terminals is shown as one',
      json(400, { error: { message: 'red \x1b[31m\nand \u202e' } }),
      { message: '400 red \\x1b[31m\nand \\u202e' },
    ],
  ])('%s', async (_what, answer, expected) => {
    const { through } = await stage.gateway(answer);
    const seen = facts(await thrown(through, stream)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(expected)) {
      if (value instanceof RegExp) expect(seen[name]).toMatch(value);
      else expect(seen[name]).toEqual(value);
    }
  });
});

it('a client is told of the refused key neither more nor less, but for the id of the request', async () => {
  const { through } = await stage.gateway(json(401, { error: { message: 'key' } }, { 'x-request-id': 'req_3' }));
  expect(facts(await thrown(through, false))).toMatchObject({
    status: 502,
    requestID: 'req_3',
    advice: [null, 'false'],
  });
});

it('an id of a request that is no header gives way to one of the gateway', async () => {
  const model = await stage.rawModel((socket) =>
    socket.end(`HTTP/1.1 400 Bad\r\nx-request-id: ${'x'.repeat(600)}\r\ncontent-length: 0\r\n\r\n`),
  );
  const { server } = await stage.nnrp({ baseUrl: model });
  const { baseUrl } = await stage.http(() => stage.connect(server));
  expect(facts(await thrown(official(baseUrl), false))).toMatchObject({
    status: 400,
    requestID: expect.stringMatching(/^req_[\da-f]{32}$/),
  });
});

const NAMED = { 'x-request-id': 'req_4' };
const events = (text: string): Answer =>
  ((response) => response.writeHead(200, { 'content-type': 'text/event-stream', ...NAMED }).end(text)) as Answer;
const cut =
  (type: string, text: string): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': type, 'content-length': 1000, ...NAMED });
    response.write(text, () => response.destroy());
  };

it.each<[string, Answer, boolean]>([
  ['ends its stream with an error', events('data: {"error":{"message":"oh"}}\n\n'), true],
  ['streams no JSON', events('data: no\n\n'), true],
  ['ends its stream too early', events(''), true],
  ['hangs up within its stream', cut('text/event-stream', ':\n\n'), true],
  ['answers in another form', json(200, {}, NAMED), true],
  ['answers with a list', json(200, [], NAMED), false],
  ['hangs up within its answer', cut('application/json', '{'), false],
  ['answers with no JSON', plain(200, '{', 'application/json; x=y'), false],
])('a model server that %s is asked about by its id of the request', async (_what, answer, stream) => {
  const { through } = await stage.gateway((response, asked) => {
    response.setHeader('x-request-id', 'req_4');
    return answer(response, asked);
  });
  expect(facts(await thrown(through, stream))).toMatchObject({ requestID: 'req_4' });
});
