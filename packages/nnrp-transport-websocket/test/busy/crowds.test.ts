import { createConnection, type Socket } from 'node:net';
import { NnrpClient } from 'nnrp-runtime';
import { afterEach, expect, it } from 'vitest';
import { issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { bindWebSocket } from '../../src/index.js';
import { dialUpgraded } from '../upgrading.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

it.each([
  ['of one address', { maxHandshakes: 100, maxHandshakesPerAddress: 2 }],
  ['in all', { maxHandshakes: 2, maxHandshakesPerAddress: 0 }],
])('lets all of a crowd over TLS in, one after the other, whatever there may be %s', async (_what, limits) => {
  const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
  const failures: string[] = [];
  const server = await bindWebSocket('wss://127.0.0.1:0/nnrp', {
    ...limits,
    tls: { certificateChain: certificate, privateKey: key },
    onHandshakeFailure: ({ rawMessage }) => failures.push(rawMessage),
  });
  undo.push(() => server.close());
  server.serve({ submit: (operation) => operation.text() }).catch(() => {});
  const answers = Array.from({ length: 30 }, async (_, index) => {
    const client = await NnrpClient.connect(server.localAddress, { tls: { roots: certificate }, reconnect: 'never' });
    undo.push(() => client.close());
    const session = await client.openSession();
    return (await session.request(`${index}`)).text();
  });
  expect(await Promise.all(answers)).toEqual(answers.map((_, index) => `${index}`));
  const { waitingWebSocketHandshakes } = server.stats();
  expect([failures, waitingWebSocketHandshakes?.value]).toEqual([[], 0]);
});

it('keeps what one that waits has sent, and ends those that wait when it is closed', async () => {
  const server = await bindWebSocket('ws://127.0.0.1:0/', { maxHandshakes: 1 });
  const waiting = () => server.stats().waitingWebSocketHandshakes?.value;
  const silent = await connected(server.localAddress);
  await expect.poll(() => server.stats().webSocketHandshakes?.value).toBe(1);
  const upgraded = dialUpgraded(server.localAddress);
  await expect.poll(waiting).toBe(1);
  silent.destroy();
  (await upgraded).on('error', () => {});
  const held = [await connected(server.localAddress), await connected(server.localAddress)];
  await expect.poll(waiting).toBe(1);
  await server.close();
  await expect.poll(() => held.every(({ closed }) => closed)).toBe(true);
});

async function connected(url: string): Promise<Socket> {
  const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
  undo.push(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket.on('error', () => {}).resume();
}
