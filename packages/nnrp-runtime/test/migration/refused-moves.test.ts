import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as passing } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import type { FramedConnector, FramedTransport } from '../../src/transport/contract/contract.js';
import { MemoryListener } from '../../src/transport/memory.js';
import { TcpConnector } from '../../src/transport/tcp/tcp.js';
import { eventually } from '../support/eventually.js';
import { type MovingServer, MovingStage, readCount } from './moving-stage.js';

let stage = new MovingStage();
const open: Server[] = [];
afterEach(async () => {
  await stage.clear();
  stage = new MovingStage();
  for (const server of open.splice(0)) server.close();
});

/** A client with two streams in progress, by a connection that the test can cut. */
async function streaming(place: MovingServer, config = {}) {
  const sockets: Socket[] = [];
  const client = await stage.client(
    place.own('tcp', (socket) => sockets.push(socket)),
    config,
  );
  const session = await client.openSession();
  const operations = await Promise.all([session.submit('one'), session.submit('two')]);
  const reading = operations.map(readCount);
  const heard: string[] = [];
  for (const name of ['suspended', 'resumed', 'migrated', 'lost', 'closed'] as const)
    client.on(name, () => heard.push(name));
  return { client, session, operations: operations as ClientOperation[], reading, heard, sockets };
}

/** Everything is where it was, and goes on. */
async function unmoved({ client, reading, heard }: Awaited<ReturnType<typeof streaming>>, place: MovingServer) {
  expect(client.remoteAddress).toBe(place.address(0));
  await passing(20);
  expect(heard).toEqual([]);
  await eventually(() => place.server.connectionCount === 1, 'one connection is left');
  stage.isGoing = false;
  expect(await Promise.all(reading)).toEqual(['whole', 'whole']);
  expect([stage.ledger.suspended, stage.ledger.defects]).toEqual([[], []]);
}

