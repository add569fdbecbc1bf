import { gzipSync } from 'node:zlib';
import { chat, profileCall } from 'nnrp-runtime/calls';
import { afterEach, describe, expect, it } from 'vitest';
import { openAiHandler } from '../src/index.js';
import { eventually, GatewayStage } from './gateway-stage.js';
import { type Answer, beginEvents, json, replay, writePieces } from './stand-in/model-server.js';
import { CHAT, chunk, data } from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
  expect(stage.failures.splice(0)).toEqual([]);
});

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'the secret prompt' }] };

async function failure(work: Promise<unknown>): Promise<Record<string, unknown>> {
  return work.then(
    () => {
      throw new Error('it has not failed');
    },
    (error: Record<string, unknown>) => error,
  );
}

/** A server that says these bytes to whoever has sent something, and hangs up where `ends`. */
function rawServer(bytes: string | Uint8Array, ends = true): Promise<string> {
  return stage.rawModel((socket) => (ends ? socket.end(bytes) : socket.write(bytes)));
}

async function sessionWith(answer: Answer, options: object = {}, config: object = {}) {
  const model = await stage.model(answer);
  const { server, handler } = await stage.nnrp({ baseUrl: model.baseUrl, ...options }, config);
  return { model, handler, server, session: await stage.session(server) };
}

const event = (text: string): Answer => replay(`data: ${text}\n\n`);
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';

