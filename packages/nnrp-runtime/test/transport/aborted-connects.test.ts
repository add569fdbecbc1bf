import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connectQuic } from '../../../nnrp-transport-quic/src/index.js';
import { quicCarrier } from '../../../nnrp-transport-quic/test/support/quic-carrier.js';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import { issue } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { tcpCarrier } from '../support/tcp-carrier.js';
import { tlsCarrier } from '../support/tls-carrier.js';

const { certificate } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** Takes connections and says nothing. */
async function silentServer() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {}).resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(
    () => server.close(),
    () => sockets.map((socket) => socket.destroy()),
  );
  return { sockets, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Timers that keep the process alive. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

const WAYS = [
  ['connectTcp', (to: string, signal: AbortSignal) => NnrpClient.connectTcp(to, { signal })],
  ['connectTls', (to: string, signal: AbortSignal) => NnrpClient.connectTls(to, { roots: certificate }, { signal })],
  ['connectQuic', (to: string, signal: AbortSignal) => connectQuic(to, { roots: certificate }, { signal })],
] as const;

describe.each(WAYS)('%s', (name, connect) => {
  it('rejects with the reason of a signal that has aborted, and connects to nothing', async () => {
    const { sockets, address } = await silentServer();
    const before = timers();
    const reason = new Error('not wanted');
    await expect(connect(address, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect([timers(), sockets.length]).toEqual([before, 0]);
  });

  it('rejects with the reason at once when the signal aborts, and leaves no timer', async () => {
    const { address } = await silentServer();
    const before = timers();
    const controller = new AbortController();
    const connecting = connect(address, controller.signal);
    const reason = { any: 'value' };
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    await eventually(() => timers() <= before, 'no timer is left');
  });

  it('refuses a signal that is none', async () => {
    const wrong = connect('127.0.0.1:1', {} as AbortSignal);
    await expect(wrong).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE', message: expect.stringMatching(/signal/) });
    expect(name).toMatch(/^connect/);
  });
});

it('a handshake of TLS that is given up closes its socket', async () => {
  const { sockets, address } = await silentServer();
  const controller = new AbortController();
  const connecting = NnrpClient.connectTls(address, { roots: certificate }, { signal: controller.signal });
  await eventually(() => sockets.length === 1 && sockets[0]!.bytesRead > 0, 'the handshake has begun');
  controller.abort();
  await expect(connecting).rejects.toMatchObject({ name: 'AbortError' });
  await eventually(() => sockets[0]!.closed, 'the socket is closed');
});

const CARRIERS = [
  ['TCP', async () => tcpCarrier],
  ['TLS', tlsCarrier],
  ['QUIC', async () => quicCarrier],
] as const;

describe.each(CARRIERS)('over %s', (_name, made) => {
  it('a signal that aborts later means nothing to the client and the session', async () => {
    const carrier = await made();
    const server = await carrier.bind();
    cleanup.push(() => server.close());
    server.serve({ submit: ({ body }) => body }).catch(() => {});
    const controller = new AbortController();
    const { signal } = controller;
    const client = await carrier.openClient(server.localAddress, { signal });
    cleanup.push(() => client.close());
    const session = await client.openSession({ signal });
    controller.abort();
    expect((await session.request('still here')).text()).toBe('still here');
  });

  it('an open that is given up while the server decides is closed there when its answer comes', async () => {
    const carrier = await made();
    let decide = (_taken: boolean): void => {};
    let asked = 0;
    const authorize = () => {
      asked++;
      return new Promise<boolean>((resolve) => {
        decide = resolve;
      });
    };
    const server = await carrier.bind({ authorize });
    cleanup.push(() => server.close());
    server.serve({ submit: ({ body }) => body }).catch(() => {});
    const client = await carrier.openClient(server.localAddress);
    cleanup.push(() => client.close());
    const controller = new AbortController();
    const opening = client.openSession({ signal: controller.signal });
    await eventually(() => asked === 1, 'the server is asked');
    controller.abort('changed my mind');
    await expect(opening).rejects.toBe('changed my mind');
    decide(true);
    const next = client.openSession();
    await eventually(() => asked === 2, 'the next one has its turn');
    decide(true);
    expect((await (await next).request('alone')).text()).toBe('alone');
    await eventually(() => server.sessionCount === 1, 'the other one is closed');
  });
});

it('an open that waits for its turn is taken out of the line', async () => {
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  cleanup.push(() => server.close());
  const client = await NnrpClient.connectTcp(server.localAddress);
  cleanup.push(() => client.close());
  const controller = new AbortController();
  const first = client.openSession();
  const second = client.openSession({ signal: controller.signal });
  controller.abort();
  await expect(second).rejects.toMatchObject({ name: 'AbortError' });
  await first;
  await client.openSession();
  expect(server.sessionCount).toBe(2);
  await expect(client.openSession({ signal: AbortSignal.abort('before') })).rejects.toBe('before');
  await expect(client.openSession({ signal: 1 as never })).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  expect(server.sessionCount).toBe(2);
});
