import { afterEach, describe, expect, it } from 'vitest';
import type { ServeHandlers } from '../../src/index.js';
import { preview3 } from '../../src/index.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { Seen, stage, store, twoClients } from './context-clients.js';

afterEach(() => stage.clear());

const { UpdateReason } = preview3;

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
        oldTransportId: carrier.transportId || preview3.TransportId.Quic,
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
