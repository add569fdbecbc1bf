import { expect, it } from 'vitest';
import { NnrpClient, NnrpServer } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';

it('a client that closes in good order leaves nothing behind to be resumed', async () => {
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  void server.serve({ submit: (operation) => operation.text() });
  const client = await NnrpClient.connectTcp(server.localAddress);
  const session = await client.openSession();
  expect((await session.request('ping')).text()).toBe('ping');
  await client.close();
  await eventually(() => server.connectionCount === 0, 'the connection is gone');
  expect([server.sessionCount, server.suspendedCount, server.stats().suspendedSessions?.value]).toEqual([0, 0, 0]);
  await server.close();
});

it('a client that closes while the server does not answer leaves nothing behind either', async () => {
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  const client = await NnrpClient.connectTcp(server.localAddress, { closeTimeoutMs: 100 });
  await client.openSession();
  await server.accept();
  await client.close({ inFlightPolicy: 1, drainTimeoutMs: 0 });
  await eventually(() => server.connectionCount === 0, 'the connection is gone');
  expect([server.sessionCount, server.suspendedCount]).toEqual([0, 0]);
  await server.close();
});
