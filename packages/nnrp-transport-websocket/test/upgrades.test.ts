import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { NnrpError } from 'nnrp-core';
import { NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { issue } from '../../nnrp-runtime/test/support/certificates.js';
import { eventually } from '../../nnrp-runtime/test/support/eventually.js';
import { bindWebSocket, connectWebSocket, type WebSocketServerOptions } from '../src/index.js';
import { connectTo, readHead, upgradeRequest } from './upgrading.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function serving(options: WebSocketServerOptions = {}, config: NnrpServerOptions = {}, where = '127.0.0.1:0') {
  const server = await bindWebSocket(where, options, config);
  undo.push(() => server.close());
  server.serve({ submit: (operation) => operation.text() }).catch(() => {});
  return server;
}

async function status(url: string, headers: Record<string, string | undefined> = {}, path = new URL(url).pathname) {
  const socket = await connectTo(url);
  undo.push(() => socket.destroy());
  socket.on('error', () => {});
  socket.write(upgradeRequest(path, { host: new URL(url).host, ...headers }));
  const head = await readHead(socket);
  return Number(head.split(' ')[1]);
}

/** Alone, in a segment of its own. */
function sent(socket: Socket, byte: number): Promise<void> {
  return new Promise((resolve) => socket.write(Uint8Array.of(byte), () => resolve()));
}

async function answer(url: string, options = {}): Promise<string> {
  const client = await connectWebSocket(url, options);
  undo.push(() => client.close());
  const session = await client.openSession();
  return (await session.request('over WebSocket')).text();
}

describe('a server of its own', () => {
  it('says where it listens as a URL that a client takes', async () => {
    const server = await serving({}, {}, 'ws://127.0.0.1:0/nnrp');
    expect(server.localAddress).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/nnrp$/);
    expect(await answer(server.localAddress)).toBe('over WebSocket');
  });

  it('answers anything but an upgrade at its path', async () => {
    const { localAddress } = await serving({}, {}, 'ws://127.0.0.1:0/nnrp');
    expect(await status(localAddress, {}, '/other')).toBe(404);
    expect(await status(localAddress, {}, 'http://127.0.0.1/other')).toBe(404);
    expect(await status(localAddress, {}, 'http://127.0.0.1/nnrp?of=a-proxy')).toBe(101);
    expect(await status(localAddress, {}, '/nnrp?token=1')).toBe(101);
    expect(await status(localAddress, { upgrade: 'h2c' })).toBe(400);
    expect(await status(localAddress, { 'sec-websocket-version': '12' })).toBe(400);
    expect(await status(localAddress, { 'sec-websocket-key': undefined })).toBe(400);
    expect(await status(localAddress, { upgrade: undefined, connection: 'close' })).toBe(426);
  });

  it.each<[string, (request: string) => string, RegExp]>([
    // Its browsers tell the origin of a page in a header of its own.
    [
      'a draft',
      (text) => text.replace('-version: 13', '-version: 8'),
      /^HTTP\/1.1 400 .*sec-websocket-version: 13\r/is,
    ],
    ['version 13.0', (text) => text.replace('-version: 13', '-version: 13.0'), /^HTTP\/1.1 400 /],
    ['HTTP/1.0', (text) => text.replace('HTTP/1.1', 'HTTP/1.0'), /^HTTP\/1.1 400 /],
    ['no host', (text) => text.replace(/host:.*\r\n/, ''), /^HTTP\/1.1 400 /],
    ['two keys', (text) => text.replace(/(sec-websocket-key:.*\r\n)/, '$1$1'), /^HTTP\/1.1 400 /],
    ['a body', (text) => text.replace('host:', 'content-length: 5\r\nhost:').concat('hello'), /^HTTP\/1.1 400 /],
    ['chunks', (text) => text.replace('host:', 'transfer-encoding: chunked\r\nhost:'), /^HTTP\/1.1 400 /],
    ['another method', (text) => text.replace('GET', 'POST'), /^HTTP\/1.1 405 .*allow: GET\r/is],
  ])('refuses an upgrade with %s', async (_, changed, expected) => {
    const { localAddress } = await serving();
    const socket = await connectTo(localAddress);
    undo.push(() => socket.destroy());
    socket.write(changed(upgradeRequest('/')));
    expect(`${await readHead(socket)}\r\n`).toMatch(expected);
  });

  it('takes an upgrade that comes byte by byte, in any case, and with a length of 0', async () => {
    const { localAddress } = await serving();
    const socket = await connectTo(localAddress);
    undo.push(() => socket.destroy());
    const odd = { upgrade: 'WebSocket', connection: 'keep-alive, UPGRADE', 'Content-Length': '0' };
    for (const byte of Buffer.from(upgradeRequest('/', odd))) await sent(socket, byte);
    expect(await readHead(socket)).toMatch(/^HTTP\/1.1 101 /);
  });

  it.each([
    [{ origins: ['app.example'] }, /origins: .*https:\/\/app\.example/],
    [{ origins: 'https://app.example' as never }, /origins: expected a list/],
    [{ identify: true as never }, /identify: expected a function/],
    [{ maxHandshakes: -1 }, /maxHandshakes/],
    [{ compress: true } as never, /no option 'compress'/],
  ])('refuses options that cannot work: %o', async (options, message) => {
    await expect(serving(options)).rejects.toThrow(message);
  });

  it('refuses a port that is taken, and wss without a certificate', async () => {
    const { localAddress } = await serving();
    const taken = bindWebSocket(new URL(localAddress).host);
    await expect(taken).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT', message: /cannot listen on .*EADDRINUSE/ });
    await expect(bindWebSocket('wss://127.0.0.1:0/')).rejects.toThrow(/wss: needs the option tls/);
  });
});

