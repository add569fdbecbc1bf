import { chat, profileCall } from 'nnrp-runtime/calls';
import { afterEach, describe, expect, it } from 'vitest';
import { ChunkDecoder } from '../src/chunks/chunk-decoder.js';
import { ChunkEncoder } from '../src/chunks/chunk-encoder.js';
import { openAiHandler } from '../src/index.js';
import { GatewayStage } from './gateway-stage.js';
import { type Answer, beginEvents, json, replay, writePieces } from './stand-in/model-server.js';
import { chunk, data } from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
  expect(stage.failures.splice(0)).toEqual([]);
});

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
const KEY = 'sk-a-key-of-the-gateway';

async function sessionWith(baseUrl: string, options: object = {}) {
  const { server } = await stage.nnrp({ baseUrl, ...options });
  return stage.session(server);
}

async function asked(answer: Answer, options: object = {}) {
  const { baseUrl } = await stage.model(answer);
  return sessionWith(baseUrl, options);
}

describe('a model server that', () => {
  it('does not end its response behind [DONE] keeps the connection from no other request', async () => {
    const session = await asked(
      async (response) => {
        beginEvents(response);
        await writePieces(response, [data(chunk({ content: 'x' }, 'stop')), 'data: [DONE]\n\n']);
      },
      { maxConnections: 1 },
    );
    for (let at = 0; at < 2; at++) expect((await chat(session, REQUEST).result()).text).toBe('x');
  });

  it('hides an event without an end behind comments is refused at its limit', async () => {
    const piece = `data: ${'x'.repeat(500)}\n:\n`;
    const session = await asked(replay(piece.repeat(40)), { maxEventBytes: 1024 });
    await expect(chat(session, REQUEST).result()).rejects.toMatchObject({ code: 'upstream_too_large' });
  });

  it('sends comments for longer than an event may be goes on', async () => {
    const session = await asked(replay(`${': ping\n\n'.repeat(1000)}${data(chunk({ content: 'x' }, 'stop'))}`), {
      maxEventBytes: 4096,
    });
    expect((await chat(session, REQUEST).result()).text).toBe('x');
  });

  it('has nothing but statuses below 200 is given up', async () => {
    const baseUrl = await stage.rawModel((socket) => {
      const more = () => {
        if (!socket.destroyed) socket.write('HTTP/1.1 103 Early Hints\r\n\r\n', () => setImmediate(more));
      };
      more();
    });
    const session = await sessionWith(baseUrl);
    await expect(chat(session, REQUEST).result()).rejects.toMatchObject({ code: 'upstream_malformed' });
  });

  it.each<[string, Answer]>([
    ['refuses the request', json(400, { error: { message: `no: ${KEY}`, code: KEY, type: KEY, param: KEY } })],
    ['ends its stream with an error', replay(data({ error: { message: `no: ${KEY}`, code: KEY } }))],
  ])('repeats the key of the gateway where it %s has it hidden', async (_what, answer) => {
    const session = await asked(answer, { apiKey: KEY, headers: { 'x-key': `another ${KEY}` } });
    const error: unknown = await chat(session, REQUEST)
      .result()
      .catch((failed: unknown) => failed);
    expect(error).toMatchObject({ details: { error: { message: 'no: [hidden]', code: '[hidden]' } } });
    expect(JSON.stringify(error)).not.toContain(KEY);
  });

  it('speaks no TLS where it should is not said to have been lost', async () => {
    const plain = (await stage.model(json(200, {}))).baseUrl;
    const session = await sessionWith(plain.replace('http:', 'https:'));
    await expect(chat(session, REQUEST).result()).rejects.toMatchObject({
      code: 'upstream_unreachable',
      message: expect.stringContaining('its certificate is not trusted, or it speaks no TLS'),
    });
  });

  it('writes null for what a piece of a tool call does not have is understood', async () => {
    const pieces = [
      { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: null } },
      { index: 0, id: null, type: null, function: { name: null, arguments: '{}' } },
    ];
    const parts = pieces.map((piece) => data(chunk({ tool_calls: [piece] })));
    const session = await asked(replay(`${parts.join('')}${data(chunk({}, 'tool_calls'))}`));
    expect((await chat(session, REQUEST).result()).toolCalls).toEqual([
      { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } },
    ]);
  });

  it.each<[string, (index: number) => object]>([
    ['ends', (index) => chunk({}, 'x'.repeat(100_000), index)],
    ['ids', (index) => chunk({ tool_calls: [{ index: 0, id: 'x'.repeat(100_000) }] }, null, index)],
  ])('has long %s is refused as one of much text is', async (_what, made) => {
    const all = Array.from({ length: 200 }, (_, index) => data(made(index)));
    const session = await asked(replay(all.join('')));
    await expect(chat(session, REQUEST).result()).rejects.toMatchObject({ code: 'upstream_malformed' });
  });

  it('asks for a million tool calls by a few bytes is refused', async () => {
    const all = Array.from({ length: 1024 }, (_, index) => data(chunk({ tool_calls: [{ index: 1024 }] }, null, index)));
    const session = await asked(replay(all.join('')));
    await expect(chat(session, REQUEST).result()).rejects.toMatchObject({ code: 'upstream_malformed' });
  });
});

describe('what is asked of a model server', () => {
  it.each(['\ud800', '..', '', 'x'.repeat(2000)])('names no model that no path can have: %j', async (model) => {
    const session = await asked(json(200, {}));
    await expect(profileCall(session, 'models.retrieve', { model }).result()).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it.each(['Transfer-Encoding', 'content-length', 'host'])('has no header %s of the application', (name) => {
    const headers = { [name]: '5' };
    expect(() => openAiHandler({ baseUrl: 'http://a/v1', headers })).toThrow(
      `headers: ${name} is the connection's to say`,
    );
  });

  it('takes a router, or options of one', () => {
    expect(() => openAiHandler({ baseUrl: 'http://a/v1' }, null as never)).toThrow('router takes a CallRouter');
  });
});

it('a long frame of chunks is not remembered, so that no piece of a few bytes stands for it', () => {
  const [long, short] = [20_000, 10].map((length) => ({ pad: 'x'.repeat(length) }));
  const encoder = new ChunkEncoder();
  const decoder = new ChunkDecoder({ object: 'chat.completion.chunk', id: 'i', created: 1, model: 'm' });
  const sent = [long, long, short, short, long].map(
    (more) => chunk({ content: 'x' }, null, 0, more) as { pad: string },
  );
  const deltas = sent.map((one) => encoder.encode(one as never));
  expect(deltas.map((delta) => 'chunk' in delta)).toEqual([true, true, true, false, true]);
  expect(deltas.map((delta) => decoder.decode(delta))).toEqual(sent);
  const left = decoder.decode({ type: 'response.output_text.delta', index: 0, delta: 'y' });
  expect(JSON.stringify(left).length).toBeLessThan(1000);
});
