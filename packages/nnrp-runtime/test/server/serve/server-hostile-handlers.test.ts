import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { HandlerFailure } from '../../../src/server/contract/server-events.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { UpdateReason } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

async function served(handlers: ServeHandlers, options: { maxConcurrentOperations?: number } = {}) {
  const server = await stage.serve();
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve(handlers, options);
  return { server, peer: await SessionPeer.open(stage, server), failures };
}

/** Fails with something that cannot even be turned into text. */
const voidOfText = Object.create(null);

/** Reading one of these throws. */
function untouchables(): object[] {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const holed = Object.defineProperty({}, 'field', { get: thrower, enumerable: true });
  const circle: Record<string, unknown> = {};
  for (const name of ['left', 'right']) circle[name] = circle;
  return [proxy, holed, circle];
}

function hide(target: object, property: string): void {
  Object.defineProperty(target, property, { get: thrower });
}

function thrower(): never {
  throw new Error('not to be looked at');
}

/** Ways in which a listener of an operation's signal can fail. */
const LISTENERS: [string, (signal: AbortSignal, error: unknown) => void][] = [
  [
    'it throws',
    (signal, error) =>
      signal.addEventListener('abort', () => {
        throw error;
      }),
  ],
  ['its promise rejects', (signal, error) => signal.addEventListener('abort', () => Promise.reject(error))],
  [
    'it is an object',
    (signal, error) =>
      signal.addEventListener('abort', {
        handleEvent() {
          throw error;
        },
      }),
  ],
  [
    'it is assigned',
    (signal, error) => {
      signal.onabort = () => {
        throw error;
      };
    },
  ],
];

describe('a listener of the signal of an operation', () => {
  it.each(LISTENERS)('that fails is told of, and ends nothing: %s', async (_name, listen) => {
    const error = new Error('of the listener');
    let others = 0;
    const submit = ({ signal, frameId }: OperationContext) => {
      if (frameId === 2) return 'fine';
      listen(signal, error);
      signal.addEventListener('abort', () => others++);
      return new Promise<never>(() => {});
    };
    const { peer, failures } = await served({ submit });
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    await eventually(() => failures.length > 0, 'the failure has been told');
    expect(failures).toEqual([{ sessionId: peer.sessionId, frameId: 1, error }]);
    expect(others).toBe(1);
    peer.submit(2);
    expect(await peer.next()).toBe('result 2 fine');
  });

  it('that passes the reason on has not failed', async () => {
    let heard = 0;
    const submit = ({ signal }: OperationContext) => {
      signal.addEventListener('abort', async () => {
        heard++;
        signal.throwIfAborted();
      });
      return new Promise<never>(() => {});
    };
    const { peer, failures } = await served({ submit });
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    await eventually(() => heard > 0, 'the signal has aborted');
    await stage.turns(3);
    expect(failures).toEqual([]);
  });

  it('is called once that was assigned last, and not when it was taken away', async () => {
    const heard: string[] = [];
    const submit = ({ signal }: OperationContext) => {
      const first = () => heard.push('first');
      signal.onabort = first;
      expect(signal.onabort).toBe(first);
      signal.onabort = null;
      expect(signal.onabort).toBeNull();
      signal.onabort = () => heard.push('second');
      signal.onabort = () => heard.push('third');
      return new Promise<never>(() => {});
    };
    const { peer } = await served({ submit });
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    await eventually(() => heard.length > 0, 'the signal has aborted');
    expect(heard).toEqual(['third']);
  });
});