describe('the origin of a page', () => {
  it('is the host that was asked, unless others are allowed; other clients have none', async () => {
    const { localAddress } = await serving();
    const { host } = new URL(localAddress);
    expect(await status(localAddress)).toBe(101);
    expect(await status(localAddress, { origin: `http://${host}` })).toBe(101);
    for (const origin of [
      'https://evil.example',
      'null',
      'http://127.0.0.1:1',
      `http://${host}.evil.example`,
      'file://',
    ])
      expect([origin, await status(localAddress, { origin })]).toEqual([origin, 403]);
    expect(await status(localAddress, { origin: 'https://app.example', host: 'app.example' })).toBe(101);
    expect(await status(localAddress, { origin: 'https://app.example', host: 'app.example:443' })).toBe(101);
  });

  it('must have come by https where the server itself speaks TLS: others may have written the page', async () => {
    const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
    const tls = { certificateChain: certificate, privateKey: key };
    const { localAddress } = await serving({ tls }, {}, 'wss://127.0.0.1:0/');
    const { host } = new URL(localAddress);
    expect(await answer(localAddress, { roots: certificate, origin: `https://${host}` })).toBe('over WebSocket');
    const plain = answer(localAddress, { roots: certificate, origin: `http://${host}` });
    await expect(plain).rejects.toThrow(/status 403/);
  });

  it('may be one of a list, and then no other', async () => {
    const failures: string[] = [];
    const { localAddress } = await serving({
      origins: ['https://app.example', 'null'],
      onHandshakeFailure: ({ message }) => failures.push(message),
    });
    expect(await status(localAddress, { origin: 'https://APP.example' })).toBe(101);
    expect(await status(localAddress, { origin: 'null' })).toBe(101);
    expect(await status(localAddress, { origin: 'https://app.example:8443' })).toBe(403);
    expect(await status(localAddress, { origin: `http://${new URL(localAddress).host}` })).toBe(403);
    expect(failures.join()).toMatch(/127\.0\.0\.1:\d+: 403: .*https:\/\/app\.example:8443/);
  });

  it("may be any, or what the application's function says", async () => {
    const any = await serving({ origins: '*' });
    expect(await status(any.localAddress, { origin: 'https://evil.example' })).toBe(101);
    const late = await serving({ origins: (async () => Promise.reject(new Error('no database'))) as never });
    expect(await status(late.localAddress, { origin: 'https://a.example' })).toBe(500);
    const some = await serving({ origins: (origin) => origin.endsWith('.example') });
    expect(await status(some.localAddress, { origin: 'https://a.example' })).toBe(101);
    expect(await status(some.localAddress, { origin: 'https://a.test' })).toBe(403);
  });
});

