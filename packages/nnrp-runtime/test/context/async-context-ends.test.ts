import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClient, OperationContext } from '../../src/index.js';
import { preview3 } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { Seen, stage, store, twoClients } from './context-clients.js';

afterEach(() => stage.clear());

const { UpdateReason } = preview3;

/** A function of its own, whose variables are gone when it returns. */
function addedAndRemoved(signal: AbortSignal, count: number): WeakRef<object>[] {
  return Array.from({ length: count }, () => {
    const listener = () => {};
    signal.addEventListener('abort', listener, { once: true });
    signal.removeEventListener('abort', listener);
    return new WeakRef(listener);
  });
}

describe('what ends work', () => {
  const ENDS: Readonly<
    Record<string, (by: { b: NnrpClient; frame: { cancel(): void }; operation: OperationContext }) => unknown>
  > = {
    'a cancel of its client': ({ frame }) => frame.cancel(),
    'the end of its connection': ({ b }) => stage.drop(b),
    'a call of somebody else': ({ operation }) =>
      store.run('somebody', () =>
        operation.session.cancelOperations(preview3.CancelScope.Operation, operation.frameId),
      ),
    'a close by somebody else': ({ operation }) =>
      store.run('somebody', () => operation.session.close({ drainTimeoutMs: 100 })),
  };

  it.each(Object.entries(ENDS))('is told in the context of the work: %s', async (_name, end) => {
    const seen = new Seen();
    let signalled: OperationContext | undefined;
    const { b, sessionB } = await twoClients({
      submit: async function* (operation): AsyncGenerator<string, string> {
        store.enterWith('the work');
        signalled = operation;
        operation.signal.addEventListener('abort', () => seen.note('signal'));
        try {
          for (;;) {
            yield 'part';
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          seen.note('finally');
        }
      },
    });
    const frame = await sessionB.submit('work');
    frame.result().catch(() => {});
    await eventually(() => signalled !== undefined, 'the work has begun');
    await end({ b, frame, operation: signalled as OperationContext });
    await eventually(() => seen.has('finally'), 'the callbacks have run');
    await eventually(() => seen.has('signal'), 'the callbacks have run');
    expect(seen.of('signal')).toEqual(['the work']);
    expect(seen.of('finally')).toEqual(['the work']);
  });

  /** How a handler may enter a store, and listen in it. */
  const LISTENS: Readonly<Record<string, (listener: () => void, operation: OperationContext) => void>> = {
    'in run()': (listener, operation) =>
      store.run('the work', () => operation.signal.addEventListener('abort', listener)),
    'in run(), by a signal read before': (listener, { signal }) =>
      store.run('the work', () => signal.addEventListener('abort', listener)),
    'after enterWith()': (listener, operation) => {
      store.enterWith('the work');
      operation.signal.addEventListener('abort', listener);
    },
    'after enterWith(), by a signal read before': (listener, { signal }) => {
      store.enterWith('the work');
      signal.addEventListener('abort', listener);
    },
    'by an object': (listener, { signal }) =>
      store.run('the work', () => signal.addEventListener('abort', { handleEvent: listener })),
    'by onabort': (listener, { signal }) =>
      store.run('the work', () => {
        signal.onabort = listener;
      }),
    'by a signal made of it': (listener, operation) =>
      store.run('the work', () => AbortSignal.any([operation.signal]).addEventListener('abort', listener)),
  };

  describe.each(Object.entries(LISTENS))('that listens %s', (_how, listen) => {
    it.each(['a cancel of its client', 'a call of somebody else'])('is told in that store: %s', async (name) => {
      const seen = new Seen();
      let begun: OperationContext | undefined;
      const { b, sessionB } = await twoClients({
        submit: async (operation) => {
          listen(() => seen.note('signal'), operation);
          begun = operation;
          await operation.finished;
        },
      });
      const frame = await sessionB.submit('work');
      frame.result().catch(() => {});
      await eventually(() => begun !== undefined, 'the work has begun');
      ENDS[name]?.({ b, frame, operation: begun as OperationContext });
      await eventually(() => seen.has('signal'), 'the callbacks have run');
      expect(seen.of('signal')).toEqual(['the work']);
    });
  });

  it('is told in its own store when others take the submits by accept() and end them', async () => {
    const seen = new Seen();
    const server = await stage.serve();
    const client = await stage.connect(server);
    const session = await client.openSession();
    const accepted = await server.accept();
    (await session.submit('work')).result().catch(() => {});
    await store.run('the work', async () => {
      const operation = await accepted.receiveSubmit();
      operation.signal.addEventListener('abort', () => seen.note('signal'));
    });
    await store.run('somebody', () => accepted.close({ drainTimeoutMs: 0 }));
    expect(seen.of('signal')).toEqual(['the work']);
  });

  it('takes a listener once, and lets it go again', async () => {
    const { server, clientSession, session } = await stage.session({ drainTimeoutMs: 0 });
    (await clientSession.submit('work')).result().catch(() => {});
    const { signal } = await session.receiveSubmit();
    let calls = 0;
    const twice = () => void calls++;
    const never = () => expect.fail('it has been removed');
    signal.addEventListener('abort', twice);
    signal.addEventListener('abort', twice, { once: true });
    signal.addEventListener('abort', never);
    signal.removeEventListener('abort', never);
    await server.close();
    expect(calls).toBe(1);
  });

  it('calls a listener that was added again in the store of the last time, and one that captures in its own', async () => {
    const seen = new Seen();
    const { server, clientSession, session } = await stage.session({ drainTimeoutMs: 0 });
    (await clientSession.submit('work')).result().catch(() => {});
    const { signal } = await session.receiveSubmit();
    const listener = () => seen.note('signal');
    store.run('first', () => signal.addEventListener('abort', listener));
    signal.removeEventListener('abort', listener);
    store.run('second', () => signal.addEventListener('abort', listener));
    store.run('capturing', () => signal.addEventListener('abort', listener, { capture: true }));
    // Of another type the same function is another registration.
    signal.addEventListener('other', listener);
    signal.removeEventListener('other', listener);
    signal.dispatchEvent(new Event('other'));
    await server.close();
    expect(seen.of('signal').sort()).toEqual(['capturing', 'second']);
  });

  it('keeps no listener that was removed', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const { clientSession, session } = await stage.session({ drainTimeoutMs: 0 });
    (await clientSession.submit('work')).result().catch(() => {});
    const { signal } = await session.receiveSubmit();
    const removed = addedAndRemoved(signal, 100);
    await eventually(() => {
      collect();
      return removed.every((reference) => reference.deref() === undefined);
    }, 'the listeners are gone');
    expect(signal.aborted).toBe(false);
  });

  it.each(['a generator', 'an iterator of its own'] as const)(
    'leaves %s that waits in its own context',
    async (what) => {
      const seen = new Seen();
      let begun: OperationContext | undefined;
      const { a, sessionA } = await twoClients({
        submit: (operation): never => {
          async function* work(): AsyncGenerator<string, string> {
            store.enterWith('the work');
            begun = operation;
            try {
              for (;;) yield 'part';
            } finally {
              seen.note('left');
            }
          }
          const generator = work();
          if (what === 'a generator') return generator as never;
          return {
            [Symbol.asyncIterator]() {
              return this;
            },
            next() {
              store.enterWith('the work');
              return generator.next();
            },
            return() {
              seen.note('left');
              return Promise.resolve({ done: true, value: undefined });
            },
          } as never;
        },
      });
      a.sendFlowUpdate({ updateReason: UpdateReason.Pause });
      const frame = await sessionA.submit('work');
      frame.result().catch(() => {});
      await eventually(() => begun !== undefined, 'the work has begun');
      await a.ping();
      store.run('somebody', () =>
        (begun as OperationContext).session.cancelOperations(preview3.CancelScope.Operation, frame.frameId),
      );
      await eventually(() => seen.has('left'), 'the callbacks have run');
      expect(seen.of('left')).toEqual(['the work']);
    },
  );

  it('is told in the context of the work when a deadline ends it', async () => {
    const seen = new Seen();
    const server = await store.run('bind', () => stage.serve({ deadlines: true }));
    store
      .run('serve', () =>
        server.serve({
          submit: (operation) =>
            new Promise<void>((resolve) => {
              operation.signal.addEventListener('abort', () => {
                seen.note('signal');
                resolve();
              });
            }),
        }),
      )
      .catch(() => {});
    const client = await stage.connect(server);
    const session = await client.openSession();
    await expect((await session.submit('work', { deadlineMs: 5 })).result()).rejects.toThrow();
    await eventually(() => seen.has('signal'), 'the callbacks have run');
    expect(seen.of('signal')).toEqual(['serve']);
  });
});
