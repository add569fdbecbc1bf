import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { HandlerFailure } from '../../../src/server/contract/server-events.js';
import { HandlerError } from '../../../src/server/failures/handler-error.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import { textOf } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { CloseStatus, InFlightPolicy, UpdateReason } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

async function served(handlers: ServeHandlers, options: { maxConcurrentOperations?: number } = {}) {
  const server = await stage.serve();
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve(handlers, options);
  return { server, peer: await SessionPeer.open(stage, server), failures };
}

function thrower(): never {
  throw new Error('not to be looked at');
}

describe('patches', () => {
  it('are answered in their order, however long each takes', async () => {
    const slow: (() => void)[] = [];
    const patch = async ({ metadata }: { metadata: preview3.SessionPatch }) => {
      if (metadata.qualityTier !== 1) return {};
      await new Promise<void>((resolve) => slow.push(resolve));
      return { rejectReason: preview3.SessionPatchRejectReason.InvalidRange };
    };
    const { peer } = await served({ submit: () => '', patch });
    peer.patch({ qualityTier: 1 });
    peer.patch({ qualityTier: 2 });
    expect(await peer.answers()).toEqual([]);
    await eventually(() => slow.length === 1, 'the first patch is looked at');
    slow[0]?.();
    const acks = [await peer.packet(), await peer.packet()];
    const tiers = acks.map(({ view, metadataStart }) => preview3.decodeSessionPatchAck(view, metadataStart));
    expect(tiers.map((ack) => [ack.rejectReason, ack.effectiveQualityTier])).toEqual([
      [preview3.SessionPatchRejectReason.InvalidRange, 0],
      [0, 2],
    ]);
  });

  it('get an error when the handler’s answer cannot be sent', async () => {
    const patch = () => ({ rejectReason: 999_999 as never });
    const migrate = () => ({ acceptCode: 0, resumeFromFrameId: 0n });
    const { peer, failures } = await served({ submit: () => '', patch, migrate });
    peer.patch();
    expect(await peer.next()).toBe('error session 0 internal_error');
    peer.migrate({ lastResultFrameId: 9n });
    expect(await peer.next()).toBe('error session 0 internal_error');
    expect(failures.length).toBe(2);
  });
});