describe('the sub-protocol', () => {
  it('is agreed on where it is offered, and refused where only others are', async () => {
    const { localAddress } = await serving();
    const websocket = new WebSocket(localAddress, ['other', 'nnrp.1']);
    await once(websocket, 'open');
    expect(websocket.protocol).toBe('nnrp.1');
    expect(websocket.extensions).toBe('');
    websocket.terminate();
    expect(await status(localAddress, { 'sec-websocket-protocol': 'other' })).toBe(400);
  });

  it('may be required', async () => {
    const { localAddress } = await serving({ requireSubprotocol: true });
    expect(await status(localAddress)).toBe(400);
    expect(await status(localAddress, { 'sec-websocket-protocol': 'nnrp.1' })).toBe(101);
    await expect(connectWebSocket(localAddress, { offerSubprotocol: false })).rejects.toThrow(/status 400: .*nnrp\.1/);
    expect(await answer(localAddress)).toBe('over WebSocket');
  });
});

describe('the identity of a peer', () => {
  it('is what the application says of the request, and the policy sees it', async () => {
    const seen: unknown[] = [];
    const authorize = (_open: unknown, { peerIdentity }: { readonly peerIdentity?: unknown }) =>
      seen.push(peerIdentity) > 0;
    const identify = async ({ headers }: IncomingMessage) =>
      headers.authorization === undefined ? undefined : { subject: headers.authorization, claims: { plan: 'free' } };
    const { localAddress } = await serving({ identify }, { authorize });
    await answer(localAddress, { headers: { authorization: 'alice' } });
    await answer(localAddress);
    expect(seen).toEqual([{ authorized: true, subject: 'alice', claims: { plan: 'free' } }, undefined]);
  });

  it('may be refused; an error of the application, or too long a wait, refuses as well', async () => {
    const answers: Record<string, () => unknown> = {
      no: () => false,
      thrown: () => {
        throw new Error('mistake');
      },
      rejected: () => Promise.reject(new Error('mistake')),
      odd: () => 'alice',
      list: () => [],
      unknown: () => ({ user: 'alice' }),
      // A text is truthy: a policy that looks at `authorized` would let the client in.
      word: () => ({ authorized: 'false' }),
      bytes: () => ({ certificateDer: 'MII' }),
      never: () => new Promise(() => {}),
    };
    const { localAddress } = await serving({
      identify: ({ url = '' }) => answers[url.slice(2)]?.() as undefined,
      handshakeTimeoutMs: 500,
    });
    const statuses = Object.keys(answers).map((name) => status(localAddress, {}, `/?${name}`));
    expect(await Promise.all(statuses)).toEqual([401, 500, 500, 500, 500, 500, 500, 500, Number.NaN]);
  });
});