async function listening(came: (socket: Socket) => void): Promise<string> {
  const server = createServer(came);
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('a move that the server does not allow', () => {
  it('by its handler leaves everything where it was', async () => {
    const place = await stage.serve({}, { migrate: () => ({}) });
    const streams = await streaming(place);
    await expect(streams.client.migrate(place.asQuic)).rejects.toMatchObject({
      code: 'NNRP_ERR_PEER',
      wireCode: 1,
      rawMessage: 'migrate: the server was asked: the server does not let session 1 move (accept_code 1)',
    });
    await unmoved(streams, place);
  });

  it('because its handler has failed on purpose, with its code', async () => {
    const place = await stage.serve(
      {},
      {
        migrate: () => {
          throw new HandlerError('NOT_NOW', 'the night shift is asleep');
        },
      },
    );
    const streams = await streaming(place);
    await expect(streams.client.migrate(place.asQuic)).rejects.toMatchObject({
      code: 'NOT_NOW',
      rawMessage: 'migrate: the server was asked: the night shift is asleep',
    });
    await unmoved(streams, place);
  });

  it('because it grants no time for moves', async () => {
    const place = await stage.serve({ migrationGraceMs: 0 });
    const streams = await streaming(place);
    await expect(streams.client.migrate(place.asQuic)).rejects.toMatchObject({ wireCode: 1 });
    await unmoved(streams, place);
  });

  it('when it is asked to resume the session: its policy says no', async () => {
    const place = await stage.serve({ authorize: (_open, { resumes }) => resumes === undefined });
    const streams = await streaming(place);
    for (const connector of [place.tls, place.asQuic]) {
      await expect(streams.client.migrate(connector)).rejects.toMatchObject({
        code: 'NNRP_ERR_SESSION_REFUSED',
        rawMessage: expect.stringMatching(/^migrate: the sessions were not resumed: the server refuses the session/),
      });
    }
    await unmoved(streams, place);
  });

  it('may be made again, and succeed', async () => {
    let isAllowed = false;
    const place = await stage.serve({}, { migrate: () => (isAllowed ? { acceptCode: 0, graceWindowMs: 5000 } : {}) });
    const streams = await streaming(place);
    await expect(streams.client.migrate(place.asQuic)).rejects.toThrow();
    isAllowed = true;
    await streams.client.migrate(place.asQuic);
    expect(streams.heard).toEqual(['migrated']);
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
  });
});

describe('a move to a place that is not there', () => {
  const nothing = (connect: () => unknown): FramedConnector => ({ kind: 'own', connect: connect as never });

  it.each([
    [
      'refuses connections',
      () => new TcpConnector('127.0.0.1:1'),
      'NNRP_ERR_TRANSPORT',
      /no connection came about: cannot connect/,
    ],
    [
      'throws',
      () =>
        nothing(() => {
          throw new Error('it broke');
        }),
      'NNRP_ERR_TRANSPORT',
      /no connection came about: it broke/,
    ],
    [
      'is no transport',
      () => nothing(async () => 'x'),
      'NNRP_ERR_USAGE',
      /no connection came about: connect: expected a FramedTransport/,
    ],
  ])('which %s leaves everything where it was', async (_, connector, code, said) => {
    const place = await stage.serve();
    const streams = await streaming(place);
    await expect(streams.client.migrate(connector())).rejects.toMatchObject({
      code,
      rawMessage: expect.stringMatching(said),
    });
    await unmoved(streams, place);
  });

  it('which ends connections before it answers leaves everything where it was', async () => {
    const place = await stage.serve();
    const streams = await streaming(place);
    const address = await listening((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(streams.client.migrate(new TcpConnector(address))).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: expect.stringMatching(/^migrate: the sessions were not resumed/),
    });
    await unmoved(streams, place);
  });

  it('which says nothing leaves everything where it was', async () => {
    const place = await stage.serve();
    const streams = await streaming(place, { openTimeoutMs: 150, pingTimeoutMs: 5000 });
    const address = await listening((socket) => socket.on('error', () => {}).resume());
    await expect(streams.client.migrate(new TcpConnector(address))).rejects.toMatchObject({
      code: 'NNRP_ERR_TIMEOUT',
      rawMessage: 'migrate: the sessions were not resumed: no answer to SESSION_OPEN within 150 ms',
    });
    await unmoved(streams, place);
  });

  it('which is another server, and knows nothing of the session, leaves everything where it was', async () => {
    const place = await stage.serve();
    const other = await stage.serve();
    const streams = await streaming(place);
    await expect(streams.client.migrate(other.tcp)).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED' });
    await unmoved(streams, place);
  });

  it('within the time that the server gives leaves everything where it was', async () => {
    const place = await stage.serve({}, { migrate: () => ({ acceptCode: 0, graceWindowMs: 60 }) });
    const streams = await streaming(place);
    const slow = nothing(() => new Promise(() => {}));
    await expect(streams.client.migrate({ ...slow, kind: 'quic' })).rejects.toMatchObject({
      code: 'NNRP_ERR_TIMEOUT',
      rawMessage: 'migrate: no connection came about: the server has given 60 ms for it',
    });
    await unmoved(streams, place);
  });
});

describe('a move during which', () => {
  it('the old connection is lost before the new one is there is given up; the sessions are resumed as ever', async () => {
    const place = await stage.serve();
    const streams = await streaming(place);
    let late: (transport: FramedTransport) => void = () => {};
    let aborted: AbortSignal | undefined;
    const moving = streams.client.migrate({
      kind: 'own',
      connect: (signal) => {
        aborted = signal;
        return new Promise((resolve) => {
          late = resolve;
        });
      },
    });
    await passing(20);
    streams.sockets[0]?.resetAndDestroy();
    await expect(moving).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: 'migrate: no connection came about: the connection was lost meanwhile',
    });
    expect(aborted?.aborted).toBe(true);
    late(await place.tcp.connect());
    await eventually(() => streams.heard.includes('resumed'), 'it is back');
    await eventually(() => place.server.connectionCount === 1, 'what came too late is gone');
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
    expect(streams.heard).toEqual(['suspended', 'resumed']);
  });

  it('the old connection is lost while the server thinks succeeds all the same', async () => {
    let letGo: (yes: boolean) => void = () => {};
    const place = await stage.serve({
      authorize: (_open, { resumes }) =>
        resumes === undefined ||
        new Promise<boolean>((resolve) => {
          letGo = resolve;
        }),
    });
    const streams = await streaming(place);
    const moving = streams.client.migrate(place.tls);
    await eventually(() => place.server.connectionCount === 2, 'the new connection is there');
    await passing(30);
    streams.sockets[0]?.resetAndDestroy();
    await passing(30);
    letGo(true);
    expect(await moving).toMatchObject({ sessions: 1, to: { remoteAddress: place.address(1) } });
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
    expect(streams.heard).toEqual(['migrated']);
  });

  it('the new connection is lost when one session has gone there goes on by another such connection', async () => {
    const place = await stage.serve();
    const streams = await streaming(place);
    const others = await Promise.all([1, 2, 3].map(() => streams.client.openSession()));
    const more = await Promise.all(others.map((session, index) => session.submit(`other ${index}`)));
    const reading = [...streams.reading, ...more.map(readCount)];
    const sockets: Socket[] = [];
    let resumed = 0;
    // The others are asked for when the client has heard of the first.
    place.server.on('sessionResumed', () => {
      if (++resumed === 2) sockets[0]?.resetAndDestroy();
    });
    const report = await streams.client.migrate(place.own('own', (socket) => sockets.push(socket)));
    expect([report.sessions, sockets.length]).toEqual([4, 2]);
    stage.isGoing = false;
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']));
    expect(streams.heard).toEqual(['migrated']);
    expect([...stage.ledger.handled.values()]).toEqual([1, 1, 1, 1, 1]);
  });

  it('the new connection is lost together with the answer fails; the sessions are resumed where they were', async () => {
    const place = await stage.serve();
    const streams = await streaming(place);
    const sockets: Socket[] = [];
    place.server.once('sessionResumed', () => sockets[0]?.resetAndDestroy());
    await expect(streams.client.migrate(place.own('own', (socket) => sockets.push(socket)))).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
    });
    await eventually(() => streams.heard.includes('resumed'), 'it is back');
    expect([streams.sockets.length, sockets.length]).toEqual([2, 1]);
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
    expect([...stage.ledger.handled.values()]).toEqual([1, 1]);
  });

  it('another one is asked for refuses that one alone', async () => {
    const place = await stage.serve();
    const streams = await streaming(place);
    const moving = streams.client.migrate(place.tls);
    await expect(streams.client.migrate(place.tcp)).rejects.toMatchObject({
      code: 'NNRP_ERR_USAGE',
      rawMessage: 'migrate: nothing was begun: a migration is under way already',
    });
    await moving;
    expect(streams.client.remoteAddress).toBe(place.address(1));
  });

  it('the client is closed is given up, at every step', async () => {
    for (const step of ['connect', 'resume'] as const) {
      let asked = false;
      const place = await stage.serve({
        authorize: (_open, { resumes }) => {
          if (resumes === undefined) return true;
          asked = true;
          return new Promise<boolean>(() => {});
        },
      });
      const streams = await streaming(place, { closeTimeoutMs: 25_000 });
      const never = {
        kind: 'own',
        connect: () => {
          asked = true;
          return new Promise<never>(() => {});
        },
      };
      const moving = streams.client.migrate(step === 'connect' ? never : place.tls);
      moving.catch(() => {});
      await eventually(() => asked, `step ${step} has come`);
      const ended = Promise.allSettled(streams.reading);
      const startMs = performance.now();
      await streams.client.close({ drainTimeoutMs: 0 });
      await expect(moving).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
      await ended;
      // The server's answers are read: nothing had to be given up for want of them.
      expect(performance.now() - startMs).toBeLessThan(10_000);
      await eventually(() => place.server.connectionCount === 0, 'no connection is left');
      expect(streams.heard).toEqual(['closed']);
    }
  });

  it('the signal aborts is given up with its reason, and everything stays where it was', async () => {
    const place = await stage.serve();
    const streams = await streaming(place);
    const reason = new Error('another idea');
    await expect(streams.client.migrate(place.tls, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const moving = streams.client.migrate(
      { kind: 'own', connect: () => new Promise(() => {}) },
      { signal: abort.signal },
    );
    await passing(5);
    abort.abort(reason);
    await expect(moving).rejects.toBe(reason);
    await unmoved(streams, place);
  });
});

