import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Span, type SpanContext, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, RandomIdGenerator, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { createOpenAiServer, openAiHandler } from 'nnrp-openai';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { call, createRouter } from 'nnrp-runtime/calls';
import { afterEach, describe, expect, it } from 'vitest';
import { Telemetry } from './telemetry.js';

/* Calls carry W3C Trace Context whole: whatever the ids are, and over both revisions, all is one trace. */

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function start(...options: ConstructorParameters<typeof Telemetry>): Telemetry {
  const telemetry = new Telemetry(...options);
  ends.push(() => telemetry.end());
  return telemetry;
}

/** A model server that answers with a stream, and keeps what it was asked with. */
async function modelServer() {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' };
    const choice = (delta: object, finish_reason: string | null) => ({
      ...chunk,
      choices: [{ index: 0, delta, finish_reason }],
    });
    for (const event of [choice({ role: 'assistant', content: 'hi' }, null), choice({}, 'stop')])
      response.write(`data: ${JSON.stringify(event)}\n\n`);
    response.end('data: [DONE]\n\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext) =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

/** The span of one end of NNRP. */
function spanOf(telemetry: Telemetry, kind: SpanKind): ReadableSpan {
  const found = telemetry.ended.filter((span) => span.name === 'nnrp submit' && span.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as ReadableSpan;
}

describe.each(['preview3', 'preview4'] as const)('over %s', (revision) => {
  async function gateway(telemetry: Telemetry) {
    const { asked, baseUrl } = await modelServer();
    const nnrp = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0 });
    const handler = openAiHandler({ baseUrl });
    void nnrp.serve(telemetry.instrumentation.handlers(handler));
    ends.push(() => handler.destroy());
    ends.push(() => nnrp.close());
    const http = createOpenAiServer(() => NnrpClient.connectTcp(nnrp.localAddress, { revision }));
    ends.push(() => http.close({ drainTimeoutMs: 0 }));
    return { asked, url: `${await http.listen('127.0.0.1:0')}/chat/completions` };
  }

  async function ask(url: string, headers: Record<string, string>): Promise<void> {
    const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'x' }] });
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    expect(await answer.text()).toContain('[DONE]');
  }

  it('one trace goes from a client of HTTP through gateway, client, server and handler to the model server', async () => {
    const telemetry = start({ idGenerator: new RandomIdGenerator() });
    const { asked, url } = await gateway(telemetry);
    let caller: Span | undefined;
    await telemetry.within('http client', async () => {
      caller = trace.getActiveSpan();
      const context = (caller as Span).spanContext();
      // The gateway has no instrumentation of HTTP, and must not know of the caller by the process that they share.
      await telemetry.outside(() => ask(url, { traceparent: traceparentOf(context), tracestate: 'vendor=1' }));
    });
    const [client, server] = [spanOf(telemetry, SpanKind.CLIENT), spanOf(telemetry, SpanKind.SERVER)];
    const { traceId, spanId } = (caller as Span).spanContext();
    expect([client, server].map((span) => span.spanContext().traceId)).toEqual([traceId, traceId]);
    expect(client.parentSpanContext).toMatchObject({ spanId, isRemote: true });
    expect(server.parentSpanContext).toMatchObject({ spanId: client.spanContext().spanId, isRemote: true });
    expect(asked[0]).toMatchObject({ traceparent: traceparentOf(server.spanContext()), tracestate: 'vendor=1' });
    for (const span of [client, server])
      expect(span.attributes).toMatchObject({ 'rpc.method': 'chat.completions.create', 'nnrp.outcome': 'completed' });
  });

  it('a trace that is not sampled stays so', async () => {
    const telemetry = start({ idGenerator: new RandomIdGenerator(), sampler: new AlwaysOffSampler() });
    const { asked, url } = await gateway(telemetry);
    const traceId = 'a'.repeat(32);
    await ask(url, { traceparent: `00-${traceId}-${'b'.repeat(16)}-00` });
    expect(asked[0]?.['traceparent']).toMatch(new RegExp(`^00-${traceId}-(?!b{16})[\\da-f]{16}-00$`));
    expect(telemetry.ended).toEqual([]);
  });
});

describe('a call', () => {
  async function echo(telemetry: Telemetry) {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0 });
    const router = createRouter().route('metadata', ({ metadata }) => ({ ...metadata }));
    void server.serve(telemetry.instrumentation.handlers(router));
    ends.push(() => server.close());
    const client = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => client.close());
    return client.openSession();
  }

  it('has the span around it as its parent, and one handler sees the span of the server', async () => {
    const telemetry = start({ idGenerator: new RandomIdGenerator() });
    const session = await echo(telemetry);
    const metadata = { tenant: 'acme' };
    const { body } = await telemetry.within('caller', () => call(session, 'metadata', undefined, { metadata }));
    const [caller] = telemetry.ended.filter(({ name }) => name === 'caller');
    const [client, server] = [spanOf(telemetry, SpanKind.CLIENT), spanOf(telemetry, SpanKind.SERVER)];
    expect(client.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId);
    expect(body).toEqual({ tenant: 'acme', traceparent: traceparentOf(server.spanContext()) });
    expect(metadata).toEqual({ tenant: 'acme' });
  });

  it('goes by what the application gives where that is another trace', async () => {
    const telemetry = start({ idGenerator: new RandomIdGenerator() });
    const session = await echo(telemetry);
    const given = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: TraceFlags.SAMPLED };
    const metadata = { traceparent: traceparentOf(given) };
    await telemetry.within('caller', () => call(session, 'metadata', undefined, { metadata }));
    expect(spanOf(telemetry, SpanKind.CLIENT).parentSpanContext).toMatchObject(given);
    expect(spanOf(telemetry, SpanKind.SERVER).spanContext().traceId).toBe(given.traceId);
  });

  it.each([
    'nonsense',
    `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`,
    `ff-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
    `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`.repeat(20),
  ])('begins a trace of its own where what it brings is none: %s', async (traceparent) => {
    const telemetry = start({ idGenerator: new RandomIdGenerator() });
    const session = await echo(telemetry);
    await call(session, 'metadata', undefined, { metadata: { traceparent } });
    expect(spanOf(telemetry, SpanKind.CLIENT).parentSpanContext).toBeUndefined();
  });

  it('whose metadata are full goes without', async () => {
    const telemetry = start({ idGenerator: new RandomIdGenerator() });
    const session = await echo(telemetry);
    const metadata = Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`name-${at}`, 'x']));
    expect((await call(session, 'metadata', undefined, { metadata })).body).toEqual(metadata);
  });

  it('that fails before it is sent has no span that goes on', async () => {
    const telemetry = start();
    const session = await echo(telemetry);
    await session.close();
    await expect(call(session, 'metadata')).rejects.toThrow();
    expect(telemetry.ended.map(({ attributes }) => attributes['nnrp.outcome'])).toEqual(['NNRP_ERR_CLOSED']);
  });
});