describe('what has become of an upgrade', () => {
  const failures: string[] = [];
  const onHandshakeFailure = ({ rawMessage }: NnrpError) => failures.push(rawMessage.replace(/^[\d.:]+: /, ''));
  beforeEach(() => void failures.splice(0));

  it('is told once, also where it was none: garbage, a head that is too long, a peer without TLS', async () => {
    const plain = await serving({ onHandshakeFailure });
    for (const [text, expected] of [
      ['NNRP\0\0\0\0', /^HTTP\/1.1 400 /],
      [upgradeRequest(`/${'a'.repeat(20_000)}`), /^HTTP\/1.1 431 /],
      [upgradeRequest('/other'), /^HTTP\/1.1 404 /],
    ] as const) {
      const socket = await connectTo(plain.localAddress);
      socket.on('error', () => {});
      socket.write(text);
      expect(await readHead(socket)).toMatch(expected);
      socket.destroy();
    }
    const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
    const tls = { certificateChain: certificate, privateKey: key };
    const sealed = await serving({ tls, onHandshakeFailure }, {}, 'wss://127.0.0.1:0/');
    const socket = await connectTo(sealed.localAddress);
    socket.on('error', () => {}).resume();
    socket.write(upgradeRequest('/'));
    await eventually(() => failures.length === 4, 'all are told');
    expect(failures).toEqual([
      expect.stringMatching(/^400: expected a request of HTTP \(HPE_\w+\)$/),
      '431: expected a request of HTTP (HPE_HEADER_OVERFLOW)',
      '404: NNRP is not spoken at this path',
      expect.stringMatching(/^the peer speaks HTTP without TLS \(ERR_SSL_HTTP_REQUEST\)$/),
    ]);
  });

  it('is told once where the peer leaves, or its time is up, while identify has not answered', async () => {
    const waiting: ((error: Error) => void)[] = [];
    const { localAddress } = await serving({
      identify: () => new Promise((_, reject) => waiting.push(reject)),
      handshakeTimeoutMs: 500,
      onHandshakeFailure,
    });
    const [leaves, stays] = [await connectTo(localAddress), await connectTo(localAddress)];
    for (const socket of [leaves, stays])
      socket
        .on('error', () => {})
        .resume()
        .write(upgradeRequest('/'));
    await eventually(() => waiting.length === 2, 'both are asked about');
    leaves.resetAndDestroy();
    await eventually(() => failures.length === 2, 'both are told');
    for (const reject of waiting) reject(new Error('too late'));
    // Another one comes behind whatever these two have set off.
    expect(await status(localAddress, {}, '/other')).toBe(404);
    await eventually(() => failures.length > 2, 'the third one is told');
    expect(failures).toEqual([
      'it has left before its upgrade was complete',
      'no WebSocket upgrade within 500 ms',
      '404: NNRP is not spoken at this path',
    ]);
  });
});