describe('a client that cannot move', () => {
  it.each([
    ['recovers nothing', { reconnect: 'never' } as const, /cannot resume its sessions/],
    ['does not announce itself', { announce: false }, /cannot resume its sessions/],
  ])('because it %s says so', async (_, config, said) => {
    const place = await stage.serve();
    const client = await stage.client(place.tcp, config);
    await client.openSession();
    await expect(client.migrate(place.tls)).rejects.toMatchObject({
      code: 'NNRP_ERR_USAGE',
      rawMessage: expect.stringMatching(said),
    });
  });

  it('because it was not told how to connect says so', async () => {
    const place = await stage.serve();
    const client = NnrpClient.fromTransport(await place.tcp.connect());
    await client.openSession();
    await expect(client.migrate(place.tls)).rejects.toThrow('cannot resume its sessions');
    await client.close();
  });

  it('because its server hands out no tokens says so', async () => {
    const place = await stage.serve({ resumeWindowMs: 0 });
    const client = await stage.client(place.tcp);
    await client.openSession();
    await expect(client.migrate(place.tls)).rejects.toThrow(
      'session 1 cannot be resumed: the server has given no token',
    );
  });

  it('because it has no session, or is closed, says so', async () => {
    const place = await stage.serve();
    const client = await stage.client(place.tcp);
    await expect(client.migrate(place.tls)).rejects.toThrow('there is no session to move: connect anew');
    await client.close();
    await expect(client.migrate(place.tls)).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('because of what it is given says so', async () => {
    const place = await stage.serve();
    const client = await stage.client(place.tcp);
    await expect(client.migrate(new MemoryListener() as never)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await expect(client.migrate({} as never)).rejects.toThrow('expected a FramedConnector');
    await expect(client.migrate(place.tls, { signal: 5 } as never)).rejects.toThrow('signal takes an AbortSignal');
    await expect(client.migrate(place.tls, { nothing: 1 } as never)).rejects.toThrow('nothing');
  });

  it('because it is away says so', async () => {
    const place = await stage.serve();
    const streams = await streaming(place, { reconnectBackoffMs: 5000 });
    streams.sockets[0]?.resetAndDestroy();
    await eventually(() => streams.heard.includes('suspended'), 'it is away');
    await expect(streams.client.migrate(place.tls)).rejects.toThrow(
      'nothing was begun: the connection is lost at the moment',
    );
    for (const operation of streams.operations) operation.cancel();
    await Promise.allSettled(streams.reading);
  });
});
