import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';
import {
  NnrpClient,
  type NnrpClientOptions,
  NnrpServer,
  type OperationContext,
  type ServeHandlers,
  UsageError,
} from 'nnrp-runtime';
import { type CallInterceptor, call } from 'nnrp-runtime/calls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { instrumentNnrp } from '../src/index.js';
import { Telemetry } from './telemetry.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function start(...options: ConstructorParameters<typeof Telemetry>): Telemetry {
  const telemetry = new Telemetry(...options);
  ends.push(() => telemetry.end());
  return telemetry;
}

async function serve(handlers: ServeHandlers, config: NnrpClientOptions = {}) {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0 });
  ends.push(() => server.close());
  void server.serve(handlers);
  const client = await NnrpClient.connectTcp(server.localAddress, config);
  ends.push(() => client.close());
  return { server, client, session: await client.openSession() };
}

/** A span by its name, or by its kind among those of NNRP. */
function spanOf(telemetry: Telemetry, what: string | SpanKind) {
  const found = telemetry.ended.filter(({ name, kind }) => name === what || (name === 'nnrp submit' && kind === what));
  expect(found).toHaveLength(1);
  return found[0] as (typeof found)[number];
}

const activeId = () => trace.getSpan(context.active())?.spanContext().spanId;

describe('one trace', () => {
  it('goes from the caller over client and server to what the handler traces', async () => {
    const telemetry = start();
    const handlers = telemetry.instrumentation.handlers({
      submit: () => telemetry.within('model', async () => 'answer'),
    });
    const { session } = await serve(handlers);
    await telemetry.within('caller', async () => {
      expect((await session.request('work')).text()).toBe('answer');
    });
    const [caller, client] = [spanOf(telemetry, 'caller'), spanOf(telemetry, SpanKind.CLIENT)];
    const [server, model] = [spanOf(telemetry, SpanKind.SERVER), spanOf(telemetry, 'model')];
    const traces = [caller, client, server, model].map((span) => span.spanContext().traceId);
    expect(new Set(traces).size).toBe(1);
    expect(client.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
    // The header has no room for the span of the client: the root of the trace is the parent.
    expect(server.parentSpanContext).toMatchObject({ spanId: caller.spanContext().spanId, isRemote: true });
    expect(model.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
    const id = { 'nnrp.session.id': session.sessionId, 'nnrp.frame.id': 1, 'nnrp.outcome': 'completed' };
    expect(client.attributes).toMatchObject({ ...id, 'nnrp.request.size': 4 });
    expect(server.attributes).toMatchObject({ ...id, 'nnrp.request.size': 4 });
    expect(client.attributes['nnrp.trace_id']).toBe(server.attributes['nnrp.trace_id']);
  });

  it('has the client as the very parent where nothing is above it', async () => {
    const telemetry = start();
    const { session } = await serve({ submit: () => 'answer' });
    await session.request('work');
    const [client, server] = [spanOf(telemetry, SpanKind.CLIENT), spanOf(telemetry, SpanKind.SERVER)];
    expect(client.parentSpanContext).toBeUndefined();
    expect(server.parentSpanContext?.spanId).toBe(client.spanContext().spanId);
  });

  it('holds a generator between all of its results, async or not', async () => {
    const telemetry = start();
    const seen: (string | undefined)[] = [];
    const { instrumentation } = telemetry;
    const handlers = instrumentation.handlers({
      submit(operation) {
        if (operation.text() === 'sync')
          return (function* () {
            for (let step = 0; step < 2; step++) {
              seen.push(activeId());
              yield 'part';
            }
          })();
        return (async function* () {
          for (let step = 0; step < 2; step++) {
            await new Promise((resolve) => setImmediate(resolve));
            seen.push(activeId());
            yield 'part';
          }
        })();
      },
    });
    const { session } = await serve(handlers);
    for (const kind of ['sync', 'async']) expect(await (await session.submit(kind)).wholeText()).toBe('partpart');
    const servers = telemetry.ended
      .filter(({ kind }) => kind === SpanKind.SERVER)
      .map((span) => span.spanContext().spanId);
    expect(seen).toEqual([servers[0], servers[0], servers[1], servers[1]]);
  });

  it('is entered by code that takes submits by itself', async () => {
    const telemetry = start();
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0 });
    ends.push(() => server.close());
    const client = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => client.close());
    const session = await client.openSession();
    const answer = session.request('work');
    const operation = await (await server.accept()).receiveSubmit();
    const { contextOf } = telemetry.instrumentation;
    const inside = context.with(contextOf(operation), activeId);
    await operation.complete('answer');
    await answer;
    expect(inside).toBe(spanOf(telemetry, SpanKind.SERVER).spanContext().spanId);
    expect(contextOf({})).toBe(context.active());
  });
});