describe("an application's server", () => {
  async function attached(options: WebSocketServerOptions = {}) {
    const http = createServer((_, response) => response.end('page'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    undo.push(() => http.close());
    const server = await bindWebSocket({ server: http, path: '/nnrp' }, options);
    undo.push(() => server.close());
    server.serve({ submit: (operation) => operation.text() }).catch(() => {});
    return { http, server };
  }

  it('goes on with its requests and with upgrades at other paths', async () => {
    const { http, server } = await attached();
    const others: string[] = [];
    http.on('upgrade', ({ url = '' }: IncomingMessage, socket) => {
      if (url === '/nnrp') return;
      others.push(url);
      socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n');
    });
    expect(server.localAddress).toMatch(/\/nnrp$/);
    expect(await answer(server.localAddress)).toBe('over WebSocket');
    expect(await status(server.localAddress, { upgrade: 'chat' }, '/chat')).toBe(101);
    expect(others).toEqual(['/chat']);
    const got = request(server.localAddress.replace('ws:', 'http:')).end();
    const [response] = (await once(got, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  it('refuses upgrades that nothing listens to, and foreign origins', async () => {
    const { server } = await attached();
    expect(await status(server.localAddress, {}, '/chat')).toBe(404);
    expect(await status(server.localAddress, { origin: 'https://evil.example' })).toBe(403);
  });

  it('is left alone when the NNRP server closes', async () => {
    const { http, server } = await attached();
    const { localAddress } = server;
    await server.close();
    expect(http.listening).toBe(true);
    expect(http.listenerCount('upgrade')).toBe(0);
    await expect(connectWebSocket(localAddress)).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });
});

describe('a client', () => {
  it.each([
    ['http://127.0.0.1/', {}, /expected a URL such as ws:/],
    ['ws://user:secret@127.0.0.1/', {}, /user or password/],
    ['ws://127.0.0.1/', { roots: 'x' }, /roots: it means nothing/],
    ['ws://127.0.0.1/', { headers: { 'Sec-WebSocket-Key': 'x' } }, /belongs to the upgrade/],
    ['ws://127.0.0.1/', { headers: { a: 'b\r\nc: d' } }, /headers: a is no header/],
    ['ws://127.0.0.1/#x', {}, /fragment/],
  ])('refuses %s with %o', async (url, options, message) => {
    await expect(connectWebSocket(url, options)).rejects.toThrow(message);
  });

  it('says why there is no connection', async () => {
    const { localAddress } = await serving();
    await expect(connectWebSocket('ws://127.0.0.1:1/')).rejects.toThrow(/cannot connect to ws:.*ECONNREFUSED/);
    await expect(connectWebSocket(`${localAddress}other`)).rejects.toThrow(/status 404: NNRP is not spoken/);
  });

  it('says when its server speaks no TLS, shows a certificate that is not trusted, or speaks no HTTP', async () => {
    const plain = await serving();
    const { certificate, key } = await issue({ name: 'CN=unknown', ips: ['127.0.0.1'] });
    const tls = { certificateChain: certificate, privateKey: key };
    const encrypted = await serving({ tls }, {}, 'wss://127.0.0.1:0/');
    const other = await NnrpServer.bindTcp('127.0.0.1:0');
    undo.push(() => other.close());
    for (const [url, why] of [
      [plain.localAddress.replace('ws:', 'wss:'), /does not speak TLS: .* by ws: \(ERR_SSL_WRONG_VERSION_NUMBER\)$/],
      [encrypted.localAddress, /the certificate of the peer .* \((DEPTH_ZERO|UNABLE_TO|SELF_SIGNED)\w+\)$/],
      [`ws://${other.localAddress}/`, /the peer does not speak HTTP \(HPE_\w+\)$/],
    ] as const)
      await expect(connectWebSocket(url)).rejects.toMatchObject({ message: why, isRetryable: false });
  });

  it.each([
    ['28', /: the peer refuses the handshake: nothing in common, .* \(ERR_SSL_\w+_HANDSHAKE_FAILURE\)$/],
    ['46', /: the peer speaks no version of TLS that is allowed here \(ERR_SSL_\w+_VERSION\)$/],
  ])('says what the alert of a server means, and does not try again: 0x%s', async (alert, message) => {
    const refusing = createTcpServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end(Buffer.from(`150303000202${alert}`, 'hex')));
    });
    refusing.listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    undo.push(() => refusing.close());
    const url = `wss://127.0.0.1:${(refusing.address() as { port: number }).port}/`;
    await expect(connectWebSocket(url)).rejects.toMatchObject({ message, isRetryable: false });
  });

  it('gives up in time, and when it is told to', async () => {
    const silent = createServer();
    // Half an answer is none.
    silent.on('upgrade', (_request, socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101'));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    undo.push(
      () => silent.closeAllConnections(),
      () => silent.close(),
    );
    const url = `ws://127.0.0.1:${(silent.address() as { port: number }).port}/`;
    await expect(connectWebSocket(url, { connectTimeoutMs: 100 })).rejects.toThrow(/has not answered the upgrade/);
    const signal = AbortSignal.timeout(50);
    await expect(connectWebSocket(url, {}, { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('refuses a header that was not awaited, whose own failure comes later and ends no process', async () => {
    const token = Promise.reject(new Error('no token'));
    const headers = { authorization: token as unknown as string };
    await expect(connectWebSocket('ws://127.0.0.1:1/', { headers })).rejects.toThrow(/authorization is no header/);
  });
});