describe('a submit handler', () => {
  it('that freezes its operation keeps no other from hearing of the end', async () => {
    const aborted: number[] = [];
    const submit = (operation: OperationContext) => {
      if (operation.frameId === 1) Object.freeze(operation);
      else operation.signal.addEventListener('abort', () => aborted.push(operation.frameId));
      return new Promise<never>(() => {});
    };
    const { server, peer } = await served({ submit });
    server.on('internalError', () => {});
    for (const frameId of [1, 2, 3]) peer.submit(frameId);
    await eventually(() => server.stats().runningOperations?.value === 3, 'all of them run');
    peer.raw.destroy();
    await eventually(() => aborted.length === 2, 'the others have been told');
  });

  it('that freezes its operation costs its connection, and no place for good', async () => {
    const submit = (operation: OperationContext) => {
      if (operation.frameId === 1) Object.freeze(operation);
      return 'fine';
    };
    const { server, peer } = await served({ submit }, { maxConcurrentOperations: 1 });
    server.on('internalError', () => {});
    peer.submit(1);
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    expect(server.stats().runningOperations?.value).toBe(0);
    const other = await SessionPeer.open(stage, server);
    other.submit(2);
    expect(await other.next()).toBe('result 2 fine');
  });

  it('that yields without ever waiting leaves time for cancels and for everybody else', async () => {
    let yields = 0;
    const submit = async function* (operation: OperationContext) {
      if (operation.frameId === 2) return 'quick';
      // Without an end of its own: only the cancel stops it.
      while (yields < 50_000_000) {
        yields++;
        yield 'x';
      }
      return '';
    };
    const { server, peer } = await served({ submit });
    peer.submit(1);
    peer.raw.socket.resume();
    const other = await SessionPeer.open(stage, server);
    other.submit(2);
    expect(await other.next()).toBe('result 2 quick');
    peer.cancel(1);
    await eventually(() => peer.raw.received.at(-1)?.messageType === preview3.MessageType.ResultDrop, 'the drop');
    const stopped = yields;
    await stage.turns(5);
    expect(yields).toBe(stopped);
  });

  it.each<[string, () => unknown]>([
    [
      'throws it',
      () => {
        throw voidOfText;
      },
    ],
    ['rejects with it', () => Promise.reject(voidOfText)],
    [
      'hides it in a then',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        get then() {
          throw voidOfText;
        },
      }),
    ],
  ])('that fails with what has no text costs its frame and nothing else: %s', async (_name, fail) => {
    const submit = (({ frameId }: OperationContext) => (frameId === 1 ? fail() : 'fine')) as ServeHandlers['submit'];
    const { peer, failures } = await served({ submit }, { maxConcurrentOperations: 1 });
    peer.submit(1);
    expect(await peer.take(2)).toEqual(['error frame 1 internal_error', 'drop 1']);
    peer.submit(2);
    expect(await peer.next()).toBe('result 2 fine');
    expect(failures.map(({ error }) => error)).toEqual([voidOfText]);
  });

  it.each<[string, (failure: unknown) => ServeHandlers]>([
    ['session', (failure) => ({ submit: () => 'fine', session: () => Promise.reject(failure) })],
    [
      'submit',
      (failure) => ({
        submit({ frameId }) {
          if (frameId === 1) throw failure;
          return 'fine';
        },
      }),
    ],
  ])('may fail with what cannot be looked at, and a listener hears of it: %s', async (_name, handlers) => {
    for (const failure of untouchables()) {
      const { server, peer, failures } = await served(handlers(failure));
      const defects: unknown[] = [];
      server.on('internalError', ({ error }) => defects.push(error));
      peer.submit(1);
      peer.submit(2);
      await eventually(() => failures.length === 1 && peer.raw.received.length >= 3, 'the failure and the answers');
      expect(failures[0]?.error === failure).toBe(true);
      expect(() => JSON.stringify(failures[0])).not.toThrow();
      peer.submit(3);
      await eventually(() => peer.raw.received.at(-1)?.frameId === 3, 'the session goes on');
      expect(defects).toEqual([]);
    }
  });

  it('keeps what it throws: the event changes nothing about it', async () => {
    const failure = { tokens: 5n };
    const { peer, failures } = await served({
      submit() {
        throw failure;
      },
    });
    peer.submit(1);
    await eventually(() => failures.length === 1, 'the failure');
    expect(Reflect.ownKeys(failure)).toEqual(['tokens']);
    expect(JSON.stringify(failures[0])).toContain('"tokens":"5"');
  });

  it.each<[string, (promise: Promise<string>) => void]>([
    ['then', (promise) => hide(promise, 'then')],
    ['constructor', (promise) => hide(promise, 'constructor')],
  ])('that returns a promise whose %s throws costs its frame and nothing else', async (_name, tamper) => {
    const submit = ({ frameId }: OperationContext) => {
      const promise = Promise.resolve('fine');
      if (frameId === 1) tamper(promise);
      return promise;
    };
    const { peer, failures } = await served({ submit }, { maxConcurrentOperations: 1 });
    peer.submit(1);
    expect(await peer.take(2)).toEqual(['error frame 1 internal_error', 'drop 1']);
    peer.submit(2);
    expect(await peer.next()).toBe('result 2 fine');
    expect(failures).toHaveLength(1);
  });

  it('that answers twice by a careless promise has one place and one answer', async () => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: what is tested
      then(resolve: (value: string) => void) {
        resolve('once');
        resolve('twice');
      },
    };
    let running = 0;
    let most = 0;
    const submit = (operation: OperationContext) => {
      if (operation.frameId === 1) return thenable as PromiseLike<string>;
      running++;
      most = Math.max(most, running);
      return operation.finished.then(() => {
        running--;
      });
    };
    const { peer } = await served({ submit }, { maxConcurrentOperations: 1 });
    for (const frameId of [1, 2, 3]) peer.submit(frameId);
    expect(await peer.next()).toBe('result 1 once');
    expect(await peer.answers()).toEqual([]);
    expect(most).toBe(1);
  });

  it.each([
    ['a list', [1, 2, 3]],
    ['a map', new Map()],
    ['an object of another kind', { bodi: 'x' }],
    ['shared memory', new SharedArrayBuffer(2)],
    ['null', null],
  ])('that returns %s has failed', async (_name, value) => {
    const { peer, failures } = await served({ submit: () => value as never });
    peer.submit(1);
    expect(await peer.take(2)).toEqual(['error frame 1 internal_error', 'drop 1']);
    expect(failures[0]?.error).toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('need not await what it pushes: a cancel is no unhandled rejection', async () => {
    let operation: OperationContext | undefined;
    const submit = (context: OperationContext) => {
      operation = context;
      return context.finished;
    };
    const { peer } = await served({ submit });
    peer.submit(1);
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    void operation?.push('late');
    void operation?.complete('late');
    void operation?.drop();
    await stage.turns(3);
    expect(await peer.answers()).toEqual([]);
  });

  it('whose client has paused gives its place to others', async () => {
    const submit = async function* ({ frameId }: OperationContext) {
      yield `part of ${frameId}`;
      return 'done';
    };
    const { server, peer } = await served({ submit }, { maxConcurrentOperations: 1 });
    peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
    peer.submit(1);
    expect(await peer.answers()).toEqual([]);
    const other = await SessionPeer.open(stage, server);
    other.submit(1);
    expect(await other.take(2)).toEqual(['partial 1 part of 1', 'result 1 done']);
    peer.flow({ creditEpoch: 2, updateReason: UpdateReason.Resume });
    expect(await peer.take(2)).toEqual(['partial 1 part of 1', 'result 1 done']);
  });
});
