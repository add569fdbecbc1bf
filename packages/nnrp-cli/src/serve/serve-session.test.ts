import { preview3 } from 'nnrp-core';
import { type ClientOperation, NnrpClient, type NnrpClientSession, NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { ECHO_HANDLER } from './echo-handler.js';
import { serveSession } from './serve-session.js';
import type { SubmitHandler } from './submit-handler.js';
import { loadTokensHandler } from './tokens-handler.js';

const { InFlightPolicy, PayloadKindFlags, ResultClass, StatusCode } = preview3;
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const endpoint of opened.splice(0).reverse()) await endpoint.close();
});

async function sessions(handler: SubmitHandler, count: number, reports: unknown[] = []): Promise<NnrpClientSession[]> {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxInFlightOperations: 100, drainTimeoutMs: 0 });
  void (async () => {
    for await (const session of server) void serveSession(session, handler, (error) => reports.push(error));
  })();
  const client = await NnrpClient.connectTcp(server.localAddr);
  opened.push(server, client);
  const result: NnrpClientSession[] = [];
  for (let index = 0; index < count; index++) result.push(await client.openSession());
  return result;
}

async function session(handler: SubmitHandler, reports: unknown[] = []): Promise<NnrpClientSession> {
  return (await sessions(handler, 1, reports))[0]!;
}

/** Joined fragments of a token stream, after checking how it is marked. */
async function tokensOf(client: NnrpClientSession, body: Uint8Array): Promise<{ text: Buffer; tokens: number }> {
  const fragments: Uint8Array[] = [];
  for await (const result of await client.submit(body)) {
    const { payload, terminal } = preview3.decodeTokenDeltaBody(result.body);
    expect(terminal).toBe(!result.partial);
    expect(result.metadata).toMatchObject({ ...preview3.TOKEN_DELTA_COUNTS, statusCode: StatusCode.Success });
    expect(result.metadata.resultClass).toBe(terminal ? ResultClass.Complete : ResultClass.Partial);
    fragments.push(payload);
  }
  expect(fragments.pop()).toHaveLength(0);
  return { text: Buffer.concat(fragments), tokens: fragments.length };
}

describe('the echo handler', () => {
  it('gives body, payload kind and frame count back', async () => {
    const client = await session(ECHO_HANDLER);
    const body = Buffer.alloc(300_000, 7);
    const payload = {
      payloadKindBitmap: PayloadKindFlags.OpaqueBytes | PayloadKindFlags.ToolDelta,
      payloadFrameCount: 3,
    };
    const result = await (await client.submit(body, payload)).result();
    expect(Buffer.compare(result.body, body)).toBe(0);
    expect(result.metadata).toMatchObject({ ...payload, resultClass: ResultClass.Complete, activeProfileId: 2 });
  });
});

describe('the tokens handler', () => {
  it.each([
    ['nothing', '', 0],
    ['a few words', 'Hello, world!', 4],
    ['a byte order mark', '\uFEFFHello', undefined],
    ['line ends', '\r\n\r\n a\r\n', undefined],
    ['emoji', '👩‍👩‍👧🏽'.repeat(500), undefined],
    ['special tokens', '<|endoftext|>'.repeat(500), undefined],
    ['one long word', 'x'.repeat(20_000), undefined],
    ['no spaces', '春眠不覺曉'.repeat(2000), undefined],
    ['white space', ' '.repeat(10_000) + '\t\n'.repeat(5000), undefined],
  ])('streams fragments that join to the text: %s', async (_, text, count) => {
    const client = await session(await loadTokensHandler());
    const answer = await tokensOf(client, Buffer.from(text));
    expect(answer.text.equals(Buffer.from(text))).toBe(true);
    if (count !== undefined) expect(answer.tokens).toBe(count);
  });

  it('serves another session while a long text is under way', async () => {
    const [long, short] = await sessions(await loadTokensHandler(), 2);
    let longIsDone = false;
    const text = Buffer.from('x'.repeat(300_000));
    const under = tokensOf(long!, text).then((answer) => {
      longIsDone = true;
      return answer;
    });
    for (let index = 0; index < 3; index++) expect((await tokensOf(short!, Buffer.from('short'))).tokens).toBe(1);
    expect(longIsDone).toBe(false);
    expect((await under).text.equals(text)).toBe(true);
  });

  it('rejects what is not UTF-8, in words', async () => {
    const client = await session(await loadTokensHandler());
    const result = await (await client.submit(Buffer.from([0xed, 0xa0, 0x80]))).result();
    expect(result.metadata).toMatchObject({
      statusCode: StatusCode.Rejected,
      payloadKindBitmap: PayloadKindFlags.OpaqueBytes,
    });
    expect(Buffer.from(result.body).toString()).toBe('the body is not valid UTF-8');
  });

  it('answers everything that was submitted before the close', async () => {
    const client = await session(await loadTokensHandler());
    const text = Buffer.from('word '.repeat(20_000));
    const operations = [await client.submit(text), await client.submit(text)];
    const results = Promise.all(operations.map((operation) => operation.result()));
    await client.close({ inFlightPolicy: InFlightPolicy.Drain });
    expect((await results).map((result) => result.partial)).toEqual([false, false]);
  });

  it('drops what is in progress when the client aborts', async () => {
    const client = await session(await loadTokensHandler());
    const operation = await client.submit(Buffer.from('x'.repeat(1_000_000)));
    const result = operation.result();
    await Promise.all([expect(result).rejects.toThrow(), client.close({ inFlightPolicy: InFlightPolicy.Abort })]);
  });
});

describe('serveSession', () => {
  it('drops a submit whose handler throws, and goes on', async () => {
    const reports: unknown[] = [];
    const failure = new Error('boom');
    const handler: SubmitHandler = {
      concurrency: 1,
      answer: (server, submit) =>
        submit.frameId === 1 ? Promise.reject(failure) : server.sendResult(submit.frameId, {}),
    };
    const client = await session(handler, reports);
    await expect((await client.submit('a')).result()).rejects.toThrow('dropped');
    expect((await (await client.submit('b')).result()).frameId).toBe(2);
    expect(reports).toEqual([failure]);
  });

  it('answers side by side as many as the handler says', async () => {
    let running = 0;
    let most = 0;
    const releases: (() => void)[] = [];
    const handler: SubmitHandler = {
      concurrency: 3,
      async answer(server, submit) {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => releases.push(resolve));
        running--;
        await server.sendResult(submit.frameId, {});
        releases.shift()?.();
      },
    };
    const client = await session(handler);
    const operations: ClientOperation[] = [];
    for (let index = 0; index < 10; index++) operations.push(await client.submit('x'));
    const done = Promise.all(operations.map((operation) => operation.result()));
    while (releases.length < 3) await new Promise((turn) => setImmediate(turn));
    releases.shift()?.();
    const pump = async () => {
      while (operations.some((operation) => !operation.done)) {
        releases.shift()?.();
        await new Promise((turn) => setImmediate(turn));
      }
    };
    await Promise.all([done, pump()]);
    expect(most).toBe(3);
  });
});
