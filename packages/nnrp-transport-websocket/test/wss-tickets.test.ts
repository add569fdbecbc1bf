import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { NnrpClient, type PeerIdentity } from 'nnrp-runtime';
import { expect, it, onTestFinished } from 'vitest';
import { issue } from '../../nnrp-runtime/test/support/certificates.js';
import { bindWebSocket, webSocketConnector } from '../src/index.js';

it('a client of wss: that connects again goes on with its session of TLS, and knows the server as before', async () => {
  const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
  const https = createServer({ cert: certificate, key });
  await once(https.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void https.close());
  const reused: boolean[] = [];
  https.on('secureConnection', (socket: TLSSocket) => reused.push(socket.isSessionReused()));
  const server = await bindWebSocket({ server: https, path: '/' });
  onTestFinished(() => void server.close());
  server.serve({ submit: (operation) => operation.text() }).catch(() => {});

  const url = `wss://127.0.0.1:${(https.address() as AddressInfo).port}/`;
  const connector = webSocketConnector(url, { roots: certificate });
  const identities: (PeerIdentity | undefined)[] = [];
  const noting = {
    kind: connector.kind,
    async connect(signal?: AbortSignal) {
      const transport = await connector.connect(signal);
      identities.push(transport.peerIdentity);
      return transport;
    },
  };
  for (let i = 0; i < 3; i++) {
    const client = await NnrpClient.connect(noting);
    expect((await (await client.openSession()).request('again')).text()).toBe('again');
    await client.close();
  }
  expect(reused).toEqual([false, true, true]);
  expect(identities[0]).toMatchObject({ authorized: true, subject: 'CN=server' });
  expect(identities).toEqual([identities[0], identities[0], identities[0]]);
});

it('a client of wss: makes a whole handshake at once with a server that refuses its session by an alert', async () => {
  const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
  const https = createServer({ cert: certificate, key });
  await once(https.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void https.close());
  const server = await bindWebSocket({ server: https, path: '/' });
  onTestFinished(() => void server.close());
  server.serve({ submit: (operation) => operation.text() }).catch(() => {});
  let connections = 0;
  https.prependListener('connection', (socket: Socket) => {
    connections++;
    if (connections === 2) socket.end(Uint8Array.of(0x15, 3, 3, 0, 2, 2, 80));
  });
  https.on('tlsClientError', () => {});

  const url = `wss://127.0.0.1:${(https.address() as AddressInfo).port}/`;
  const connector = webSocketConnector(url, { roots: certificate });
  for (let i = 0; i < 2; i++) {
    const client = await NnrpClient.connect(connector);
    expect((await (await client.openSession()).request('again')).text()).toBe('again');
    await client.close();
  }
  expect(connections).toBe(3);
});
