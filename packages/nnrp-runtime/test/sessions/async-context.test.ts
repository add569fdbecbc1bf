import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClient, NnrpClientSession, OperationContext, ServeHandlers, SubmitOutcome } from '../../src/index.js';
import { preview3 } from '../../src/index.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

/*
 * Whatever makes the runtime call the application, each callback runs with the store of where it was handed over, and with
 * no other: not with that of the client whose packet, pause, end or failure has made room for it.
 */

const store = new AsyncLocalStorage<string>();
const stage = new Stage();
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

/** What was seen, by the name of the callback. */
class Seen {
  private readonly stores: [name: string, store: string | undefined][] = [];

  note(name: string): void {
    this.stores.push([name, store.getStore()]);
  }

  has(name: string): boolean {
    return this.stores.some(([seen]) => seen === name);
  }

  /** Every store with which the callback was called. */
  of(name: string): (string | undefined)[] {
    return this.stores.filter(([seen]) => seen === name).map(([, one]) => one);
  }

  /** Names and stores of all that was not called with this store. */
  others(expected: string): unknown[] {
    return this.stores.filter(([, one]) => one !== expected);
  }

  get size(): number {
    return this.stores.length;
  }
}

/** Works of every kind: each notes where it begins and where it goes on, and leaves a store of its own behind. */
const KINDS: Readonly<Record<string, (operation: OperationContext, seen: Seen, gate: Promise<void>) => SubmitOutcome>> =
  {
    'a result': (_, seen) => {
      seen.note('begins');
      store.enterWith('dirt');
      return 'result';
    },
    'a promise': async (_, seen, gate) => {
      seen.note('begins');
      await gate;
      seen.note('goes on');
      store.enterWith('dirt');
      return 'result';
    },
    'a generator': function* (_, seen) {
      seen.note('begins');
      yield 'part';
      seen.note('goes on');
      yield 'part';
      seen.note('goes on');
      store.enterWith('dirt');
      return 'result';
    },
    'an async generator': async function* (_, seen, gate) {
      seen.note('begins');
      yield 'part';
      seen.note('goes on');
      await gate;
      seen.note('goes on');
      yield 'part';
      seen.note('goes on');
      store.enterWith('dirt');
      return 'result';
    },
  };

/** How a client's work gives its place to another's. */
type MakeRoom = (client: {
  client: NnrpClient;
  session: NnrpClientSession;
  finish: () => void;
  fail: () => void;
  operation: () => OperationContext;
  frame: { cancel(): void };
}) => unknown;

const ROOM: Readonly<Record<string, MakeRoom>> = {
  'its end': ({ finish }) => finish(),
  'its failure': ({ fail }) => fail(),
  'an answer within the call of somebody': ({ operation, finish }) => {
    store.run('somebody', () =>
      operation()
        .complete('done')
        .catch(() => {}),
    );
    finish();
  },
  'a cancel of its client': ({ frame }) => frame.cancel(),
  'a cancel of the server': ({ operation }) =>
    store.run('somebody', () => operation().session.cancelOperations(preview3.CancelScope.Operation, 1)),
  'the end of its connection': ({ client }) => stage.drop(client),
  'a close of its session': ({ session }) => session.close({ inFlightPolicy: preview3.InFlightPolicy.Abort }),
};

async function twoClients(handlers: ServeHandlers, options = {}) {
  const server = await store.run('bind', () => stage.serve({ maxInFlightOperations: 8, drainTimeoutMs: 1000 }));
  store.run('serve', () => server.serve(handlers, options)).catch(() => {});
  const [a, b] = await Promise.all([stage.connect(server), stage.connect(server)]);
  const [sessionA, sessionB] = await Promise.all([a.openSession(), b.openSession()]);
  return { server, a, b, sessionA, sessionB };
}

