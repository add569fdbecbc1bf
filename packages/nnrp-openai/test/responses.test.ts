import { NnrpClient } from 'nnrp-runtime';
import { profileCall } from 'nnrp-runtime/calls';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { all, eventually, GatewayStage } from './gateway-stage.js';
import { beginEvents, json, replay, writePieces } from './stand-in/model-server.js';
import { TEXT } from './stand-in/recordings.js';

/* `/v1/responses`: events go through as they are, and the last one is made of the last result. */

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
  expect(stage.failures.splice(0)).toEqual([]);
});

const ASKED = { model: 'small-1', input: 'hello' };
const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1764355200,
  model: 'small-1',
  error: null,
  output: [],
};
const USAGE = { input_tokens: 5, output_tokens: 7, total_tokens: 12 };
const message = (text: string) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }],
});
const PLACE = { item_id: 'msg_1', output_index: 0, content_index: 0 };

type Event = { readonly type: string } & Record<string, unknown>;

/** A stream that ends so. */
function eventsOf(status: string, rest: object = {}): Event[] {
  const text = TEXT.join('');
  return [
    { type: 'response.created', response: { ...RESPONSE, status: 'in_progress' } },
    { type: 'response.output_item.added', output_index: 0, item: { ...message(''), status: 'in_progress' } },
    ...TEXT.map((delta) => ({ type: 'response.output_text.delta', ...PLACE, delta })),
    { type: 'response.output_text.done', ...PLACE, text },
    { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 1, delta: '{"a":' },
    { type: `response.${status}`, response: { ...RESPONSE, status, output: [message(text)], usage: USAGE, ...rest } },
  ].map((event, sequence_number) => ({ ...event, sequence_number }));
}

function written(events: readonly Event[], hasNames = true): string {
  return events
    .map((event) => `${hasNames ? `event: ${event.type}\n` : ''}data: ${JSON.stringify(event)}\n\n`)
    .join('');
}

describe('a stream of /v1/responses', () => {
  it.each([
    ['completed', {}, 'preview3', true],
    ['completed', {}, 'preview4', false],
    ['incomplete', { incomplete_details: { reason: 'max_output_tokens' } }, 'preview3', true],
    ['failed', { error: { code: 'server_error', message: 'no' } }, 'preview4', true],
  ] as const)('that is %s is the same as at the model server: %j, %s, names: %s', async (...given) => {
    const [status, rest, revision, hasNames] = given;
    const text = written(eventsOf(status, rest), hasNames);
    const model = await stage.model(replay(text, 100));
    const { server } = await stage.nnrp({ baseUrl: model.baseUrl });
    const { baseUrl } = await stage.http(() => NnrpClient.connectTcp(server.localAddress, { revision }));
    const [direct, through] = [model.baseUrl, baseUrl].map((baseURL) => new OpenAI({ baseURL, apiKey: 'key' }));
    const streams = [direct, through].map(async (client) =>
      all(await (client as OpenAI).responses.create({ ...ASKED, stream: true })),
    );
    const [expected, got] = await Promise.all(streams);
    expect(got).toEqual(expected);
    expect(got).toHaveLength(eventsOf(status).length);
    expect(model.asked.map(({ path, body }) => [path, body])).toEqual(
      [0, 1].map(() => ['/v1/responses', { ...ASKED, stream: true }]),
    );
  });

  it('has the names of its events, and the id that the model server gave the request', async () => {
    const events = eventsOf('completed');
    const { baseUrl } = await stage.gateway(replay(written(events)));
    const body = JSON.stringify({ ...ASKED, stream: true });
    const answer = await fetch(`${baseUrl}/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(answer.headers.get('x-request-id')).toBe('req_upstream');
    const names = [...(await answer.text()).matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names).toEqual(events.map(({ type }) => type));
  });

  it('is whole with its last event, though the model server does not end it', async () => {
    const { through } = await stage.gateway(async (response) => {
      beginEvents(response);
      await writePieces(response, [written(eventsOf('completed'))]);
    });
    const events = await all(await through.responses.create({ ...ASKED, stream: true }));
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { id: 'resp_1', usage: USAGE } });
  });

  it.each([
    [
      'is cut before its last event',
      written(eventsOf('completed').slice(0, 5)),
      'ended its answer before it was whole',
    ],
    [
      'has an event without a type',
      `${written(eventsOf('completed').slice(0, 5))}data: {"a":1}\n\n`,
      'an event without a type',
    ],
    [
      'ends with an error',
      `${written(eventsOf('completed').slice(0, 5))}event: error\ndata: {"type":"error","code":"E1","message":"broken","param":null,"sequence_number":5}\n\n`,
      'broken',
    ],
    [
      'ends with an error without a name',
      `${written(eventsOf('completed').slice(0, 5))}data: {"type":"error","code":"E1","message":"broken","param":null}\n\n`,
      'broken',
    ],
  ])('that %s is told so, by an event that clients throw', async (_what, text, told) => {
    const { baseUrl, through } = await stage.gateway(replay(text));
    const stream = await through.responses.create({ ...ASKED, stream: true });
    await expect(all(stream)).rejects.toMatchObject({ message: expect.stringContaining(told) });
    const body = JSON.stringify({ ...ASKED, stream: true });
    const answer = await fetch(`${baseUrl}/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const last = (await answer.text()).trim().split('\n\n').at(-1) ?? '';
    expect(last).toMatch(/^event: error\n/);
    expect(JSON.parse(last.slice(last.indexOf('{')))).toMatchObject({
      type: 'error',
      sequence_number: 5,
      message: expect.stringContaining(told),
      error: { message: expect.stringContaining(told) },
    });
  });

  it('ends its request to the model server when its client goes', async () => {
    const { model, through } = await stage.gateway(async (response) => {
      beginEvents(response);
      await writePieces(response, [written(eventsOf('completed').slice(0, 5))]);
    });
    for await (const event of await through.responses.create({ ...ASKED, stream: true })) {
      if (event.type === 'response.output_text.delta') break;
    }
    await eventually(() => model.aborted === 1, 'the request is over');
  });

  it('is partial results and a last one to a client of NNRP', async () => {
    const events = eventsOf('completed');
    const model = await stage.model(replay(written(events)));
    const { server } = await stage.nnrp({ baseUrl: model.baseUrl });
    const calling = profileCall<Event>(await stage.session(server), 'responses.create', { ...ASKED, stream: true });
    const got = await all(calling);
    expect(got.map(({ type }) => type)).toEqual(events.slice(0, -1).map(({ type }) => type));
    expect((await calling.result()).body).toEqual(events.at(-1)?.['response']);
  });
});

describe('a response in one piece', () => {
  it('is the same as at the model server', async () => {
    const whole = { ...RESPONSE, status: 'completed', output: [message('all')], usage: USAGE };
    const { direct, through } = await stage.gateway(json(200, whole));
    const [expected, got] = await Promise.all([direct, through].map((client) => client.responses.create(ASKED)));
    expect(got).toEqual(expected);
    expect(got?.output_text).toBe('all');
  });

  it('is refused as the model server refuses it, and where it has no such path', async () => {
    const error = { message: 'no such model', type: 'invalid_request_error', param: 'model', code: 'model_not_found' };
    const refused = await stage.gateway(json(404, { error }));
    await expect(refused.through.responses.create(ASKED)).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    const none = await stage.gateway(json(404, { detail: 'Not Found' }));
    await expect(none.through.responses.create(ASKED)).rejects.toMatchObject({ status: 404 });
  });
});
