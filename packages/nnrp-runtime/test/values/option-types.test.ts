import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import {
  type CloseOptions,
  NnrpClient,
  type NnrpClientOptions,
  type NnrpClientSession,
  NnrpServer,
  type NnrpServerOptions,
  type RequestOptions,
  type ServeOptions,
  type ServerCloseOptions,
  type SessionOptions,
  type SubmitOptions,
} from '../../src/index.js';
import { MemoryListener } from '../../src/transport/memory.js';

/*
 * Options as an application writes them that passes on what it may have been given, compiled with
 * exactOptionalPropertyTypes: no `Partial`, no spread for what is undefined.
 */

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Wishes {
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  readonly keepAliveMs?: number;
  readonly profiles?: number[];
}

async function ask(prompt: string, wishes: Wishes = {}): Promise<string> {
  const { signal, deadlineMs, keepAliveMs, profiles } = wishes;
  const serverOptions: NnrpServerOptions = { keepAliveMs, supportedProfiles: profiles, drainTimeoutMs: 0 };
  const serveOptions: ServeOptions = { maxConcurrentOperations: undefined, scheduling: { stuckHandlerMs: deadlineMs } };
  const clientOptions: NnrpClientOptions = { keepAliveMs, hello: undefined };
  const sessionOptions: SessionOptions = { defaultDeadlineMs: deadlineMs };
  const submitOptions: SubmitOptions = {
    signal,
    deadlineMs,
    metadata: { targetFpsX100: undefined },
    traceId: undefined,
  };
  const closeOptions: CloseOptions = { drainTimeoutMs: deadlineMs };
  const listener = new MemoryListener({ highWaterBytes: undefined });
  const server = NnrpServer.fromListener(listener, serverOptions);
  ends.push(() => server.close());
  void server.serve({ submit: (operation) => ({ body: operation.text(), metadata: undefined }) }, serveOptions);
  const client = NnrpClient.fromTransport(await listener.connect(), clientOptions);
  const session = await client.openSession(sessionOptions);
  const { body } = await session.request(prompt, submitOptions);
  const operation = await session.submit(body, { signal, deadlineMs });
  await client.close(closeOptions);
  return (await operation.result()).text();
}

describe('options', () => {
  it('that are undefined have their defaults, all along', async () => {
    expect(await ask('hello')).toBe('hello');
    const wishes = { signal: new AbortController().signal, deadlineMs: 5000, keepAliveMs: 0, profiles: [2] };
    expect(await ask('hello', wishes)).toBe('hello');
  });

  it('are bags in which every member may be left out', () => {
    expectTypeOf({}).toExtend<NnrpServerOptions>();
    expectTypeOf({}).toExtend<NnrpClientOptions>();
    expectTypeOf({}).toExtend<SessionOptions>();
    expectTypeOf({}).toExtend<SubmitOptions>();
    expectTypeOf({}).toExtend<CloseOptions>();
    expectTypeOf({}).toExtend<ServerCloseOptions>();
    expectTypeOf({}).toExtend<ServeOptions>();
    expectTypeOf({}).toExtend<RequestOptions>();
    expectTypeOf<SubmitOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>();
  });

  it('of a submit are the second argument, and metadata stands inside', () => {
    type Submit = Parameters<NnrpClientSession['submit']>;
    expectTypeOf<Submit['length']>().toEqualTypeOf<1 | 2>();
    expectTypeOf<NnrpClientSession['submitNow']>().parameters.toEqualTypeOf<Submit>();
    expectTypeOf<NnrpClientSession['request']>().parameters.toEqualTypeOf<Submit>();
    // @ts-expect-error a field of the metadata
    ({ latencyBudgetMs: 5 }) satisfies SubmitOptions;
    // @ts-expect-error an option inside the metadata
    ({ metadata: { signal: undefined } }) satisfies SubmitOptions;
  });
});
