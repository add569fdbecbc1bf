import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { type BodyInput, bodyBytes, isMadeAnew } from '../../src/connection/body/body-bytes.js';
import type { ResultValue } from '../../src/server/contract/server-messages.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (content: string) => new TextEncoder().encode(content);

/** Every kind of chunk; together `abc€def`. */
const CHUNKS = [
  'ab',
  bytesOf('c'),
  '€',
  new Uint8Array(0),
  new DataView(bytesOf('xdx').buffer, 1, 1),
  bytesOf('e').buffer,
  '',
  bytesOf('xf').subarray(1),
];

describe('a list of chunks', () => {
  it('is one body: of a submit, and of every kind of result', async () => {
    const { server, client } = await stage.pair();
    const bodies: string[] = [];
    void server.serve({
      async *submit(operation) {
        bodies.push(operation.text());
        await operation.push(CHUNKS);
        yield ['y', 'ield'];
        yield { body: ['o', bytesOf('bject')], metadata: { inferenceMs: 3 } };
        return CHUNKS;
      },
    });
    const session = await client.openSession();
    const results = [];
    for await (const result of await session.submit(CHUNKS)) results.push(result);
    expect(bodies).toEqual(['abc€def']);
    expect(results.map((result) => result.text())).toEqual(['abc€def', 'yield', 'object', 'abc€def']);
    expect(results[2]?.metadata.inferenceMs).toBe(3);
  });

  it('may be empty', async () => {
    const { session, clientSession } = await stage.session();
    clientSession.submitNow([]);
    expect((await session.receiveSubmit()).body).toHaveLength(0);
  });

  it('may be changed, and its chunks transferred, as soon as the call returns, however long it is', async () => {
    const { session, clientSession } = await stage.session();
    for (const length of [10, 30_000, 1_000_000]) {
      const chunks = [new Uint8Array(length).fill(1), new Uint8Array(length).fill(2)];
      const operation = clientSession.submitNow(chunks);
      chunks[0]?.fill(9);
      structuredClone(chunks[1], { transfer: [chunks[1]?.buffer as ArrayBuffer] });
      chunks.length = 0;
      const work = await session.receiveSubmit();
      const { body } = work;
      expect([body.length, body[0], body[length - 1], body[length], body.at(-1)]).toEqual([2 * length, 1, 1, 2, 2]);
      await work.complete(['done']);
      expect((await operation.result()).text()).toBe('done');
    }
  });

  it('waits for its turn as it was', async () => {
    const { session, clientSession } = await stage.session({ grantedOperationCredit: 1 });
    clientSession.submitNow('first');
    const chunk = bytesOf('second');
    const waiting = clientSession.submit([chunk]);
    chunk.fill(0);
    await (await session.receiveSubmit()).complete();
    expect((await session.receiveSubmit()).text()).toBe('second');
    await waiting;
  });

  it('is taken for whatever else is bytes or text', async () => {
    const seen: string[] = [];
    const { session, clientSession, client, server } = await stage.session({
      applicationPolicy: { validateSessionOpen: (_open, { auth }) => void seen.push(text(auth)) },
      supportedCacheObjects: [preview3.CacheObjectKind.PromptSegment],
    });
    void client.openSession({ auth: ['to', bytesOf('ken')] });
    await server.accept();
    expect(seen).toEqual(['', 'token']);
    const patched = clientSession.patch({ qualityTier: 1 }, ['pro', 'file']);
    expect(text((await session.receivePatch()).profilePatch)).toBe('profile');
    await session.sendPatchAck({}, ['a', 'ck']);
    expect(text((await patched).body)).toBe('ack');
    const object = { namespace: 1, key: 1n, kind: preview3.CacheObjectKind.PromptSegment };
    await clientSession.putObject(object, ['ob', 'ject']);
    const cached = session.cacheObject({ cacheNamespace: 1, cacheKeyHi: 0, cacheKeyLo: 1, objectKind: object.kind });
    expect(cached === undefined ? undefined : text(cached)).toBe('object');
  });

  it('is held to the limits of a packet as one body is', async () => {
    const { clientSession } = await stage.session({ maxPacketBytes: 100_000 });
    const chunks = Array.from({ length: 11 }, () => new Uint8Array(10_000));
    expect(() => clientSession.submitNow(chunks)).toThrow(/FRAME_SUBMIT .* limit is 100000 bytes/);
    expect(clientSession.inFlightCount).toBe(0);
  });
});

const gone = new Uint8Array(4);
structuredClone(gone, { transfer: [gone.buffer] });
/** A list whose second entry takes the memory of the first away. */
function treacherous(): BodyInput {
  const first = new Uint8Array(4);
  const list = [first, 'x'];
  return Object.defineProperty(list, 1, {
    get: () => {
      structuredClone(first, { transfer: [first.buffer] });
      return 'x';
    },
  });
}

/** Lists that are no body, with what is said of them. */
const REFUSED: readonly [string, () => unknown, RegExp][] = [
  ['a number', () => ['a', 5], /body: chunk 1: expected bytes or text, got number/],
  ['a hole', () => new Array(1), /body: chunk 0: expected bytes or text, got undefined/],
  ['null', () => [null], /body: chunk 0: expected bytes or text, got null/],
  ['a list', () => [['a']], /body: chunk 0: expected bytes or text, got object/],
  ['a promise', () => ['a', Promise.reject(new Error('x'))], /chunk 1: .* got object, a promise: did you forget await/],
  ['memory that is gone', () => ['a', gone], /body: chunk 1: its memory was transferred away/],
  ['memory that goes meanwhile', treacherous, /body: its memory was transferred away/],
];

describe('a list that is no body', () => {
  it.each(REFUSED)('is refused, by number of the chunk, and nothing is sent: %s', async (_what, list, message) => {
    const { clientSession } = await stage.session();
    expect(() => clientSession.submitNow(list() as BodyInput)).toThrow(message);
    await expect(clientSession.submit(list() as BodyInput)).rejects.toThrow(message);
    expect(clientSession.inFlightCount).toBe(0);
  });

  it('fails the handler that gives it, and its frame alone', async () => {
    const { server, client } = await stage.pair();
    const told: unknown[] = [];
    server.on('handlerFailure', ({ error }) => told.push(error));
    void server.serve({ submit: ({ body }) => (body.length === 0 ? ['fine'] : (['a', 5] as unknown as ResultValue)) });
    const session = await client.openSession();
    await expect(session.request('x')).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    await eventually(() => told.length === 1, 'the failure is told');
    expect((told[0] as Error).message).toContain('chunk 1: expected bytes or text');
    expect((await session.request('')).text()).toBe('fine');
  });

  it('is refused by its length before it is copied', () => {
    const large = new Uint8Array(2 ** 31);
    expect(() => bodyBytes([large, large, large])).toThrow(
      'body: the first 2 chunks have 4294967296 bytes, and a body at most 4294967295',
    );
  });
});

it('texts of a list are encoded by themselves: half a character is none', () => {
  const [high, low] = [...'😀'.split('')];
  expect(text(bodyBytes([high ?? '', low ?? '']))).toBe('\ufffd\ufffd');
});

it('what is made anew need not be copied again', () => {
  expect([isMadeAnew('x'), isMadeAnew([]), isMadeAnew(new Uint8Array(1))]).toEqual([true, true, false]);
});