describe('work of every kind', () => {
  describe.each(Object.entries(KINDS))('that gives %s', (_kind, work) => {
    it('runs in the context of serve() when its packet brings it', async () => {
      const seen = new Seen();
      const { sessionA, sessionB } = await twoClients({
        submit: (operation) => work(operation, seen, Promise.resolve()),
      });
      for (const session of [sessionA, sessionB, sessionA]) await (await session.submit('work')).result();
      expect(seen.of('begins')).toEqual(['serve', 'serve', 'serve']);
      expect(seen.others('serve')).toEqual([]);
    });

    it.each(Object.entries(ROOM))('runs in it when %s of another has made room', async (_name, makeRoom) => {
      const seen = new Seen();
      let first: OperationContext | undefined;
      let finish = () => {};
      let fail = () => {};
      const { a, b, sessionA, sessionB } = await twoClients(
        {
          submit: (operation) => {
            if (first !== undefined) return work(operation, seen, Promise.resolve());
            first = operation;
            store.enterWith('dirt of the first');
            operation.signal.addEventListener('abort', () => finish());
            return new Promise<string>((resolve, reject) => {
              finish = () => resolve('done');
              fail = () => reject(new Error('it failed'));
            });
          },
        },
        { maxConcurrentOperations: 1 },
      );
      const frame = await sessionA.submit('first');
      frame.result().catch(() => {});
      await eventually(() => first !== undefined, 'the work has begun');
      const second = await sessionB.submit('second');
      await b.ping();
      const parts = { client: a, session: sessionA, finish: () => finish(), fail: () => fail(), frame };
      await store.run('whoever makes room', () => makeRoom({ ...parts, operation: () => first as OperationContext }));
      await second.result();
      expect(seen.of('begins')).toEqual(['serve']);
      expect(seen.others('serve')).toEqual([]);
    });

    it('runs in it when a pause of another client has made room', async () => {
      const seen = new Seen();
      let pushed = false;
      const { a, sessionA, sessionB } = await twoClients(
        {
          submit: async function* (operation): AsyncGenerator<string, void> {
            if (pushed) {
              const outcome = await (async () => KINDS['a promise']?.(operation, seen, Promise.resolve()))();
              await operation.complete(outcome as string);
              return;
            }
            pushed = true;
            store.enterWith('dirt of the first');
            for (let part = 0; part < 1000 && !operation.isOver; part++) {
              yield 'part';
              await new Promise((resolve) => setImmediate(resolve));
            }
          },
        },
        { maxConcurrentOperations: 1 },
      );
      a.sendFlowUpdate({ updateReason: UpdateReason.Pause });
      const first = await sessionA.submit('first');
      first.result().catch(() => {});
      await eventually(() => pushed, 'the work has begun');
      await (await sessionB.submit('second')).result();
      expect(seen.others('serve')).toEqual([]);
      expect(seen.has('begins')).toBe(true);
      first.cancel();
    });
  });

  it('keeps the store that it enters, over its own waits, and nobody else has it', async () => {
    const seen = new Seen();
    const { sessionA, sessionB } = await twoClients({
      submit: async (operation) => {
        const name = new TextDecoder().decode(operation.body);
        seen.note('begins');
        store.enterWith(`${name} before`);
        await new Promise((resolve) => setImmediate(resolve));
        seen.note(`${name} waited`);
        store.enterWith(`${name} after`);
        await operation.push('part');
        seen.note(`${name} pushed`);
        return 'result';
      },
    });
    const work = [await sessionA.submit('a'), await sessionB.submit('b'), await sessionA.submit('c')];
    await Promise.all(work.map((operation) => operation.result()));
    expect(seen.of('begins')).toEqual(['serve', 'serve', 'serve']);
    for (const name of ['a', 'b', 'c']) {
      expect(seen.of(`${name} waited`)).toEqual([`${name} before`]);
      expect(seen.of(`${name} pushed`)).toEqual([`${name} after`]);
    }
  });
});

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
    'a close by somebody else': ({ operation }) => store.run('somebody', () => operation.session.close()),
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

describe('other handlers', () => {
  it.each(['at once', 'by a promise'] as const)('run in the context of serve(), answering %s', async (how) => {
    const seen = new Seen();
    const note =
      (name: string, answer: unknown = undefined) =>
      (): never => {
        seen.note(name);
        store.enterWith(`dirt of ${name}`);
        return (how === 'at once' ? answer : Promise.resolve(answer)) as never;
      };
    let finishWork = () => {};
    const handlers: ServeHandlers = {
      submit: () =>
        new Promise<string>((resolve) => {
          store.enterWith('dirt of submit');
          finishWork = () => resolve('done');
        }),
      session: note('session'),
      ended: note('ended'),
      cancel: note('cancel'),
      patch: note('patch', {}),
      migrate: note('migrate', { acceptCode: 1 }),
      cache: note('cache'),
      close: note('close'),
      event: note('event'),
    };
    const server = await store.run('bind', () => stage.serve({ supportedCacheObjects: [1] }));
    store.run('serve', () => server.serve(handlers)).catch(() => {});
    for (const leave of ['close', 'vanish'] as const) {
      const client = await stage.connect(server);
      const session = await client.openSession();
      const operation = await session.submit('work');
      operation.result().catch(() => {});
      operation.cancel();
      session.sendFlowUpdate({ updateReason: UpdateReason.Resume });
      session.sendError(1, 'it failed');
      await session.patch({ qualityTier: 1 });
      await session.patch({ qualityTier: 2 });
      await session.migrateTransport({
        ...session.buildMigrationRequest(carrier.otherTransportId),
        oldTransportId: carrier.transportId,
      });
      await session.putObject({ namespace: 0, key: 1n, kind: 1 }, 'object');
      await session.invalidateObjects({ scope: preview3.CacheInvalidateScope.WholeSession });
      await client.ping();
      finishWork();
      if (leave === 'close') await session.close();
      else await stage.drop(client);
      await eventually(() => seen.of('ended').length === (leave === 'close' ? 1 : 2), 'the callbacks have run');
    }
    for (const name of ['session', 'ended', 'cancel', 'patch', 'migrate', 'cache', 'close', 'event']) {
      expect(seen.has(name), name).toBe(true);
    }
    expect(seen.others('serve')).toEqual([]);
  });
});

