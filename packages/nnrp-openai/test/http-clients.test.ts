import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { CHAT as CHAT_ROUTE, chatHandler, createRouter } from 'nnrp-runtime/calls';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, type Gateway, GatewayStage, official } from './gateway-stage.js';
import { ASKED, endSockets, JSON_TYPE, post, raw } from './raw-http.js';
import { beginEvents, json, writePieces } from './stand-in/model-server.js';
import { chunk, data, WHOLE } from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(async () => {
  endSockets();
  await stage.clear();
});

async function stillServes({ through }: Gateway): Promise<void> {
  expect((await through.chat.completions.create(ASKED)).id).toBe(WHOLE.id);
}

describe('the HTTP server refuses', () => {
  it.each<[string, number, string | Uint8Array, Record<string, string>]>([
    ['a body that is no JSON', 400, '{"a":', JSON_TYPE],
    ['a body that is a list', 400, '[]', JSON_TYPE],
    ['no body', 400, '', JSON_TYPE],
    ['a body that nests too deeply', 400, `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`, JSON_TYPE],
    ['a body of brackets', 400, '['.repeat(60_000), JSON_TYPE],
    ['a body of another type', 415, '{}', { 'content-type': 'text/plain' }],
    ['a body that is compressed', 415, '{}', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    ['a body that is too long', 413, JSON.stringify({ a: 'x'.repeat(70_000) }), JSON_TYPE],
    ['a request without a model', 400, '{"messages":[]}', JSON_TYPE],
  ])('%s, and serves the next one', async (_what, status, body, headers) => {
    const gateway = await stage.gateway(json(200, WHOLE), { maxBodyBytes: 65_536 });
    const answer = await post(gateway.baseUrl, body, headers);
    expect([answer.status, answer.body.error['type']]).toEqual([status, 'invalid_request_error']);
    expect(gateway.model.asked.length).toBe(0);
    await stillServes(gateway);
  });

  it('no form of JSON, from clients and from model servers', async () => {
    const type = { 'content-type': 'application/vnd.api+json; charset=utf-8' };
    const { baseUrl } = await stage.gateway(json(200, WHOLE, type));
    const answer = await post(baseUrl, JSON.stringify(ASKED), type);
    expect([answer.status, answer.body]).toMatchObject([200, { id: WHOLE.id }]);
  });

  it('a body without a length that is too long, before all of it has come', async () => {
    const gateway = await stage.gateway(json(200, WHOLE), { maxBodyBytes: 65_536 });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    const { said } = raw(gateway.baseUrl, `${head}11170\r\n${'x'.repeat(70_000)}\r\n`);
    expect(await said).toMatch(/^HTTP\/1.1 413 /);
    await stillServes(gateway);
  });

  it('paths that are none, and other methods', async () => {
    const { baseUrl } = await stage.gateway(json(200, WHOLE));
    for (const path of ['/', '/chat', '/models/', '/models/%', '/__proto__', '/constructor'])
      expect((await fetch(`${baseUrl}${path}`)).status, path).toBe(404);
    const { error } = (await (await fetch(new URL('/chat/completions', baseUrl))).json()) as { error: Error };
    expect(error.message).toContain('paths begin with /v1');
    const { status, body } = await post(baseUrl, '{}', JSON_TYPE, '/files');
    expect(status).toBe(404);
    expect(body.error['message']).toBe(
      '/v1/files is not served; paths are /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, /v1/models',
    );
    for (const [answer, allowed] of [
      [fetch(`${baseUrl}/chat/completions`), 'POST'],
      [post(baseUrl, '{}', JSON_TYPE, '/models'), 'GET'],
    ] as const) {
      const { status, headers } = await answer;
      expect([status, headers.get('allow')]).toEqual([405, allowed]);
    }
  });

  it('keys that it does not know, and lets in those that it does', async () => {
    const { baseUrl, model } = await stage.gateway(json(200, WHOLE), { keys: ['one', 'two'] });
    for (const key of ['three', 'on', 'one,two'])
      await expect(official(baseUrl, key).chat.completions.create(ASKED)).rejects.toMatchObject({
        status: 401,
        code: 'invalid_api_key',
      });
    const none = await post(baseUrl, '{}');
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(model.asked.length).toBe(0);
    for (const key of ['one', 'two'])
      expect((await official(baseUrl, key).chat.completions.create(ASKED)).id).toBe(WHOLE.id);
    expect(JSON.stringify(model.asked)).not.toContain('one');
  });

  it('what authorize does not take, and passes on the metadata that it gives, with trace context', async () => {
    const seen: Record<string, string>[] = [];
    const router = createRouter().route(
      CHAT_ROUTE,
      chatHandler(async function* (_request, { metadata }) {
        seen.push({ ...metadata });
        yield 'x';
      }),
    );
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    server.serve(router).catch(() => {});
    const { baseUrl } = await stage.http(() => NnrpClient.connectTcp(server.localAddress), {
      authorize: async ({ key, method, path }) => {
        if (key === 'broken') throw new Error('secret');
        return key === 'good' && { tenant: `${method} ${path}` };
      },
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await official(baseUrl, 'good').chat.completions.create(ASKED, { headers: { traceparent } });
    expect(seen).toEqual([{ tenant: 'POST /v1/chat/completions', traceparent }]);
    await expect(official(baseUrl, 'bad').chat.completions.create(ASKED)).rejects.toMatchObject({ status: 401 });
    const broken = await post(baseUrl, '{}', { ...JSON_TYPE, authorization: 'Bearer broken' });
    expect([broken.status, JSON.stringify(broken.body).includes('secret')]).toEqual([500, false]);
    await server.close();
  });

  it('more requests at once than may be, and says when to try again', async () => {
    const { baseUrl, model, through } = await stage.gateway(
      (response) => beginEvents(response) ?? response.write(data(chunk({ content: 'x' }))),
      { maxRequests: 1 },
    );
    const first = await through.chat.completions.create({ ...ASKED, stream: true });
    for await (const _ of first) {
      const refused = await post(baseUrl, JSON.stringify(ASKED));
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
      break;
    }
    await eventually(() => model.aborted === 1, 'the first is over');
  });
});

describe('a client of HTTP that', () => {
  it('sends too many headers, or what is no HTTP, costs only itself', async () => {
    const gateway = await stage.gateway(json(200, WHOLE), { maxHeaderBytes: 2048 });
    const { said } = raw(gateway.baseUrl, `GET /v1/models HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(4000)}\r\n\r\n`);
    expect(await said).toMatch(/^HTTP\/1.1 431 /);
    expect(await raw(gateway.baseUrl, 'SSH-2.0-OpenSSH\r\n\r\n').said).toMatch(/^HTTP\/1.1 400 /);
    await stillServes(gateway);
  });

  it('sends its request for ever is cut, within headers and within the body', async () => {
    const gateway = await stage.gateway(json(200, WHOLE), { requestTimeoutMs: 100 });
    const slow = [
      raw(gateway.baseUrl, 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n'),
      raw(
        gateway.baseUrl,
        'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
      ),
    ];
    for (const { said } of slow) expect(await said).toMatch(/^(HTTP\/1.1 408 |$)/);
    await stillServes(gateway);
    await eventually(() => gateway.http.requestCount === 0, 'nothing is left of them');
  });

  it('vanishes within its body, or waits for an answer and vanishes, leaves nothing behind', async () => {
    const { http, baseUrl, model } = await stage.gateway(() => {});
    const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
    const body = JSON.stringify(ASKED);
    const [begun, waiting] = [
      raw(baseUrl, `${head}content-length: 100\r\n\r\n{`),
      raw(baseUrl, `${head}content-length: ${body.length}\r\n\r\n${body}`),
    ];
    await eventually(() => http.requestCount === 2 && model.asked.length === 1, 'both have come');
    begun!.socket.destroy();
    waiting!.socket.destroy();
    await eventually(() => http.requestCount === 0 && model.aborted === 1, 'both are over');
  });

  it('asks for header injection gets none', async () => {
    const gateway = await stage.gateway(json(200, WHOLE, { 'x-request-id': 'ok' }));
    const injected = { ...JSON_TYPE, traceparent: 'a\tb', tracestate: 'é' };
    const answer = await post(gateway.baseUrl, JSON.stringify({ ...ASKED, user: 'a\r\nx-evil: 1' }), injected);
    expect([answer.status, answer.headers.get('x-evil'), gateway.model.asked[0]?.headers['traceparent']]).toEqual([
      200,
      null,
      undefined,
    ]);
  });

  it('names members after prototypes changes none', async () => {
    const gateway = await stage.gateway(json(200, WHOLE));
    const evil = '{"model":"m","messages":[],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    expect((await post(gateway.baseUrl, evil)).status).toBe(200);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    await stillServes(gateway);
  });

  it('reads nothing of its stream for too long is cut, and its work ends', async () => {
    const { baseUrl, model, http } = await stage.gateway(
      async (response) => {
        beginEvents(response);
        while (!response.destroyed) await writePieces(response, [data(chunk({ content: 'x'.repeat(10_000) }))]);
      },
      { stallTimeoutMs: 50 },
    );
    const body = JSON.stringify({ ...ASKED, stream: true });
    const { socket } = raw(
      baseUrl,
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    await eventually(() => model.aborted === 1 && http.requestCount === 0, 'it was cut');
  });
});
