import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { NnrpClient, NnrpServer } from '../../src/index.js';
import { StreamTransport } from '../../src/transport/index.js';

/** A server whose work waits for `finish`, and a client of it whose network is gone from `lose` to `bringBack`. */
async function stage(resumeWindowMs: number) {
  let finish = () => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { resumeWindowMs });
  server.serve({ submit: () => work.then(() => 'done') });
  const [host, port] = server.localAddress.split(':') as [string, string];
  let socket: Socket | undefined;
  let network = Promise.resolve();
  let bringBack = () => {};
  const client = await NnrpClient.connect({
    kind: 'tcp',
    async connect() {
      await network;
      socket = connect(Number(port), host);
      await once(socket, 'connect');
      return new StreamTransport(socket, { kind: 'tcp', remoteAddress: server.localAddress });
    },
  });
  const lose = async () => {
    await client.ping();
    network = new Promise((resolve) => {
      bringBack = resolve;
    });
    const suspended = new Promise((resolve) => server.on('sessionSuspended', resolve));
    socket?.resetAndDestroy();
    await suspended;
  };
  return { server, client, finish: () => finish(), lose, bringBack: () => bringBack() };
}

it('the id of a session that has ended while its client was away is given to no other before that has come for the rest', async () => {
  const { server, client, finish, lose, bringBack } = await stage(120_000);
  const session = await client.openSession();
  const operation = await session.submit('work');
  const closing = session.close();
  await lose();
  finish();
  await expect.poll(() => server.suspendedCount).toBe(0);

  const other = await NnrpClient.connectTcp(server.localAddress);
  expect((await other.openSession()).ack.sessionId).not.toBe(session.ack.sessionId);
  bringBack();
  expect((await operation.result()).text()).toBe('done');
  expect(await closing).toEqual({ drained: true, cut: [] });
  await Promise.all([client.close(), other.close()]);
  await server.close();
});

it('the id of a session that nobody has come for is free again, whatever was kept for it', async () => {
  const { server, client, finish, lose } = await stage(300);
  const session = await client.openSession();
  const operation = await session.submit('work');
  operation.result().catch(() => {});
  const expired = new Promise((resolve) => server.on('sessionExpired', resolve));
  await lose();
  finish();
  await expired;

  const other = await NnrpClient.connectTcp(server.localAddress);
  expect((await other.openSession()).ack.sessionId).toBe(session.ack.sessionId);
  await Promise.all([client.close(), other.close()]);
  await server.close();
});
