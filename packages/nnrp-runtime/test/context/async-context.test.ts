import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClient, NnrpClientSession, OperationContext, SubmitOutcome } from '../../src/index.js';
import { preview3 } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { Seen, stage, store, twoClients } from './context-clients.js';

/*
 * Whatever makes the runtime call the application, each callback runs with the store of where it was handed over, and with
 * no other: not with that of the client whose packet, pause, end or failure has made room for it.
 */

afterEach(() => stage.clear());

const { UpdateReason } = preview3;

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