describe('what the header cannot carry', () => {
  it('of a trace id of 128 bits is its first half: two traces with one attribute', async () => {
    const telemetry = start({ idGenerator: new RandomIdGenerator() });
    const { session } = await serve({ submit: () => 'answer' });
    await session.request('work');
    const [client, server] = [spanOf(telemetry, SpanKind.CLIENT), spanOf(telemetry, SpanKind.SERVER)];
    expect(server.spanContext().traceId).toBe(`${'0'.repeat(16)}${client.spanContext().traceId.slice(16)}`);
    expect(client.attributes['nnrp.trace_id']).toBe(client.spanContext().traceId.slice(16));
    expect(server.attributes['nnrp.trace_id']).toBe(client.attributes['nnrp.trace_id']);
  });

  it('is that a trace is not sampled: nothing goes along then', async () => {
    const telemetry = start({ sampler: new AlwaysOffSampler() });
    const traceIds: bigint[] = [];
    const { session } = await serve({ submit: ({ traceId }) => void traceIds.push(traceId) });
    await session.request('work');
    expect([traceIds, telemetry.ended]).toEqual([[0n], []]);
  });

  it('a trace id of the application itself goes before', async () => {
    const telemetry = start();
    const traceIds: bigint[] = [];
    const { session } = await serve({ submit: ({ traceId }) => void traceIds.push(traceId) });
    await session.request('work', { traceId: 255n });
    expect(traceIds).toEqual([255n]);
    expect(spanOf(telemetry, SpanKind.SERVER).attributes['nnrp.trace_id']).toBe('00000000000000ff');
  });
});

describe('a span', () => {
  it('says what its operation failed with', async () => {
    const telemetry = start();
    const { server, session } = await serve({
      submit: () => {
        throw new Error('a defect');
      },
    });
    server.on('handlerFailure', () => {});
    await expect(session.request('work')).rejects.toThrow();
    const [client, served] = [spanOf(telemetry, SpanKind.CLIENT), spanOf(telemetry, SpanKind.SERVER)];
    expect(client.attributes['error.type']).toBe('NNRP_ERR_HANDLER_FAILED');
    expect(served.attributes['error.type']).toBe('handler_failed');
    expect([client.status.code, served.status.code]).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
    expect(
      JSON.stringify(telemetry.ended.map(({ attributes, events, status }) => [attributes, events, status])),
    ).not.toContain('a defect');
  });

  it('of a submit that never was sent ends, too', async () => {
    const telemetry = start();
    const { session } = await serve({ submit: ({ finished }) => finished });
    const given = new AbortController();
    for (let frame = 0; frame < 2; frame++) await session.submit('work');
    const waiting = session.submit('more', { signal: given.signal });
    given.abort();
    await expect(waiting).rejects.toThrow('cancelled');
    expect(spanOf(telemetry, SpanKind.CLIENT)).toMatchObject({
      attributes: { 'nnrp.outcome': 'NNRP_ERR_CANCELLED' },
      status: { code: SpanStatusCode.UNSET },
    });
  });
});

it('a span of a call that is refused before it is sent ends, too', async () => {
  const telemetry = start();
  const { session } = await serve({ submit: () => 'answer' });
  const interceptors: CallInterceptor[] = [(request, next) => next({ ...request, body: 1n })];
  await expect(call(session, 'echo', undefined, { interceptors })).rejects.toThrow('what JSON can hold');
  expect(spanOf(telemetry, SpanKind.CLIENT)).toMatchObject({
    attributes: { 'rpc.method': 'echo', 'nnrp.outcome': 'NNRP_ERR_USAGE' },
    status: { code: SpanStatusCode.ERROR },
  });
});

it('log lines have the trace ids of what they are about', async () => {
  const telemetry = start();
  const lines: Record<string, unknown>[] = [];
  const write = (facts: Record<string, unknown>) => lines.push(facts);
  const logger = telemetry.instrumentation.logger({ debug: write, info: write, warn: write, error: write });
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0, logger });
  ends.push(() => server.close());
  const handlers = telemetry.instrumentation.handlers({
    submit: () => {
      logger.info({ mine: true }, 'of the application');
      throw new Error('broken');
    },
  });
  void server.serve(handlers);
  const client = await NnrpClient.connectTcp(server.localAddress);
  ends.push(() => client.close());
  const session = await client.openSession();
  await expect(session.request('work')).rejects.toThrow();
  const { traceId, spanId } = spanOf(telemetry, SpanKind.SERVER).spanContext();
  const ids = { trace_id: traceId, span_id: spanId, trace_flags: 1 };
  expect(lines).toEqual([
    { mine: true, ...ids },
    expect.objectContaining({ sessionId: session.sessionId, frameId: 1, ...ids }),
  ]);
  logger.warn({ other: 1 }, 'outside of any span');
  expect(lines.at(-1)).toEqual({ other: 1 });
});

