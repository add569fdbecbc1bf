import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import type { FramedConnector } from '../../src/transport/contract/contract.js';
import { MemoryListener } from '../../src/transport/memory.js';
import { TcpConnector } from '../../src/transport/tcp/tcp.js';
import { eventually } from '../support/eventually.js';
import { MovingStage, streaming, unmoved } from './moving-stage.js';

let stage = new MovingStage();
const open: Server[] = [];
afterEach(async () => {
  await stage.clear();
  stage = new MovingStage();
  for (const server of open.splice(0)) server.close();
});

async function listening(came: (socket: Socket) => void): Promise<string> {
  const server = createServer(came);
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('a move that the server does not allow', () => {
  it('by its handler leaves everything where it was', async () => {
    const place = await stage.serve({}, { migrate: () => ({}) });
    const streams = await streaming(stage, place);
    await expect(streams.client.migrate(place.asQuic)).rejects.toMatchObject({
      code: 'NNRP_ERR_PEER',
      wireCode: 1,
      rawMessage: 'migrate: the server was asked: the server does not let session 1 move (accept_code 1)',
    });
    await unmoved(stage, streams, place);
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
    const streams = await streaming(stage, place);
    await expect(streams.client.migrate(place.asQuic)).rejects.toMatchObject({
      code: 'NOT_NOW',
      rawMessage: 'migrate: the server was asked: the night shift is asleep',
    });
    await unmoved(stage, streams, place);
  });

  it('because it grants no time for moves', async () => {
    const place = await stage.serve({ migrationGraceMs: 0 });
    const streams = await streaming(stage, place);
    await expect(streams.client.migrate(place.asQuic)).rejects.toMatchObject({ wireCode: 1 });
    await unmoved(stage, streams, place);
  });

  it('when it is asked to resume the session: its policy says no', async () => {
    const place = await stage.serve({ authorize: (_open, { resumes }) => resumes === undefined });
    const streams = await streaming(stage, place);
    for (const connector of [place.tls, place.asQuic]) {
      await expect(streams.client.migrate(connector)).rejects.toMatchObject({
        code: 'NNRP_ERR_SESSION_REFUSED',
        rawMessage: expect.stringMatching(/^migrate: the sessions were not resumed: the server refuses the session/),
      });
    }
    await unmoved(stage, streams, place);
  });

  it('may be made again, and succeed', async () => {
    let isAllowed = false;
    const place = await stage.serve({}, { migrate: () => (isAllowed ? { acceptCode: 0, graceWindowMs: 5000 } : {}) });
    const streams = await streaming(stage, place);
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
    const streams = await streaming(stage, place);
    await expect(streams.client.migrate(connector())).rejects.toMatchObject({
      code,
      rawMessage: expect.stringMatching(said),
    });
    await unmoved(stage, streams, place);
  });

  it('which ends connections before it answers leaves everything where it was', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    const address = await listening((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(streams.client.migrate(new TcpConnector(address))).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: expect.stringMatching(/^migrate: the sessions were not resumed/),
    });
    await unmoved(stage, streams, place);
  });

  it('which says nothing leaves everything where it was', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place, { openTimeoutMs: 150, pingTimeoutMs: 5000 });
    const address = await listening((socket) => socket.on('error', () => {}).resume());
    await expect(streams.client.migrate(new TcpConnector(address))).rejects.toMatchObject({
      code: 'NNRP_ERR_TIMEOUT',
      rawMessage: 'migrate: the sessions were not resumed: no answer to SESSION_OPEN within 150 ms',
    });
    await unmoved(stage, streams, place);
  });

  it('which is another server, and knows nothing of the session, leaves everything where it was', async () => {
    const place = await stage.serve();
    const other = await stage.serve();
    const streams = await streaming(stage, place);
    await expect(streams.client.migrate(other.tcp)).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED' });
    await unmoved(stage, streams, place);
  });

  it('within the time that the server gives leaves everything where it was', async () => {
    const place = await stage.serve({}, { migrate: () => ({ acceptCode: 0, graceWindowMs: 60 }) });
    const streams = await streaming(stage, place);
    const slow = nothing(() => new Promise(() => {}));
    await expect(streams.client.migrate({ ...slow, kind: 'quic' })).rejects.toMatchObject({
      code: 'NNRP_ERR_TIMEOUT',
      rawMessage: 'migrate: no connection came about: the server has given 60 ms for it',
    });
    await unmoved(stage, streams, place);
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
    await expect(client.migrate({} as never)).rejects.toThrow(
      "migrate: expected a FramedConnector, such as new TcpConnector('HOST:PORT'), got an object",
    );
    await expect(client.migrate(place.tls, { signal: 5 } as never)).rejects.toThrow('signal takes an AbortSignal');
    await expect(client.migrate(place.tls, { nothing: 1 } as never)).rejects.toThrow('nothing');
  });

  it('because it is away says so', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place, { reconnectBackoffMs: 5000 });
    streams.sockets[0]?.resetAndDestroy();
    await eventually(() => streams.heard.includes('suspended'), 'it is away');
    await expect(streams.client.migrate(place.tls)).rejects.toThrow(
      'nothing was begun: the connection is lost at the moment',
    );
    for (const operation of streams.operations) operation.cancel();
    await Promise.allSettled(streams.reading);
  });
});
