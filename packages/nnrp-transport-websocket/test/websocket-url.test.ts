import { once } from 'node:events';
import { createServer } from 'node:http';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { TcpListener } from 'nnrp-runtime/transport';
import { afterEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { issue } from '../../nnrp-runtime/test/support/certificates.js';
import { WebSocketListener } from '../src/index.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
const tls = { certificateChain: certificate, privateKey: key };
const roots = certificate;

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

function serving(server: NnrpServer): NnrpServer {
  undo.push(() => server.close());
  server.serve({ submit: ({ body }) => body }).catch(() => {});
  return server;
}

async function answer(url: string, config = {}): Promise<string> {
  const client = await NnrpClient.connect(url, config);
  undo.push(() => client.close());
  const session = await client.openSession();
  return (await session.request('by its address')).text();
}

it('addresses name WebSocket once the package has been imported', async () => {
  const server = serving(
    await NnrpServer.listen(['ws://127.0.0.1:0/nnrp', 'wss://127.0.0.1:0', 'nnrp://127.0.0.1:0'], { tls }),
  );
  expect(server.endpoints.map(({ kind }) => kind)).toEqual(['websocket', 'websocket', 'tcp']);
  const [plain = '', secure = ''] = server.endpoints.map(({ localAddress }) => localAddress);
  expect(await answer(plain)).toBe('by its address');
  expect(await answer(secure, { tls: { roots } })).toBe('by its address');
  await expect(NnrpClient.connect(secure)).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
});

it('their options stand under their scheme, and are checked', async () => {
  const server = serving(
    await NnrpServer.listen('wss://127.0.0.1:0/', { transports: { wss: { tls, identify: () => false } } }),
  );
  await expect(answer(server.localAddress, { transports: { wss: { roots } } })).rejects.toThrow(/status 401/);
  await expect(NnrpServer.listen('wss://127.0.0.1:0/')).rejects.toThrow('needs a certificate and its key');
  const asInNode = { tls: { cert: 'x', key: 'y' } } as object;
  await expect(NnrpServer.listen('wss://127.0.0.1:0/', asInNode)).rejects.toThrow(
    "there is no option 'cert'; did you mean certificateChain?",
  );
  await expect(NnrpClient.connect('wss://127.0.0.1:1/', { tls: { ca: 'x' } as object })).rejects.toThrow(
    "there is no option 'ca'; did you mean roots?",
  );
  await expect(NnrpServer.listen('ws://127.0.0.1:0/', { transports: { ws: { origin: 'x' } } })).rejects.toThrow(
    "there is no option 'origin'",
  );
  await expect(NnrpServer.listen('ws://127.0.0.1:0/', { tls })).rejects.toThrow(/tls: it means nothing for ws:/);
  await expect(NnrpServer.listen('ws://127.0.0.1:0/nnrp?x')).rejects.toThrow(/without \?/);
  await expect(NnrpClient.connect('ws://127.0.0.1:1/', { transports: { ws: { headers: 1 } } })).rejects.toThrow(
    'headers: expected an object',
  );
});

it('a query goes to the server, and into no message: it may hold a token', async () => {
  const asked: (string | undefined)[] = [];
  const identify = ({ url }: { url?: string }) => void asked.push(url);
  const server = serving(await NnrpServer.listen('ws://127.0.0.1:0/nnrp', { transports: { ws: { identify } } }));
  const client = await NnrpClient.connect(`${server.localAddress}?token=secret`);
  undo.push(() => client.close());
  expect(asked).toEqual(['/nnrp?token=secret']);
  expect(`${client.remoteAddress} ${JSON.stringify(client)}`).not.toContain('secret');
  const refused = NnrpClient.connect(`${server.localAddress}/other?token=secret`);
  await expect(refused).rejects.toThrow(/status 404/);
  await expect(refused).rejects.not.toThrow(/secret/);
});

it('one server takes an HTTP server of the application along with other listeners', async () => {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  undo.push(() => http.close());
  const server = serving(
    await NnrpServer.listenOn([
      (options) => TcpListener.bind('127.0.0.1:0', options),
      (options) => WebSocketListener.attach({ server: http, path: '/nnrp' }, {}, options),
    ]),
  );
  const [tcp = '', websocket = ''] = server.endpoints.map(({ localAddress }) => localAddress);
  expect(await answer(`nnrp://${tcp}`)).toBe('by its address');
  expect(await answer(websocket)).toBe('by its address');
});

it('a listener is named by its address when it is closed, too', async () => {
  const listener = await WebSocketListener.bind('ws://127.0.0.1:0/nnrp');
  const { address } = listener;
  expect(address).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/nnrp$/);
  await listener.close();
  expect([listener.address, listener.toJSON()['address']]).toEqual([address, address]);
  await expect(listener.accept()).rejects.toThrow(address);
});

it('a server that agrees on no sub-protocol is told of, with what connects to it', async () => {
  const foreign = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
  undo.push(() => foreign.close());
  await once(foreign, 'listening');
  const url = `ws://127.0.0.1:${(foreign.address() as { port: number }).port}/`;
  await expect(NnrpClient.connect(url)).rejects.toMatchObject({
    message: expect.stringMatching(/agrees on no sub-protocol, .*: offerSubprotocol: false connects to them$/),
    isRetryable: false,
  });
  const client = await NnrpClient.connect(url, { transports: { ws: { offerSubprotocol: false } } });
  undo.push(() => client.close());
});
