import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
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