describe('a policy', () => {
  it.each(['sync', 'async'] as const)('runs in the context in which the server was made: %s', async (how) => {
    const seen = new Seen();
    const applicationPolicy = {
      validateSessionOpen: () => {
        seen.note('policy');
        store.enterWith('dirt of the policy');
        return how === 'sync' ? undefined : new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));
      },
    };
    const server = await store.run('bind', () => stage.serve({ applicationPolicy }));
    store.run('serve', () => server.serve({ submit: () => void seen.note('submit') })).catch(() => {});
    const clients = await Promise.all([stage.connect(server), stage.connect(server)]);
    for (const client of clients) {
      const sessions = await store.run('caller', () => Promise.all([client.openSession(), client.openSession()]));
      for (const session of sessions) await (await session.submit('work')).result();
    }
    expect(seen.of('policy')).toEqual(['bind', 'bind', 'bind', 'bind']);
    expect(seen.of('submit')).toEqual(['serve', 'serve', 'serve', 'serve']);
  });
});

describe('a listener', () => {
  it.each(['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const)(
    'of the server runs in the context of %s',
    async (add) => {
      const seen = new Seen();
      const applicationPolicy = { validateSessionOpen: () => 4711 };
      const server = await store.run('bind', () => stage.serve({ applicationPolicy }));
      for (const name of ['one', 'two']) {
        store.run(name, () =>
          server[add]('sessionRefused', () => {
            seen.note(name);
            store.enterWith(`dirt of ${name}`);
          }),
        );
      }
      const client = await stage.connect(server);
      for (let times = 0; times < 2; times++) await expect(client.openSession()).rejects.toThrow();
      await eventually(() => seen.size === (add.toLowerCase().includes('once') ? 2 : 4), 'the callbacks have run');
      expect(new Set(seen.of('one'))).toEqual(new Set(['one']));
      expect(new Set(seen.of('two'))).toEqual(new Set(['two']));
    },
  );

  it('of the server runs in its context, whatever failure it is told of', async () => {
    const seen = new Seen();
    const { server, a, sessionB } = await twoClients({
      submit: () => {
        store.enterWith('dirt');
        throw new Error('it failed');
      },
    });
    store.run('listener', () => {
      server.on('handlerFailure', () => seen.note('handlerFailure'));
      server.on('connectionLost', () => seen.note('connectionLost'));
    });
    await expect((await sessionB.submit('work')).result()).rejects.toThrow();
    await stage.drop(a);
    await eventually(() => seen.size === 2, 'the callbacks have run');
    expect(seen.others('listener')).toEqual([]);
  });

  it.each(['on', 'once', 'prependListener'] as const)('of the client runs in the context of %s', async (add) => {
    const seen = new Seen();
    const server = await stage.serve();
    server.serve({ submit: () => '' }).catch(() => {});
    const client = await store.run('connect', () => stage.connect(server));
    store.run('listener', () => {
      client[add]('closed', () => seen.note('closed'));
      client[add]('peerError', () => seen.note('peerError'));
    });
    const session = await store.run('caller', () => client.openSession());
    expect(session.sessionId).toBeGreaterThan(0);
    await store.run('caller', () => client.close());
    await eventually(() => seen.has('closed'), 'the callbacks have run');
    expect(seen.others('listener')).toEqual([]);
  });
});

describe('a server that drains', () => {
  it('starts what waits in the context of serve()', async () => {
    const seen = new Seen();
    let finish = () => {};
    const { server, b, sessionA, sessionB } = await twoClients(
      {
        submit: (operation) => {
          if (operation.body.length === 6) {
            seen.note('second');
            return '';
          }
          return new Promise<string>((resolve) => {
            finish = () => resolve('');
          });
        },
        ended: () => seen.note('ended'),
      },
      { maxConcurrentOperations: 1 },
    );
    const first = await sessionA.submit('first');
    const second = await sessionB.submit('second');
    for (const operation of [first, second]) operation.result().catch(() => {});
    await b.ping();
    const closed = store.run('whoever closes', () => server.close());
    store.run('whoever finishes', () => finish());
    await closed;
    await eventually(() => seen.of('ended').length === 2, 'the callbacks have run');
    expect(seen.has('second')).toBe(true);
    expect(seen.others('serve')).toEqual([]);
  });
});
