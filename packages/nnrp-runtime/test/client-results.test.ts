import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { submitMetadata } from '../src/client/client-messages.js';
import { RESULT_HINT } from '../src/connection/codecs.js';
import { ScriptedServer } from './scripted-server.js';
import { bytesOf, packetBytes } from './wire-packets.js';

const { MessageType } = preview3;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

afterEach(() => ScriptedServer.clear());

async function submitted(count = 1) {
  const server = await ScriptedServer.start();
  const session = await server.open(1, { grantedOperationCredit: 8, maxInFlightOperations: 8 });
  const operations = Array.from({ length: count }, () => session.submitNow('work'));
  for (const _ of operations) await server.expect(MessageType.FrameSubmit);
  const [operation] = operations;
  if (operation === undefined) throw new Error('no operation');
  return { server, session, operation, operations };
}

describe('a loop over the results of an operation', () => {
  it('gives results to calls of next in order, however many wait', async () => {
    const { server, operation } = await submitted();
    const loop = operation[Symbol.asyncIterator]();
    const steps = [loop.next(), loop.next(), loop.next(), loop.next(), loop.next()];
    server.partial(1, 1, 'a');
    server.partial(1, 1, 'b');
    server.result(1, 1, 'c');
    const bodies = (await Promise.all(steps)).map(({ value, done }) => (done ? 'done' : text(value.body)));
    expect(bodies).toEqual(['a', 'b', 'c', 'done', 'done']);
    expect(await loop.next()).toEqual({ done: true, value: undefined });
  });

  it('gives what waits before it ends or throws, and throws once', async () => {
    const { server, operations } = await submitted(2);
    for (const frameId of [1, 2]) server.partial(1, frameId, 'part');
    server.result(1, 1, 'end');
    server.drop(1, 2);
    await server.settled();
    const [good, bad] = operations.map((operation) => operation[Symbol.asyncIterator]());
    const bodies = [];
    for await (const { body } of { [Symbol.asyncIterator]: () => good as AsyncIterator<{ body: Uint8Array }> }) {
      bodies.push(text(body));
    }
    expect(bodies).toEqual(['part', 'end']);
    expect((await bad?.next())?.done).toBe(false);
    await expect(bad?.next()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    expect(await bad?.next()).toEqual({ done: true, value: undefined });
  });

  it('that is left finishes the calls that wait, cancels the operation, and throws away the rest', async () => {
    const { server, operation } = await submitted();
    const loop = operation[Symbol.asyncIterator]();
    const steps = [loop.next(), loop.next()];
    expect(await loop.return?.()).toEqual({ done: true, value: undefined });
    expect(await Promise.all(steps)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    server.partial(1, 1, 'unread');
    server.result(1, 1, 'end');
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    const reason = new Error('mine');
    await expect(loop.throw?.(reason)).rejects.toBe(reason);
  });

  it('is one, and goes before result()', async () => {
    const { operations } = await submitted(2);
    const [looped, awaited] = operations;
    looped?.[Symbol.asyncIterator]();
    expect(() => looped?.[Symbol.asyncIterator]()).toThrow(/NNRP_ERR_USAGE/);
    void awaited?.result();
    expect(() => awaited?.[Symbol.asyncIterator]()).toThrow(/result\(\) has taken the results/);
  });

  it('misses nothing when the last result is awaited as well', async () => {
    const { server, operation } = await submitted();
    const bodies: string[] = [];
    const loop = (async () => {
      for await (const result of operation) bodies.push(text(result.body));
    })();
    const last = operation.result();
    server.partial(1, 1, 'a');
    server.result(1, 1, 'b');
    expect(text((await last).body)).toBe('b');
    await loop;
    expect(bodies).toEqual(['a', 'b']);
  });
});

describe('the results of a session', () => {
  it('come in the order of arrival with their operations; each operation still gets its last', async () => {
    const { server, session, operations } = await submitted(3);
    const results = session.results();
    expect(() => session.results()).toThrow(/NNRP_ERR_USAGE/);
    server.partial(1, 2, 'a');
    server.partial(1, 1, 'b');
    server.result(1, 3, 'c');
    server.drop(1, 2);
    server.result(1, 1, 'd');
    const seen: [number, string][] = [];
    for await (const { operation, result } of results) {
      expect(operation).toBe(operations[operation.frameId - 1]);
      seen.push([operation.frameId, text(result.body)]);
      if (seen.length === 4) break;
    }
    expect(seen).toEqual([
      [2, 'a'],
      [1, 'b'],
      [3, 'c'],
      [1, 'd'],
    ]);
    expect(text((await operations[0]?.result())?.body ?? new Uint8Array(0))).toBe('d');
    // Left: another loop may begin.
    session.results();
  });

  it('come to a loop over an operation as well, if there is one', async () => {
    const { server, session, operations } = await submitted(2);
    const loop = operations[0]?.[Symbol.asyncIterator]();
    const all = session.results()[Symbol.asyncIterator]();
    server.partial(1, 1, 'a');
    expect(text((await loop?.next())?.value?.body ?? new Uint8Array(0))).toBe('a');
    expect((await all.next()).value?.result.frameId).toBe(1);
  });

  it('end with the session: in good order when it was closed, by throwing when it was lost', async () => {
    const { server, session } = await submitted();
    const other = await server.open(2);
    const [closed, lost] = [session.results(), other.results()];
    server.result(1, 1, 'before the end');
    server.close(1);
    const bodies = [];
    for await (const { result } of closed) bodies.push(text(result.body));
    expect(bodies).toEqual(['before the end']);
    const loop = (async () => {
      for await (const _ of lost);
    })();
    server.vanish();
    await expect(loop).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    for await (const _ of session.results()) throw new Error('it is over');
  });

  it('that nobody reads stop all reading, until they are read or given up', async () => {
    const server = await ScriptedServer.start({ maxBufferedResultBytes: 1000 });
    const session = await server.open(1);
    const results = session.results();
    const submit = async () => {
      const operation = session.submitNow('x');
      await server.expect(MessageType.FrameSubmit);
      for (let part = 0; part < 20; part++) server.partial(1, operation.frameId, 'x'.repeat(500));
      server.result(1, operation.frameId);
      return operation.result();
    };
    let last = submit();
    let count = 0;
    for await (const _ of results) if (++count === 21) break;
    await last;
    const unread = session.results();
    last = submit();
    const first = await unread[Symbol.asyncIterator]().next();
    expect(first.value?.result.frameId).toBe(2);
    await unread[Symbol.asyncIterator]().return?.();
    await last;
  });
});

describe('what a session reports', () => {
  it('is a stream of hints, drops, errors, flow updates, strays and the end, with the operations concerned', async () => {
    const { server, session, operations } = await submitted(3);
    const events = session.events();
    const hint: preview3.ResultHint = { appliedBudgetPolicy: 1, congestionState: 2, reason: 2, retryAfterMs: 9 };
    server.tell(MessageType.ResultHint, 1, 2, RESULT_HINT, hint);
    server.tell(MessageType.ResultHint, 1, 0, RESULT_HINT, hint);
    server.tell(MessageType.ResultHint, 1, 99, RESULT_HINT, hint);
    server.drop(1, 1);
    server.error(1, 0, { errorScope: preview3.ErrorScope.Frame, relatedFrameId: 2 });
    server.error(1, 0);
    server.flow(1, 1);
    server.result(1, 77);
    server.send(packetBytes(MessageType.FrameSubmit, 1, 5, new Uint8Array(72)));
    server.close(1);
    const seen = [];
    for await (const event of events) seen.push(event);
    const [first, second] = operations;
    expect(seen).toEqual([
      { type: 'resultHint', hint, frameId: 2, operation: second },
      { type: 'resultHint', hint, frameId: 0, operation: undefined },
      expect.objectContaining({ type: 'stray' }),
      { type: 'resultDrop', frameId: 1, operation: first },
      expect.objectContaining({ type: 'peerError', operation: second }),
      expect.objectContaining({ type: 'peerError', operation: undefined }),
      expect.objectContaining({ type: 'flowUpdate', outcome: 'applied' }),
      expect.objectContaining({ type: 'stray' }),
      expect.objectContaining({ type: 'stray' }),
      expect.objectContaining({ type: 'close' }),
      { type: 'end', reason: session.endReason },
    ]);
  });

  it('is bounded: who does not read loses the oldest', async () => {
    const { server, session } = await submitted();
    const events = session.events();
    for (let epoch = 1; epoch <= 1100; epoch++) server.flow(1, epoch);
    await server.settled();
    expect(events.dropped).toBe(76);
    const { value } = await events[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ update: { creditEpoch: 77 } });
  });

  it('is made for listeners only: a stream that was left gets no more', async () => {
    const { server, session } = await submitted();
    const events = session.events();
    server.flow(1, 1);
    for await (const _ of events) break;
    for (let epoch = 2; epoch <= 1100; epoch++) server.flow(1, epoch);
    await server.settled();
    expect(events.dropped).toBe(0);
  });
});

describe('results of a session that is over on this side', () => {
  it('are strays', async () => {
    const { server, session } = await submitted();
    const strays: number[] = [];
    server.client.on('stray', ({ packet }) => strays.push(packet.messageType));
    server.error(1, 1);
    server.partial(1, 1);
    server.result(1, 1);
    server.drop(1, 2);
    server.flow(1, 1);
    await server.settled();
    expect(strays).toEqual([
      MessageType.ResultPush,
      MessageType.ResultPush,
      MessageType.ResultDrop,
      MessageType.FlowUpdate,
    ]);
    expect(session.endReason?.code).toBe('NNRP_ERR_PEER');
  });
});

it('complete metadata can be kept and used again, and gives the same bytes as a wish', async () => {
  const server = await ScriptedServer.start();
  const session = await server.open(1, { grantedOperationCredit: 8, maxInFlightOperations: 8 });
  const kept = submitMetadata({ targetFpsX100: 3000, latencyBudgetMs: 9 });
  session.submitNow('x', { metadata: kept });
  session.submitNow('x', { metadata: { targetFpsX100: 3000, latencyBudgetMs: 9 } });
  session.submitNow('x', { metadata: { ...kept } });
  session.submitNow('x', { metadata: kept, deadlineMs: 9 });
  const sent = [];
  for (let frameId = 1; frameId <= 4; frameId++) {
    sent.push(text(bytesOf(await server.expect(MessageType.FrameSubmit)).slice(40)));
  }
  expect(new Set(sent).size).toBe(1);
});

it('an error whose text has another length than it announces is reported without it', async () => {
  const { server, session } = await submitted();
  const violations: string[] = [];
  server.client.on('protocolViolation', ({ error }) => violations.push(error.message));
  const reported = new Promise<{ error: Error }>((resolve) => server.client.once('peerError', resolve));
  server.error(1, 0, { diagnosticBytes: 30 }, 'much shorter');
  expect((await reported).error.message).not.toContain('much shorter');
  expect(violations).toEqual([expect.stringContaining('announces 30 body bytes, got 12')]);
  expect(session.endReason).toBeUndefined();
});
