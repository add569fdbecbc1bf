import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { within } from '../../../src/testing/within.js';
import { eventually } from '../../support/eventually.js';
import { PATIENCE_MS } from '../../support/raw-peer.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { packetBytes } from '../../support/wire-packets.js';

const { InFlightPolicy, MessageType } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

/** A server with this handler, and a bare peer with a session on it. */
async function served(
  submit: ServeHandlers['submit'],
  config: NnrpServerOptions = {},
): Promise<{ server: NnrpServer; peer: SessionPeer }> {
  const server = await stage.serve(config);
  void server.serve({ submit });
  return { server, peer: await SessionPeer.open(stage, server) };
}

/** Ways in which work stops being wanted: what is done, the code of the signal's reason, and what the frame is told. */
const ENDS: [
  string,
  (peer: SessionPeer, server: NnrpServer, operation: OperationContext) => unknown,
  string,
  NnrpServerOptions,
][] = [
  ['the client cancels', (peer) => peer.cancel(1), 'NNRP_ERR_CANCELLED', {}],
  ['the deadline is over', () => undefined, 'NNRP_ERR_DEADLINE', { deadlines: true }],
  [
    'the client closes its session with abort',
    (peer) => peer.close({ inFlightPolicy: InFlightPolicy.Abort }),
    'NNRP_ERR_CLOSED',
    {},
  ],
  ['the client closes the connection', (peer) => peer.raw.send(packetBytes(MessageType.Close)), 'NNRP_ERR_CLOSED', {}],
  ['the connection is lost', (peer) => peer.raw.destroy(), 'NNRP_ERR_TRANSPORT', {}],
  [
    'the server closes the session',
    (_peer, _server, { session }) => session.close({ drainTimeoutMs: 100 }),
    'NNRP_ERR_CLOSED',
    {},
  ],
  ['the server is closed', (_peer, server) => server.close(), 'NNRP_ERR_CLOSED', {}],
  [
    'the server cancels',
    (_peer, _server, { session }) => session.cancelOperations(preview3.CancelScope.Operation, 1),
    'NNRP_ERR_CANCELLED',
    {},
  ],
];