describe('an end', () => {
  it('from both sides at once is confirmed to the client', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    await session.receiveSubmit();
    const closed = session.close({ inFlightPolicy: InFlightPolicy.Drain, drainTimeoutMs: 10_000 });
    expect((await peer.packet()).messageType).toBe(preview3.MessageType.SessionClose);
    peer.close();
    expect(await peer.answers()).toEqual([]);
    await session.sendResult(1, {});
    await closed;
    const last = (await peer.take(2)) as [string, string];
    expect([last[0].startsWith('result 1'), last[1]]).toEqual([true, 'close ack closed']);
    peer.closeAck(CloseStatus.Closed);
    expect(await peer.answers()).toEqual([]);
  });

  it('that an abort listener causes comes after every drop', async () => {
    const server = await stage.serve({ maxInFlightOperations: 4 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    for (const frameId of [1, 2, 3]) peer.submit(frameId);
    for (const _ of [1, 2, 3]) {
      const { signal } = await session.receiveSubmit();
      signal.addEventListener('abort', () => void session.close());
    }
    peer.close({ inFlightPolicy: InFlightPolicy.Abort });
    expect((await peer.take(7)).filter((said) => !said.startsWith('error'))).toEqual([
      'drop 1',
      'drop 2',
      'drop 3',
      'close ack closed',
    ]);
  });

  it('of several frames lets nothing out after the drops, not even what was held back until just now', async () => {
    const server = await stage.serve({ maxInFlightOperations: 4 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    for (const frameId of [1, 2]) peer.submit(frameId);
    const operations = [await session.receiveSubmit(), await session.receiveSubmit()];
    peer.flow({
      creditEpoch: 1,
      retryAfterMs: 60_000,
      flowFlags: preview3.FlowFlags.RetryAfterValid,
      updateReason: UpdateReason.Congestion,
    });
    expect(await peer.answers()).toEqual([]);
    for (const operation of operations) void operation.push('held');
    // The pause ends just before the frames are dropped: no timer has sent yet what it held back.
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    peer.close({ inFlightPolicy: InFlightPolicy.Abort });
    await session.receiveClose();
    await session.ackClose();
    const told = [1, 2].flatMap((id) => [`error frame ${id} frame_cancelled`, `drop ${id}`]);
    expect(await peer.take(5)).toEqual([...told, 'close ack closed']);
    clock.mockRestore();
  });

  it('of the server is not kept waiting by a longer drain that a session was given', async () => {
    const server = await stage.serve({ drainTimeoutMs: 20 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    await session.receiveSubmit();
    const own = session.close({ inFlightPolicy: InFlightPolicy.Drain, drainTimeoutMs: 60_000 });
    await server.close();
    await own;
    expect(session.state).toBe('closed');
  });
});

it('a malformed submit with the id of an answered frame gets no second answer', async () => {
  const { peer } = await served({ submit: () => 'x' });
  peer.submit(1);
  expect(await peer.next()).toBe('result 1 x');
  const bytes = peer.submitBytes(1);
  bytes[40 + preview3.FRAME_SUBMIT_OFFSETS.submitMode] = 9;
  peer.raw.send(bytes);
  expect(await peer.answers()).toEqual(['error frame 1 invalid_state']);
});

describe('what a submit handler gives that says something else the second time', () => {
  /** Says each of these once, and the last one again and again. */
  const saying = (...sayings: (() => unknown)[]) => {
    let count = 0;
    return () => sayings[Math.min(count++, sayings.length - 1)]?.();
  };
  const plain = () => undefined;
  const throwing = () => thrower;
  const twice = () => (resolve: (value: string) => void) => {
    resolve('x');
    resolve('y');
  };

  const THENABLES: [string, () => object][] = [
    ['a value, then a promise that throws', () => Object.defineProperty({}, 'then', { get: saying(plain, throwing) })],
    ['a value, then a promise', () => Object.defineProperty({}, 'then', { get: saying(plain, twice) })],
    ['a promise, then one that throws', () => Object.defineProperty({}, 'then', { get: saying(twice, throwing) })],
    ['a promise, then what throws', () => Object.defineProperty({}, 'then', { get: saying(twice, thrower) })],
    [
      'a real promise, then one that throws',
      () =>
        Object.defineProperty(Promise.resolve('x'), 'then', { get: saying(() => Promise.prototype.then, throwing) }),
    ],
  ];

  it.each(THENABLES)('costs its frame, and its place is free again: %s', async (_what, make) => {
    const submit = (operation: OperationContext) => (operation.frameId === 1 ? (make() as never) : 'fine');
    const { server, peer } = await served({ submit }, { maxConcurrentOperations: 1 });
    const other = await SessionPeer.open(stage, server);
    peer.submit(1);
    const answer = await peer.next();
    if (answer !== 'result 1 x') {
      expect([answer, await peer.next()]).toEqual(['error frame 1 internal_error', 'drop 1']);
    }
    for (const one of [peer, other]) {
      one.submit(2);
      expect(await one.next()).toBe('result 2 fine');
    }
  });

  const FIELDS = ['code', 'message', 'retryAfterMs', 'wireCode', 'isRetryable'] as const;

  it.each(FIELDS)('is what a HandlerError said first, or is reported: %s', async (field) => {
    const error = new HandlerError('a_code', 'a message', { retryAfterMs: 5 });
    const first = error[field];
    Object.defineProperty(error, field, { get: saying(() => first, thrower) });
    const { peer, failures } = await served({
      submit: () => {
        throw error;
      },
    });
    peer.submit(1);
    expect(await peer.answers()).toEqual(['error frame 1 internal_error', 'drop 1']);
    expect(failures).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5])(
    'is no HandlerError, or is one and no secret: details that fail at reading %i',
    async (at) => {
      let readings = 0;
      const details = {
        toJSON() {
          if (++readings >= at) throw new Error('no more');
          return 'detail';
        },
      };
      const { peer, failures } = await served({
        submit: () => {
          throw new HandlerError('a_code', 'a message', { details });
        },
      });
      peer.submit(1);
      const error = await peer.packet();
      // Either its client is told everything, or it is a defect, which is never silent.
      expect(textOf(error) === 'a message').toBe(failures.length === 0);
      expect(['a message', 'the handler failed']).toContain(textOf(error));
    },
  );
});

describe('a stream of results that is left when its operation is over', () => {
  /** What the server tells after a cancel at the first partial result. */
  async function toldOf(submit: ServeHandlers['submit']): Promise<string[]> {
    const { peer, failures } = await served({
      submit: (operation) => (operation.frameId === 2 ? '' : submit(operation)),
    });
    peer.submit(1);
    await peer.next();
    peer.cancel(1);
    await peer.next();
    // Whatever cleaning up has brought about is over by the answer to another frame.
    peer.submit(2);
    await peer.next();
    return failures.map(({ error, frameId }) => `${frameId}: ${(error as Error).message}`);
  }

  const failing = () => Promise.reject(new Error('not cleaned up'));

  /** Yields, waits for the end of its operation, and is left at its next yield. */
  async function* cleaningUp(operation: OperationContext, cleanUp: () => unknown) {
    try {
      yield 'x';
      await operation.finished;
      yield 'y';
    } finally {
      await cleanUp();
    }
  }

  it.each<[how: string, submit: ServeHandlers['submit']]>([
    ['a finally block of a generator', (operation) => cleaningUp(operation, failing)],
    [
      'its method return',
      ({ finished }) => {
        let steps = 0;
        const next = async () => {
          if (++steps > 1) await finished;
          return { done: false, value: 'x' };
        };
        return { [Symbol.asyncIterator]: () => ({ next, return: failing }) };
      },
    ],
    [
      'the cancel of a stream',
      () => new ReadableStream({ start: (controller) => controller.enqueue('x'), cancel: failing }),
    ],
  ])('tells what %s fails with', async (_how, submit) => {
    expect(await toldOf(submit)).toEqual(['1: not cleaned up']);
  });

  it.each<[how: string, submit: ServeHandlers['submit']]>([
    [
      'the reason of the signal that is thrown on',
      (operation) => cleaningUp(operation, () => Promise.reject(operation.signal.reason)),
    ],
    [
      'what Node.js makes of the reason',
      (operation) => cleaningUp(operation, () => sleep(1, undefined, { signal: operation.signal })),
    ],
    ['a part that is refused now', (operation) => cleaningUp(operation, () => operation.push('bye'))],
    [
      'a stream of Node.js that waits',
      () =>
        new Readable({
          read() {},
          construct(done) {
            this.push('x');
            done();
          },
        }),
    ],
    [
      'a response that goes on',
      () => new Response(new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from('x')) })),
    ],
  ])('tells nothing of %s', async (_how, submit) => {
    expect(await toldOf(submit)).toEqual([]);
  });

  it.each<[how: string, submit: ServeHandlers['submit']]>([
    [
      'a generator',
      async function* ({ session }) {
        try {
          void session.close({ drainTimeoutMs: 0 });
          yield 'x';
        } finally {
          await failing();
        }
      },
    ],
    [
      'an iterator that waits to be left',
      ({ session }) => {
        let left = () => {};
        let times = 0;
        const next = () => {
          void session.close({ drainTimeoutMs: 0 });
          return new Promise<IteratorResult<string>>((resolve) => {
            left = () => resolve({ done: true, value: undefined });
          });
        };
        const leave = () => {
          left();
          return Promise.reject(new Error(++times === 1 ? 'not cleaned up' : 'left again'));
        };
        return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
      },
    ],
  ])('is left once when it has ended its operation by itself: %s', async (_how, submit) => {
    const { server, peer, failures } = await served({ submit });
    peer.submit(1);
    await eventually(() => failures.length > 0, 'it is told');
    await eventually(() => server.stats().runningBytes?.value === 0, 'it is done');
    expect(failures.map(({ error }) => (error as Error).message)).toEqual(['not cleaned up']);
  });

  it.each<[what: string, wait: (peer: SessionPeer) => unknown]>([
    ['credit', (peer) => peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause })],
    ['room', (peer) => peer.raw.socket.pause()],
  ])('is left once while it waits for %s, and asked for nothing more', async (_what, wait) => {
    const server = await stage.serve({ highWaterBytes: 16 * 1024, stallTimeoutMs: 0 });
    let left = 0;
    const body = new Uint8Array(64 * 1024);
    const next = () => (left > 0 ? new Promise<never>(() => {}) : Promise.resolve({ done: false, value: body }));
    const leave = async () => {
      left++;
      return { done: true, value: undefined } as const;
    };
    void server.serve({ submit: () => ({ [Symbol.asyncIterator]: () => ({ next, return: leave }) }) });
    const peer = await SessionPeer.open(stage, server);
    wait(peer);
    peer.submit(1);
    await eventually(() => server.stats().suspendedOperations?.value === 1, 'it waits');
    peer.cancel(1);
    peer.raw.socket.resume();
    await eventually(() => left > 0, 'it is left');
    await eventually(() => server.stats().runningBytes?.value === 0, 'it is done');
    expect(left).toBe(1);
  });
});
