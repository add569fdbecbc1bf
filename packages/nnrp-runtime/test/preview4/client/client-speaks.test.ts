import { describe, expect, it } from 'vitest';
import { preview4Stage } from './preview4-stage.js';
import { metadata, T } from './raw-server.js';

const HELLO =
  '4e4e5250010001280000000040000000000000000000000000000000000000000000000000000000' +
  '01010100030000007300000000000000000000000000000000000000000000000000010000000000000000000000f40100000000000000000000000000000000';

const stage = preview4Stage();

describe('a client of preview4', () => {
  it('begins with the hello that a client of the reference sends, but for what peers of this library look at', async () => {
    const { link } = await stage.serve({}, { announce: false });
    const { bytes } = await link.next(T.HELLO);
    expect(bytes.toString('hex')).toBe(HELLO);
  });

  it('announces itself in the trace id of its hello', async () => {
    const { link } = await stage.serve();
    const { bytes, trace } = await link.next(T.HELLO);
    expect(trace >> 32n).toBe(0x4e4e5254n);
    bytes.fill(0, 32, 40);
    expect(bytes.toString('hex')).toBe(HELLO);
  });

  it('opens sessions one after the other, with nothing in the body', async () => {
    const { client, link } = await stage.serve();
    const sessions = await Promise.all([client.openSession(), client.openSession(), client.openSession()]);
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual([1, 2, 3]);
    expect(sessions[0]?.revision).toBe('preview4');
    const opens = link.received.filter(({ type }) => type === T.OPEN);
    expect(opens.map(({ body }) => body.length)).toEqual([0, 0, 0]);
    expect(link.death).toBeUndefined();
  });

  it('submits with operation ids that count up, and with those that the application chooses', async () => {
    const { client, link } = await stage.serve({ inFlight: 9, credit: 9 });
    const session = await client.openSession({ maxInFlightOperations: 9 });
    const operations = [
      session.submitNow('a'),
      session.submitNow('b', { operationId: 2n ** 63n + 5n }),
      session.submitNow('c'),
      session.submitNow('d', { operationId: 77n }),
    ];
    expect(operations.map(({ id }) => id)).toEqual([1n, 2n ** 63n + 5n, 2n ** 63n + 6n, 77n]);
    expect(() => session.submitNow('e', { operationId: 77n })).toThrow(/operationId 77 was used before/);
    expect(() => session.submitNow('e', { operationId: 1n })).toThrow(/operationId 1 was used before/);
    expect(() => session.submitNow('e', { operationId: 0n })).toThrow(/operationId takes a bigint of 1 to 2\^64-1/);
    for (const [index, operation] of operations.entries()) {
      const submit = await link.next(T.SUBMIT);
      expect([submit.frame, submit.metadata.length]).toEqual([index + 1, 72]);
      expect(submit.metadata.readBigUInt64LE(40)).toBe(operation.id);
      link.result(submit, `${submit.body}!`);
      expect((await operation.result()).text()).toBe(`${submit.body}!`);
    }
  });

  it('gives partial results to the loop, and the last one behind them', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const operation = await session.submit('parts');
    const submit = await link.next(T.SUBMIT);
    for (const [index, text] of ['one', 'two'].entries()) link.partial(submit, index + 1, text);
    link.result(submit, 'wire-external-result');
    const seen: unknown[] = [];
    for await (const result of operation)
      seen.push([result.partial, result.text(), result.part?.resultSequence, result.isSuccess]);
    expect(seen).toEqual([
      [true, 'one', 1n, true],
      [true, 'two', 2n, true],
      [false, 'wire-external-result', undefined, true],
    ]);
  });

  it('fails an operation with the reason for which the server drops it', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const table = [
      [1, 'NNRP_ERR_DEADLINE', false],
      [2, 'NNRP_ERR_RESULT_DROPPED', false],
      [3, 'NNRP_ERR_CANCELLED_BY_SERVER', false],
      [4, 'NNRP_ERR_SERVER_BUSY', true],
      [5, 'NNRP_ERR_SUBMIT_REFUSED', false],
      [6, 'NNRP_ERR_RESULT_DROPPED', false],
      [8, 'NNRP_ERR_CLOSED', false],
      [0x8123, 'NNRP_ERR_RESULT_DROPPED', false],
    ] as const;
    for (const [reasonCode, code, isRetryable] of table) {
      const operation = await session.submit('x');
      link.dropReason(await link.next(T.SUBMIT), reasonCode, 'because');
      await expect(operation.result()).rejects.toMatchObject({ code, reasonCode, isRetryable });
      await expect(operation.result()).rejects.toThrow(/because/);
    }
    const operation = await session.submit('plain');
    const { frame } = await link.next(T.SUBMIT);
    link.send(T.DROP, session.sessionId, frame);
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
  });

  it('cancels once, by CANCEL or by ABORT, and takes the one answer', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const cancelled = await session.submit('a');
    cancelled.cancel('no more');
    cancelled.cancel('again');
    const cancel = await link.next(T.CANCEL);
    expect([cancel.frame, cancel.metadata.toString('hex')]).toEqual([
      1,
      metadata(32, [0, 64, 1], [8, 64, 1], [16, 16, 1], [18, 8, 1], [19, 8, 1]).toString('hex'),
    ]);
    await expect(cancelled.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED', cause: 'no more' });
    const first = await link.next(T.SUBMIT);
    link.progress(first, 1, 500);
    link.partial(first, 1, 'late');
    link.dropReason(first, 3);
    const aborted = await session.submit('b');
    aborted.cancel({ reason: 'at once', abort: true, reasonCode: 7 });
    const abort = await link.next(T.ABORT);
    expect(abort.metadata.readUInt16LE(16)).toBe(7);
    expect(abort.metadata.readUInt8(19)).toBe(2);
    link.dropReason(await link.next(T.SUBMIT), 3);
    const last = await session.submit('c');
    last.result().catch(() => {});
    const submit = await link.next(T.SUBMIT);
    link.result(submit, 'done');
    expect((await last.result()).text()).toBe('done');
    last.cancel();
    expect(session.inFlightCount).toBe(0);
    expect(await session.close()).toEqual({ drained: true, cut: [] });
    expect(link.death).toBeUndefined();
    expect(link.received.filter(({ type }) => type === T.CANCEL || type === T.ABORT)).toHaveLength(2);
  });

  it('sends no cancel behind the final part, which the answer follows', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const operation = await session.submit('a');
    const submit = await link.next(T.SUBMIT);
    link.partial(submit, 1, 'all', 1);
    for await (const part of operation) {
      expect(part.text()).toBe('all');
      break;
    }
    link.result(submit, '');
    const next = session.request('b');
    link.result(await link.next(T.SUBMIT), 'b');
    expect((await next).text()).toBe('b');
    expect(session.inFlightCount).toBe(0);
    expect(await session.close()).toEqual({ drained: true, cut: [] });
    expect(link.received.filter(({ type }) => type === T.CANCEL)).toEqual([]);
    expect(link.death).toBeUndefined();
  });

  it('takes a result that crosses its cancel', async () => {
    const { client, link } = await stage.serve({ strictCancels: false });
    const session = await client.openSession();
    const operation = await session.submit('a');
    const submit = await link.next(T.SUBMIT);
    operation.cancel();
    link.result(submit, 'crossed');
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    const next = session.request('b');
    await link.next(T.SUBMIT);
    link.result({ ...submit, frame: 2 }, 'b');
    expect((await next).text()).toBe('b');
    expect(session.inFlightCount).toBe(0);
  });
});