describe('when work is not wanted any more', () => {
  it.each(ENDS)(
    'its signal aborts with the reason, and late answers reject with it: %s',
    async (_n, end, code, config) => {
      let running: OperationContext | undefined;
      const aborted = new Promise<unknown>((resolve) => {
        void served((operation) => {
          running = operation;
          expect(operation.signal.aborted).toBe(false);
          operation.signal.addEventListener('abort', () => resolve(operation.signal.reason));
          return operation.finished;
        }, config).then(async ({ server, peer }) => {
          peer.submit(1, 'work', { latencyBudgetMs: 20 });
          await eventually(() => running !== undefined, 'the handler runs');
          await end(peer, server, running as OperationContext);
        });
      });
      expect(await within(aborted, PATIENCE_MS, 'the signal')).toMatchObject({ code });
      expect(running?.abortReason).toMatchObject({ code });
      expect(running?.isOver).toBe(true);
      await running?.finished;
      for (const late of [running?.push('late'), running?.complete('late'), running?.drop()]) {
        await expect(late).rejects.toBe(running?.abortReason);
      }
      // Asked for only now, a signal is aborted from the start.
      expect(running?.signal.aborted).toBe(true);
    },
  );

  it.each(ENDS)('a generator that waits at a yield runs its finally: %s', async (_name, end, _code, config) => {
    let running: OperationContext | undefined;
    let cleanedUp: () => void = () => {};
    const cleanup = new Promise<void>((resolve) => {
      cleanedUp = resolve;
    });
    const { server, peer } = await served(
      // Holds at its first yield: the client has paused its results.
      async function* (operation) {
        try {
          running = operation;
          for (;;) yield 'partial';
        } finally {
          cleanedUp();
        }
      },
      config,
    );
    peer.flow({ creditEpoch: 1, updateReason: preview3.UpdateReason.Pause });
    peer.submit(1, 'work', { latencyBudgetMs: 20 });
    await eventually(() => running !== undefined, 'the handler runs');
    await end(peer, server, running as OperationContext);
    await within(cleanup, PATIENCE_MS, 'the finally block');
  });

  it('a generator that waits elsewhere runs its finally when it goes on, and yields nothing more', async () => {
    let goOn: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const steps: string[] = [];
    const { peer } = await served(async function* () {
      try {
        yield 'first';
        await gate;
        steps.push('went on');
        yield 'second';
        steps.push('never');
      } finally {
        steps.push('finally');
      }
    });
    peer.submit(1);
    expect(await peer.next()).toBe('partial 1 first');
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    expect(steps).toEqual([]);
    goOn();
    await eventually(() => steps.length === 2, 'the generator ends');
    expect(steps).toEqual(['went on', 'finally']);
    expect(await peer.answers()).toEqual([]);
  });

  it('a generator that waits for a client which does not read runs its finally all the same', async () => {
    let running: OperationContext | undefined;
    let sent = 0;
    let left = false;
    const { peer } = await served(
      async function* (operation) {
        running = operation;
        try {
          for (const body = new Uint8Array(256 * 1024); ; sent++) yield body;
        } finally {
          left = true;
        }
      },
      { highWaterBytes: 64 * 1024 },
    );
    peer.raw.socket.pause();
    peer.submit(1);
    for (let before = -1; before !== sent || running === undefined; ) {
      before = sent;
      await stage.turns(1000);
    }
    expect(left).toBe(false);
    running?.session.cancelOperations(preview3.CancelScope.Operation, 1);
    await stage.turns(10);
    expect(left).toBe(true);
  });

  it('a generator that has answered its frame itself is left at its next yield', async () => {
    const steps: string[] = [];
    const { peer } = await served(async function* (operation) {
      try {
        yield 'first';
        await operation.complete('last');
        yield 'late';
        steps.push('never');
      } finally {
        steps.push('finally');
      }
    });
    peer.submit(1);
    expect(await peer.take(2)).toEqual(['partial 1 first', 'result 1 last']);
    await eventually(() => steps.length > 0, 'the generator is left');
    expect(steps).toEqual(['finally']);
    expect(await peer.answers()).toEqual([]);
  });

  it('an error that a handler throws then is no failure of its own', async () => {
    const failures: unknown[] = [];
    const { server, peer } = await served(async (operation) => {
      await once(operation.signal, 'abort');
      operation.signal.throwIfAborted();
    });
    server.on('handlerFailure', (failure) => failures.push(failure));
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.answers()).toEqual(['drop 1']);
    await stage.turns(5);
    expect(failures).toEqual([]);
  });
});

describe('a signal', () => {
  it('never aborts after the last answer', async () => {
    const seen: OperationContext[] = [];
    const { server, peer } = await served((operation) => {
      expect(operation.signal.aborted).toBe(false);
      seen.push(operation);
      return 'done';
    });
    peer.submit(1);
    expect(await peer.next()).toBe('result 1 done');
    peer.cancel(1);
    expect(await peer.answers()).toEqual([]);
    await server.close();
    expect([seen[0]?.signal.aborted, seen[0]?.abortReason, seen[0]?.isOver]).toEqual([false, undefined, true]);
  });

  it('is each frame’s own: cancelling one leaves the others alone', async () => {
    const running = new Map<number, OperationContext>();
    const { peer } = await served((operation) => {
      running.set(operation.frameId, operation);
      return operation.finished;
    });
    for (const frameId of [1, 2, 3]) peer.submit(frameId);
    peer.cancel(2);
    expect(await peer.answers()).toEqual(['drop 2']);
    expect([1, 2, 3].map((frameId) => running.get(frameId)?.signal.aborted)).toEqual([false, true, false]);
  });
});

