import * as preview3 from 'nnrp-core/preview3';
import { InFlightPolicy, PayloadKindFlags, ResultClass, StatusCode } from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import {
  type HandlerFailure,
  NnrpClient,
  type NnrpClientSession,
  NnrpServer,
  type OperationContext,
  type ServeHandlers,
} from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { echo } from './echo-handler.js';
import { drainOnClose } from './process/drain-on-close.js';
import { loadTokensHandler } from './tokens-handler.js';

const opened: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const endpoint of opened.splice(0).reverse()) await endpoint.close();
});

type Submit = ServeHandlers['submit'];

interface SessionsOptions {
  readonly failures?: HandlerFailure[];
  /** As a client of the reference does not. */
  readonly announce?: boolean;
}

async function sessions(submit: Submit, count: number, options: SessionsOptions = {}): Promise<NnrpClientSession[]> {
  const { failures = [], announce } = options;
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxInFlightOperations: 100, drainTimeoutMs: 0 });
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit, close: drainOnClose });
  const client = await NnrpClient.connectTcp(server.localAddress, { announce });
  opened.push(server, client);
  const result: NnrpClientSession[] = [];
  for (let index = 0; index < count; index++) result.push(await client.openSession({ defaultDeadlineMs: 0 }));
  return result;
}

async function session(submit: Submit, options?: SessionsOptions): Promise<NnrpClientSession> {
  return (await sessions(submit, 1, options))[0]!;
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
    const client = await session(echo);
    const body = Buffer.alloc(300_000, 7);
    const payload = {
      payloadKindBitmap: PayloadKindFlags.OpaqueBytes | PayloadKindFlags.ToolDelta,
      payloadFrameCount: 3,
    };
    const result = await (await client.submit(body, { metadata: payload })).result();
    expect(Buffer.compare(result.body, body)).toBe(0);
    expect(result.metadata).toMatchObject({ ...payload, resultClass: ResultClass.Complete, activeProfileId: 2 });
  });
});

describe('the tokens handler', () => {
  it('says the kind of each fragment over preview4', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    void server.serve({ submit: await loadTokensHandler() });
    const client = await NnrpClient.connectTcp(server.localAddress, { revision: 'preview4' });
    opened.push(server, client);
    const submitted = await (await client.openSession({ defaultDeadlineMs: 0 })).submit('Hello, world!');
    const payloads = [];
    for await (const { body } of submitted)
      payloads.push(...preview4.decodePayloads(body, preview4.TOKEN_DELTA_COUNTS));
    expect(payloads.map(({ kind, descriptor }) => [kind, descriptor.descriptorFlags])).toEqual([
      ...Array.from({ length: 4 }, () => ['token_chunk', preview4.DescriptorFlags.Partial]),
      ['token_chunk', preview4.DescriptorFlags.Terminal],
    ]);
    expect(Buffer.concat(payloads.map(({ bytes }) => bytes)).toString()).toBe('Hello, world!');
  });

  it.each(['preview3', 'preview4'] as const)('takes the text of token payloads over %s', async (revision) => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0');
    void server.serve({ submit: await loadTokensHandler() });
    const client = await NnrpClient.connectTcp(server.localAddress, { revision });
    opened.push(server, client);
    const { encodePayloads, decodePayloads, tokenPayload, TOKEN_DELTA_COUNTS } =
      revision === 'preview4' ? preview4 : preview3;
    const { body, metadata } = encodePayloads([tokenPayload('Hello, '), tokenPayload('world!', { terminal: true })]);
    let text = '';
    for await (const result of await (await client.openSession({ defaultDeadlineMs: 0 })).submit(body, { metadata }))
      for (const { bytes } of decodePayloads(result.body, TOKEN_DELTA_COUNTS)) text += Buffer.from(bytes).toString();
    expect(text).toBe('Hello, world!');
  });

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
    await client.close();
    expect((await results).map((result) => result.partial)).toEqual([false, false]);
  });

  it('drops what is in progress when the client aborts', async () => {
    const client = await session(await loadTokensHandler());
    const operation = await client.submit(Buffer.from('x'.repeat(1_000_000)));
    const result = operation.result();
    await Promise.all([expect(result).rejects.toThrow(), client.close({ inFlightPolicy: InFlightPolicy.Abort })]);
  });
});

describe('a close without a time to drain', () => {
  /** A handler that answers when the test says so. */
  function held() {
    const operations: OperationContext[] = [];
    const submit = (operation: OperationContext) => {
      operations.push(operation);
      return operation.finished;
    };
    return { submit, operations };
  }

  it('is confirmed when the work in progress is answered', async () => {
    const { submit, operations } = held();
    const client = await session(submit, { announce: false });
    const result = (await client.submit('slow')).result();
    const closed = client.close({ drainTimeoutMs: 0 });
    await expect.poll(() => operations[0]?.session.state).toBe('closing');
    await operations[0]!.complete('late');
    expect(Buffer.from((await result).body).toString()).toBe('late');
    await closed;
  });

  it('is confirmed in two seconds at the latest', async () => {
    const failures: HandlerFailure[] = [];
    const { submit } = held();
    const client = await session(submit, { failures, announce: false });
    const result = (await client.submit('never')).result();
    const closing = client.close({ drainTimeoutMs: 0 });
    await Promise.all([expect(result).rejects.toThrow('session 1 is being closed'), closing]);
    expect(failures).toEqual([]);
  });

  it('drops the work at once for an announced client, which names the time that it means', async () => {
    const { submit, operations } = held();
    const client = await session(submit);
    const result = (await client.submit('never')).result();
    const [{ cut }] = await Promise.all([
      client.close({ drainTimeoutMs: 0 }),
      expect(result).rejects.toThrow('closed'),
    ]);
    expect([cut.length, operations[0]?.signal.aborted]).toEqual([1, true]);
  });

  it('drops the work at once with the policy abort', async () => {
    const { submit, operations } = held();
    const client = await session(submit);
    const result = (await client.submit('never')).result();
    await Promise.all([expect(result).rejects.toThrow(), client.close({ inFlightPolicy: InFlightPolicy.Abort })]);
    expect(operations[0]?.signal.aborted).toBe(true);
  });
});
