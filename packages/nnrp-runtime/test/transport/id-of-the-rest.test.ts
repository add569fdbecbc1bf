import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { NnrpClient, NnrpServer } from '../../src/index.js';
import { StreamTransport } from '../../src/transport/index.js';

it('the id of a session that has ended while its client was away is given to no other before that has come for the rest', async () => {
  let finish = () => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  server.serve({ submit: () => work.then(() => 'done') });
  const [host, port] = server.localAddress.split(':') as [string, string];
  let socket: Socket | undefined;
  let network = Promise.resolve();
  const client = await NnrpClient.connect({
    kind: 'tcp',
    async connect() {
      await network;
      socket = connect(Number(port), host);
      await once(socket, 'connect');
      return new StreamTransport(socket, { kind: 'tcp', remoteAddress: server.localAddress });
    },
  });
  const session = await client.openSession();
  const operation = await session.submit('work');
  const closing = session.close();
  await client.ping();
  let bringBack = () => {};
  network = new Promise((resolve) => {
    bringBack = resolve;
  });
  const suspended = new Promise((resolve) => server.on('sessionSuspended', resolve));
  socket?.resetAndDestroy();
  await suspended;
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