describe('push', () => {
  it('waits while the client does not read, and goes on when it does', async () => {
    const total = 400;
    let sent = 0;
    const { peer } = await served(
      async function* () {
        const body = new Uint8Array(64 * 1024);
        for (; sent < total; sent++) yield body;
        return 'end';
      },
      { highWaterBytes: 64 * 1024 },
    );
    peer.raw.socket.pause();
    peer.submit(1);
    // It stops by itself: nothing changes over many turns, with most of the stream to come.
    let before = -1;
    while (before !== sent || sent === 0) {
      before = sent;
      await stage.turns(2000);
    }
    expect(sent).toBeLessThan(total);
    peer.raw.socket.resume();
    for (let count = 0; count < total; count++) expect(await peer.next()).toMatch(/^partial 1/);
    expect(await peer.next()).toBe('result 1 end');
    expect(sent).toBe(total);
  });

  it('rejects when the peer vanishes while it waits', async () => {
    let refusal: unknown;
    const body = new Uint8Array(256 * 1024);
    const { peer } = await served(
      async (operation) => {
        for (;;) {
          try {
            await operation.push(body);
          } catch (error) {
            refusal = error;
            throw error;
          }
        }
      },
      { highWaterBytes: 64 * 1024 },
    );
    peer.raw.socket.pause();
    peer.submit(1);
    await stage.turns(200);
    peer.raw.destroy();
    await eventually(() => refusal !== undefined, 'push rejects');
    expect(refusal).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });
});

describe('the signal of an operation', () => {
  it('is an AbortSignal to whoever looks, and passes wherever one does', async () => {
    const { clientSession, session, server } = await stage.session({ drainTimeoutMs: 0 });
    (await clientSession.submit('work')).result().catch(() => {});
    const operation = await session.receiveSubmit();
    const { signal } = operation;
    expect(operation.signal).toBe(signal);
    expect(signal).toBeInstanceOf(AbortSignal);
    expect([signal.constructor, Object.prototype.toString.call(signal)]).toEqual([AbortSignal, '[object AbortSignal]']);
    expect([Object.keys(signal), signal.onabort, signal.aborted]).toEqual([[], null, false]);
    const derived = AbortSignal.any([signal, new AbortController().signal]);
    const request = new Request('http://127.0.0.1:9/', { signal });
    const waits = wait(60_000, undefined, { signal });
    const heard = once(signal, 'abort');
    waits.catch(() => {});
    await server.close();
    await expect(waits).rejects.toMatchObject({ name: 'AbortError' });
    await heard;
    expect([derived.aborted, request.signal.aborted]).toEqual([true, true]);
    await expect(fetch('http://127.0.0.1:9/', { signal })).rejects.toBe(signal.reason);
  });

  it('of one operation does not listen for that of another', async () => {
    const { clientSession, session } = await stage.session({ drainTimeoutMs: 0 });
    for (const body of ['one', 'two']) (await clientSession.submit(body)).result().catch(() => {});
    const one = await session.receiveSubmit();
    const two = await session.receiveSubmit();
    const heard: string[] = [];
    one.signal.addEventListener('abort', () => heard.push('one'));
    two.signal.addEventListener('abort', () => heard.push('two'));
    session.cancelOperations(preview3.CancelScope.Operation, one.frameId);
    expect([heard, one.signal.aborted, two.signal.aborted]).toEqual([['one'], true, false]);
  });

  it('refuses its methods to what only looks like it', async () => {
    const { clientSession, session } = await stage.session({ drainTimeoutMs: 0 });
    (await clientSession.submit('work')).result().catch(() => {});
    const { signal } = await session.receiveSubmit();
    const copy = Object.create(signal) as AbortSignal;
    expect(() => copy.addEventListener('abort', () => {})).toThrow(TypeError);
    expect(() => copy.removeEventListener('abort', () => {})).toThrow(TypeError);
    expect(() => copy.onabort).toThrow(TypeError);
  });
});
