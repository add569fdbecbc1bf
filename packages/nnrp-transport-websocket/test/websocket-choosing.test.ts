import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { expect, it } from 'vitest';
import { issue } from '../../nnrp-runtime/test/support/certificates.js';
import { eventually } from '../../nnrp-runtime/test/support/eventually.js';
import { atEnd, Relay } from '../../nnrp-runtime/test/transport/url/ways.js';
import '../src/index.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
const tls = { certificateChain: certificate, privateKey: key };
const config = { tls: { roots: certificate } };

async function serve() {
  const server = await NnrpServer.listen(['wss://127.0.0.1:0/', 'nnrps://127.0.0.1:0'], { tls });
  atEnd(() => server.close());
  server.serve({ submit: ({ body }) => body });
  const [webSocket = '', tcp = ''] = server.endpoints.map(({ localAddress }) => localAddress);
  return { server, webSocket, tcp: `nnrps://${tcp}` };
}

async function transportTo(addresses: string[], options = {}) {
  const client = await NnrpClient.connect(addresses, { ...config, ...options });
  atEnd(() => client.close());
  const session = await client.openSession();
  expect((await session.request('hello')).text()).toBe('hello');
  return client.toJSON()['transport'];
}

it('a proxy that lets no WebSocket through is left for TLS, and TLS that is blocked for WebSocket', async () => {
  const { server, webSocket, tcp } = await serve();
  const proxy = createServer({ cert: certificate, key }, (_request, response) => response.writeHead(403).end());
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  atEnd(() => proxy.close());
  const refused = `wss://127.0.0.1:${(proxy.address() as AddressInfo).port}/`;
  expect(await transportTo([refused, tcp])).toBe('tcp');
  await expect(
    NnrpClient.connect([refused, tcp], { ...config, transportPolicy: { force: 'websocket' } }),
  ).rejects.toThrow(/127\.0\.0\.1/);

  const blocked = await Relay.before(tcp);
  blocked.mode = 'be silent';
  expect(await transportTo([blocked.address, webSocket])).toBe('websocket');
  await eventually(() => blocked.clients.size === 0, 'the blocked attempt is closed');
  expect(server.connectionCount).toBe(2);
});

it('WebSocket can be preferred and forced, although preview3 has no word for it', async () => {
  const { webSocket, tcp } = await serve();
  for (const transportPolicy of [{ prefer: 'websocket' }, { force: 'websocket' }])
    expect(await transportTo([tcp, webSocket], { transportPolicy, hello: true })).toBe('websocket');
});
