import { createServer } from 'node:http';
import { transportCompliance } from 'nnrp-runtime/testing';
import { describe, it } from 'vitest';
import { issue } from '../../nnrp-runtime/test/support/certificates.js';
import { WebSocketListener, webSocketConnector } from '../src/index.js';

const stallTimeoutMs = 1000;
const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });

async function own(address: string) {
  const listener = await WebSocketListener.bind(address, { stallTimeoutMs });
  const connector = webSocketConnector(listener.address, { stallTimeoutMs });
  return { listener, connect: () => connector.connect(), close: () => listener.close() };
}

async function overTls() {
  const tls = { certificateChain: certificate, privateKey: key };
  const listener = await WebSocketListener.bind('wss://127.0.0.1:0/nnrp', { stallTimeoutMs, tls });
  const connector = webSocketConnector(listener.address, { stallTimeoutMs, roots: certificate });
  return { listener, connect: () => connector.connect(), close: () => listener.close() };
}

/** An application that answers what it does not know, as it is asked for upgrades when the listener is closed. */
async function attached() {
  const server = createServer((_, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listener = WebSocketListener.attach({ server, path: '/nnrp' }, { stallTimeoutMs });
  const connector = webSocketConnector(listener.address, { stallTimeoutMs });
  const close = async () => {
    await listener.close();
    server.close();
  };
  return { listener, connect: () => connector.connect(), close };
}

describe.each([
  ['a server of its own', () => own('127.0.0.1:0')],
  ['IPv6', () => own('[::1]:0')],
  ['TLS', overTls],
  ["an application's server", attached],
])('WebSocket over %s', (_, listen) => {
  for (const { name, run } of transportCompliance({ stallTimeoutMs, listen })) it(name, run);
});