describe('a model server that', () => {
  it.each<[string, string | undefined, string | Uint8Array, boolean]>([
    ['hangs up without a word', 'upstream_reset', '', true],
    ['speaks something else', 'upstream_malformed', 'SSH-2.0-OpenSSH\r\n', true],
    ['hangs up within its headers', 'upstream_reset', HEAD, true],
    [
      'hangs up within its answer',
      'upstream_cut',
      `${HEAD}content-length: 1000\r\n\r\n${data(chunk({ content: 'x' }))}`,
      true,
    ],
    ['hangs up within a chunk', 'upstream_cut', `${HEAD}transfer-encoding: chunked\r\n\r\nff\r\ndata: `, true],
    ['has headers without an end', 'upstream_malformed', `${HEAD}x: ${'y'.repeat(100_000)}`, false],
  ])('%s fails the call with a code that says so', async (_what, code, bytes, ends) => {
    const { server } = await stage.nnrp({ baseUrl: await rawServer(bytes, ends) });
    const session = await stage.session(server);
    for (const stream of [true, false]) {
      const failed = await failure(chat(session, { ...REQUEST, stream }).result());
      // What is no stream is not looked into when it has the type of one.
      const expected = !stream && code === 'upstream_cut' ? 'upstream_malformed' : code;
      expect([failed['code'], failed['isRetryable']]).toEqual([expected, false]);
      expect(JSON.stringify(failed)).not.toContain('secret');
    }
  });

  it('is not there can be asked again', async () => {
    const { server } = await stage.nnrp({ baseUrl: 'http://127.0.0.1:1/v1' });
    const failed = await failure(chat(await stage.session(server), REQUEST).result());
    expect(failed).toMatchObject({ code: 'upstream_unreachable', isRetryable: true, details: { status: 502 } });
  });

  it.each<[string, Answer, string, object]>([
    [
      'has too much to do',
      json(429, {}, { 'retry-after': '3' }),
      'HTTP_429',
      { isRetryable: true, retryAfterMs: 3000 },
    ],
    [
      'names a date',
      json(503, {}, { 'retry-after': 'Fri, 28 Nov 2025 00:00:07 GMT', date: 'Fri, 28 Nov 2025 00:00:05 GMT' }),
      'HTTP_503',
      { isRetryable: true, retryAfterMs: 2000 },
    ],
    [
      'names a date without saying its own',
      (response) => {
        response.sendDate = false;
        json(503, {}, { 'retry-after': new Date(Date.now() + 60_000_000).toUTCString() })(response, undefined as never);
      },
      'HTTP_503',
      { isRetryable: true, retryAfterMs: expect.closeTo(60_000_000, -6) },
    ],
    ['names no time', json(503, {}), 'HTTP_503', { isRetryable: true, retryAfterMs: 0 }],
    [
      'names a time that is none',
      json(429, {}, { 'retry-after': '1e99999' }),
      'HTTP_429',
      { isRetryable: true, retryAfterMs: 0 },
    ],
    ['fails', json(500, { error: { message: 'CUDA' } }), 'HTTP_500', { isRetryable: false }],
    [
      'refuses',
      json(400, { error: { message: 'too long', param: 'p' } }),
      'HTTP_400',
      { rawMessage: 'too long', details: { status: 400, error: { param: 'p' } } },
    ],
    ['refuses in other words', json(400, { error: 'too long' }), 'HTTP_400', { rawMessage: 'too long' }],
    [
      'refuses in HTML',
      (response) => response.writeHead(404).end('<html>'),
      'HTTP_404',
      { isRetryable: false, rawMessage: expect.stringContaining('such as /v1?') },
    ],
    ['refuses without an end', (response) => response.writeHead(400).write('x'.repeat(200_000)), 'HTTP_400', {}],
    [
      'redirects',
      (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      'upstream_malformed',
      { isRetryable: false },
    ],
    [
      'answers with HTML',
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'upstream_malformed',
      {},
    ],
    ['answers without a type', (response) => response.writeHead(200).end('x'), 'upstream_malformed', {}],
    [
      'sends a bomb of gzip',
      (response) =>
        response
          .writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
          .end(gzipSync(Buffer.alloc(50_000_000))),
      'upstream_malformed',
      {},
    ],
    ['sends an event that is no JSON', event('{"a":'), 'upstream_malformed', {}],
    ['sends an event that is a list', event('[]'), 'upstream_malformed', {}],
    [
      'sends JSON that nests too deeply',
      event(`{"choices":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
      'upstream_malformed',
      {},
    ],
    [
      'sends a choice that there cannot be',
      event('{"choices":[{"index":1e9,"delta":{"content":"x"}}]}'),
      'upstream_malformed',
      {},
    ],
    [
      'sends tool calls without an end',
      event('{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1e9}]}}]}'),
      'upstream_malformed',
      {},
    ],
    [
      'ends its stream with an error in the form of an answer',
      event('{"object":"error","message":"too long","type":"BadRequestError","code":400}'),
      'upstream_error',
      { rawMessage: 'too long', details: { status: 400, error: { type: 'BadRequestError' } } },
    ],
    [
      'ends its stream with a text',
      event('{"error":"overloaded"}'),
      'upstream_error',
      { rawMessage: 'overloaded', details: { status: 500, error: { type: 'server_error' } } },
    ],
    [
      'ends its stream with an error',
      event('{"error":{"message":"no memory","code":503}}'),
      'upstream_error',
      { rawMessage: 'no memory', details: { status: 503 } },
    ],
    [
      'names an event as an error, and calls it by no member',
      replay('event: error\ndata: {"message":"no room","type":"overloaded"}\n\ndata: [DONE]\n\n'),
      'upstream_error',
      { rawMessage: 'no room', details: { status: 500, error: { type: 'overloaded' } } },
    ],
    [
      'names a text as an error',
      replay('event: error\ndata: out of memory\n\ndata: [DONE]\n\n'),
      'upstream_error',
      { rawMessage: 'out of memory', details: { status: 500, error: { type: 'server_error' } } },
    ],
    [
      'refuses at length',
      json(400, { error: { message: '"'.repeat(9000), type: '\\'.repeat(300) } }, { 'x-request-id': 'i'.repeat(512) }),
      'HTTP_400',
      { rawMessage: expect.stringMatching(/^"{1900,}/), details: { requestId: expect.stringMatching(/^i{512}$/) } },
    ],
    [
      'refuses at length, in many lines',
      json(400, { error: { message: '\n'.repeat(9000), param: '"'.repeat(300), code: '"'.repeat(300) } }),
      'HTTP_400',
      { details: { status: 400 } },
    ],
    [
      'says much more than its message',
      json(400, { error: { message: '长'.repeat(1300), code: 'c', more: '长'.repeat(4000) } }),
      'HTTP_400',
      { rawMessage: '长'.repeat(1300), details: { error: { message: '长'.repeat(1300), code: 'c' } } },
    ],
    ['sends nothing', replay(''), 'upstream_cut', {}],
    ['ends its stream too early', replay(data(chunk({ content: 'x' }))), 'upstream_cut', {}],
  ])('%s fails the call with a code that says so', async (_what, answer, code, facts) => {
    const { session, model } = await sessionWith(answer);
    expect(await failure(chat(session, REQUEST).result())).toMatchObject({ code, ...facts });
    // And serves the next one.
    model.answer = replay(CHAT);
    expect((await chat(session, REQUEST).result()).finishReason).toBe('stop');
  });

  it.each<[string, (response: Parameters<Answer>[0]) => Promise<unknown>]>([
    ['a line', (response) => writePieces(response, ['data: ', ...Array<string>(40).fill('x'.repeat(1000))])],
    [
      'an event of many lines',
      (response) => writePieces(response, Array<string>(400).fill(`data: ${'x'.repeat(100)}\n`)),
    ],
    ['names without data', (response) => writePieces(response, Array<string>(400).fill(`event: ${'x'.repeat(100)}\n`))],
  ])('sends %s without an end is left', async (_what, write) => {
    const { session, model } = await sessionWith(
      async (response) => {
        beginEvents(response);
        await write(response);
      },
      { maxEventBytes: 32 * 1024 },
    );
    expect(await failure(chat(session, REQUEST).result())).toMatchObject({ code: 'upstream_too_large' });
    await eventually(() => model.aborted === 1, 'it was left');
  });

  it('sends more than an answer may have is left', async () => {
    const { session, model } = await sessionWith(json(200, { text: 'x'.repeat(5000) }), { maxResponseBytes: 1024 });
    expect(await failure(profileCall(session, 'models.list').result())).toMatchObject({ code: 'upstream_too_large' });
    model.answer = json(200, { data: [] });
    expect((await profileCall(session, 'models.list').result()).body).toEqual({ data: [] });
  });

  it('is silent for too long is left, before its answer and within it', async () => {
    const { session, model } = await sessionWith(() => {}, { responseTimeoutMs: 1, idleTimeoutMs: 1 });
    expect(await failure(chat(session, REQUEST).result())).toMatchObject({
      code: 'upstream_timeout',
      details: { status: 504 },
    });
    model.answer = (response) => beginEvents(response) ?? response.flushHeaders();
    expect(await failure(chat(session, REQUEST).result())).toMatchObject({
      code: expect.stringMatching(/^upstream_(timeout|cut)$/),
    });
  }, 60_000);

  it('goes on behind the mark at its end keeps nobody waiting', async () => {
    const { session, handler } = await sessionWith(async (response) => {
      beginEvents(response);
      await writePieces(response, [CHAT]);
      const more = () => response.write('x'.repeat(1000), (error) => error ?? setImmediate(more));
      more();
    });
    expect((await chat(session, REQUEST).result()).finishReason).toBe('stop');
    expect(handler.requestCount).toBe(0);
  });

  it('names members after prototypes changes none', async () => {
    const evil =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"choices":[{"index":0,"delta":{"content":"x","__proto__":{"polluted":1}},"finish_reason":"stop"}]}';
    const { session } = await sessionWith(event(evil));
    expect((await chat(session, REQUEST).result()).text).toBe('x');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('a request to the model server', () => {
  const endless: Answer = async (response) => {
    beginEvents(response);
    await writePieces(response, [data(chunk({ content: 'x' }))]);
  };

  it('ends with the deadline of the call, with its cancel, and with its client', async () => {
    const { session, model, handler, server } = await sessionWith(endless, {}, { resumeWindowMs: 0 });
    expect(await failure(chat(session, REQUEST, { deadlineMs: 100 }).result())).toMatchObject({
      code: 'NNRP_ERR_DEADLINE',
    });
    await eventually(() => model.aborted === 1, 'the late one was ended');
    for await (const _ of chat(session, REQUEST)) break;
    await eventually(() => model.aborted === 2, 'the cancelled one was ended');
    const lost = await stage.connect(server);
    const losing = failure(chat(await lost.openSession(), REQUEST).result());
    await eventually(() => model.asked.length === 3, 'the third was asked');
    await lost.close({ drainTimeoutMs: 0 });
    await losing;
    await eventually(() => model.aborted === 3 && handler.requestCount === 0, 'the lost one was ended');
  });

  it('is refused when as many as may are under way, and can be asked again', async () => {
    const { session, model } = await sessionWith(endless, { maxConnections: 1, maxWaitingRequests: 1 });
    const [first, second] = [1, 2].map(() => chat(session, REQUEST)[Symbol.asyncIterator]());
    await first!.next();
    void second!.next();
    const failing = failure(chat(session, REQUEST).result());
    expect(await failing).toMatchObject({ code: 'upstream_busy', isRetryable: true, retryAfterMs: 1000 });
    expect(model.asked.length).toBe(1);
    await first!.return?.();
    await eventually(() => model.asked.length === 2, 'the second was asked');
  });

  it('has the key, the headers and the trace of its call, and nothing that a client has put into them', async () => {
    const { session, model } = await sessionWith(json(200, { choices: [] }), {
      apiKey: 'k',
      model: 'mine',
      headers: { 'OpenAI-Organization': 'o' },
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await profileCall(session, 'chat.completions.create', REQUEST, {
      metadata: { traceparent, tracestate: 'a=b' },
    }).result();
    await profileCall(session, 'chat.completions.create', REQUEST, {
      metadata: { traceparent: `${traceparent}\r\nx: y`, tracestate: 'a\r\nb: c' },
    }).result();
    await profileCall(session, 'chat.completions.create', REQUEST, {
      metadata: { traceparent, tracestate: 'a\r\nb: c' },
    }).result();
    const [first, second, third] = model.asked;
    expect(first?.body['model']).toBe('mine');
    expect(first?.headers).toMatchObject({
      authorization: 'Bearer k',
      'openai-organization': 'o',
      traceparent,
      tracestate: 'a=b',
      'accept-encoding': 'identity',
    });
    for (const { headers } of [second!, third!])
      expect([headers['tracestate'], headers['x'], headers['b']]).toEqual([undefined, undefined, undefined]);
    expect(second?.headers['traceparent']).toBeUndefined();
  });

  it('has another key once there is one, and the one before is told to nobody either', async () => {
    const says = 'old-secret-of-mine, new-secret-of-mine, query-secret';
    const model = await stage.model(json(400, { error: { message: says } }));
    const baseUrl = `${model.baseUrl}?code=query-secret`;
    const { server, handler } = await stage.nnrp({ baseUrl, apiKey: 'old-secret-of-mine', headers: { a: 'b' } });
    expect(() => handler.renew({ apiKey: '\n' })).toThrow(/apiKey takes a text of printable ASCII/);
    handler.renew({ apiKey: 'new-secret-of-mine', headers: { c: 'd' } });
    const failed = await failure(chat(await stage.session(server), REQUEST).result());
    expect(failed['rawMessage']).toBe('[hidden], [hidden], [hidden]');
    const { headers } = model.asked[0]!;
    expect([headers.authorization, headers['a'], headers['c']]).toEqual(['Bearer new-secret-of-mine', undefined, 'd']);
  });

  it('has the query of the base URL, which is told to nobody', async () => {
    const model = await stage.model(json(400, { error: { message: 'no such version: secret-of-mine' } }));
    const { server } = await stage.nnrp({ baseUrl: `${model.baseUrl}/?api-version=2024-10-21&code=secret-of-mine` });
    const failed = await failure(chat(await stage.session(server), REQUEST).result());
    expect(model.asked[0]?.path).toBe('/v1/chat/completions?api-version=2024-10-21&code=secret-of-mine');
    expect(failed['rawMessage']).toBe('no such version: [hidden]');
  });

  it('for a model stays where models are', async () => {
    const { session, model } = await sessionWith(json(200, { id: 'x' }));
    await profileCall(session, 'models.retrieve', { model: '../../admin?x=y#z' }).result();
    expect(model.asked[0]?.path).toBe('/v1/models/..%2F..%2Fadmin%3Fx=y%23z');
    for (const body of [{ model: '..' }, { model: '.' }, { model: '' }, {}, undefined])
      expect(await failure(profileCall(session, 'models.retrieve', body).result())).toMatchObject({
        code: 'invalid_request',
      });
  });

  it('that is none is refused', async () => {
    const { session, model } = await sessionWith(json(200, {}));
    for (const body of [undefined, [], 'text', {}, { model: 5 }])
      expect(await failure(profileCall(session, 'embeddings.create', body).result())).toMatchObject({
        code: 'invalid_request',
        isRetryable: false,
      });
    expect(model.asked.length).toBe(0);
  });
});

it.each<[object, RegExp]>([
  [{}, /baseUrl takes a URL/],
  [{ baseUrl: 'ftp://x/' }, /baseUrl takes a URL/],
  [{ baseUrl: 'http://user:secret@x/' }, /baseUrl takes a URL/],
  [{ baseUrl: 'http://x/v1#secret' }, /baseUrl takes a URL/],
  [{ baseUrl: 'http://x/', apiKey: 'secret\r\nx: y' }, /apiKey takes a text of printable ASCII, got string/],
  [{ baseUrl: 'http://x/', headers: { a: 'secret\r\nx: y' } }, /headers takes names/],
  [{ baseUrl: 'http://x/', headers: { 'a b': 'c' } }, /headers takes names/],
  [{ baseUrl: 'http://x/', headers: 'a' }, /headers takes names/],
  [{ baseUrl: 'http://x/', maxConnections: 0 }, /maxConnections takes an integer of 1/],
  [{ baseUrl: 'http://x/', base: 'y' }, /there is no option 'base'/],
])('openAiHandler refuses %j, and shows no secret', (options, message) => {
  const build = () => openAiHandler(options as never);
  expect(build).toThrow(message);
  expect(build).not.toThrow(/secret/);
});