it('a line has no trace id of another server, whose session and frame have the same numbers', async () => {
  const telemetry = start();
  const lines: Record<string, unknown>[] = [];
  const write = (facts: Record<string, unknown>) => lines.push(facts);
  const logger = telemetry.instrumentation.logger({ debug: write, info: write, warn: write, error: write });
  const fails: (() => void)[] = [];
  const submit = () => new Promise<never>((_resolve, reject) => fails.push(() => reject(new Error('broken'))));
  const answers: Promise<unknown>[] = [];
  for (let count = 0; count < 2; count++) {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0, logger });
    ends.push(() => server.close());
    void server.serve({ submit });
    const client = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => client.close());
    const session = await client.openSession();
    answers.push(session.request('work').catch(() => {}));
    await vi.waitFor(() => expect(fails).toHaveLength(count + 1));
  }
  for (const fail of fails) fail();
  await Promise.all(answers);
  expect(lines.map(({ sessionId, frameId }) => [sessionId, frameId])).toEqual([
    [1, 1],
    [1, 1],
  ]);
  expect(lines.map(({ trace_id }) => trace_id)).toEqual([undefined, undefined]);
});

it('a session that has the number of one that is over has its own trace ids', async () => {
  const telemetry = start();
  const lines: Record<string, unknown>[] = [];
  const write = (facts: Record<string, unknown>) => lines.push(facts);
  const logger = telemetry.instrumentation.logger({ debug: write, info: write, warn: write, error: write });
  for (let count = 0; count < 2; count++) {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0, logger });
    void server.serve({
      submit: () => {
        throw new Error('broken');
      },
    });
    const client = await NnrpClient.connectTcp(server.localAddress);
    await expect((await client.openSession()).request('work')).rejects.toThrow();
    await client.close();
    await server.close();
  }
  const spans = telemetry.ended.filter(({ kind }) => kind === SpanKind.SERVER);
  expect(lines.map(({ trace_id }) => trace_id)).toEqual(spans.map((span) => span.spanContext().traceId));
});

it('a logger takes a message alone, as those of pino do', () => {
  const telemetry = start();
  const lines: unknown[][] = [];
  const write = (...line: unknown[]) => lines.push(line);
  const logger = telemetry.instrumentation.logger({ debug: write, info: write, warn: write, error: write });
  const span = telemetry.tracer.startSpan('mine');
  const alone = 'a message' as never as Record<string, unknown>;
  context.with(trace.setSpan(ROOT_CONTEXT, span), () => logger.info(alone, undefined as never));
  logger.info(alone, undefined as never);
  const { traceId, spanId } = span.spanContext();
  expect(lines).toEqual([
    [{ trace_id: traceId, span_id: spanId, trace_flags: 1 }, 'a message'],
    ['a message', undefined],
  ]);
});

it('a disabled instrumentation neither traces nor measures', async () => {
  const telemetry = start();
  telemetry.instrumentation.disable();
  const { session } = await serve({ submit: () => 'answer' });
  await session.request('work');
  expect(telemetry.ended).toEqual([]);
  expect(await telemetry.sum('nnrp.operations')).toBe(0);
});

it.each([
  [null, /options take an object, got null/],
  [{ tracer: {} }, /no such option; options are tracerProvider, meterProvider/],
  [{ tracerProvider: {} }, /tracerProvider takes an object with a method getTracer/],
  [{ meterProvider: 1 }, /meterProvider takes an object with a method getMeter/],
])('options %s are refused', (options, text) => {
  expect(() => instrumentNnrp(options as never)).toThrow(UsageError);
  expect(() => instrumentNnrp(options as never)).toThrow(text);
});

it('a handler of submits alone is taken, as serve takes it', () => {
  const { instrumentation } = start();
  const { submit } = instrumentation.handlers(() => 'a result');
  expect(submit({} as OperationContext)).toBe('a result');
});

it('handlers, servers and loggers that are none are refused', () => {
  const { instrumentation } = start();
  for (const given of [undefined, null, {}, 'a text']) {
    expect(() => instrumentation.handlers(given as never)).toThrow('handlers takes an object of handlers with submit');
    expect(() => instrumentation.observe(given as never)).toThrow('observe: server takes an NnrpServer');
    expect(() => instrumentation.logger(given as never)).toThrow('logger takes an object with the methods debug, info');
  }
});

it('a tracer that fails is told by a warning, and neither ends the process nor harms a submit', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const fails = () => {
    throw new Error('the tracer is broken');
  };
  const tracerProvider = { getTracer: () => ({ startSpan: fails, startActiveSpan: fails }) };
  const instrumentation = instrumentNnrp({ tracerProvider });
  ends.push(async () => {
    instrumentation.disable();
    warned.mockRestore();
  });
  const { session } = await serve(instrumentation.handlers({ submit: () => 'answer' }));
  expect((await session.request('work')).text()).toBe('answer');
  expect(JSON.stringify(warned.mock.calls)).toContain('the tracer or meter of the application has failed');
});
