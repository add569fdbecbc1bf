import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { isNnrpError, type NnrpError } from 'nnrp-core';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import { parseAddress } from '../../src/transport/address/address.js';
import { issue } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { RawPeer } from '../support/raw-peer.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
const ANY_PORT = '127.0.0.1:0';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Served {
  readonly address: string;
  readonly failures: string[];
}

/** A server without TLS, and what it says of its peers. */
async function plainServer(): Promise<Served> {
  const server = await NnrpServer.bindTcp(ANY_PORT);
  cleanup.push(() => server.close());
  const failures: string[] = [];
  server.on('protocolViolation', ({ error }) => {
    expect(error.isRetryable).toBe(false);
    failures.push(error.rawMessage);
  });
  return { address: server.localAddress, failures };
}

async function tlsServer(): Promise<Served> {
  const failures: string[] = [];
  const onHandshakeFailure = ({ rawMessage, isRetryable }: NnrpError) => {
    expect(isRetryable).toBe(false);
    failures.push(rawMessage.replace(/^127\.0\.0\.1:\d+: /, ''));
  };
  const server = await NnrpServer.bindTls(ANY_PORT, {
    certificateChain: certificate,
    privateKey: key,
    onHandshakeFailure,
  });
  cleanup.push(() => server.close());
  return { address: server.localAddress, failures };
}

/** Something else than a server of NNRP. */
async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const saying = (bytes: string) => listening(createServer((socket) => socket.write(bytes, 'latin1')));

/** How connecting and opening a session fails. */
async function failure(connecting: Promise<NnrpClient>): Promise<NnrpError> {
  try {
    const client = await connecting;
    cleanup.push(() => client.close());
    await client.openSession();
  } catch (error) {
    if (isNnrpError(error)) return error;
    throw error;
  }
  throw new Error('it has a session');
}

const overTls = (address: string) => NnrpClient.connectTls(address, { roots: certificate });

/** Sends bytes to a server and gives all that it answers, as Latin-1. */
async function answerTo(address: string, bytes: string): Promise<string> {
  const socket = connect(parseAddress(address));
  socket.on('error', () => {}).end(Buffer.from(bytes, 'latin1'));
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

describe('a client without TLS', () => {
  it('says that a server speaks TLS, and the server that the client does not', async () => {
    const { address, failures } = await tlsServer();
    const error = await failure(NnrpClient.connectTcp(address));
    expect(error).toMatchObject({ code: 'NNRP_ERR_PROTOCOL', isRetryable: false });
    expect(error.rawMessage).toBe(
      "expected the bytes 'NNRP', got the bytes 15 03 03 00 02 02 46: the peer speaks TLS: use connectTls or nnrps://",
    );
    await eventually(() => failures.length > 0, 'the server has told');
    expect(failures).toEqual([
      expect.stringMatching(
        /^the peer does not speak TLS, got .*: it speaks NNRP, and has to use connectTls or nnrps:\/\/$/,
      ),
    ]);
  });

  it.each([
    ['HTTP', () => listening(createHttp()), '"HTTP/1.1 400 Bad Request": the peer answered with HTTP: '],
    ['HTTP/2', () => listening(createHttp2()), 'the bytes 00 00 .*: the peer speaks HTTP/2, as gRPC does$'],
    ['SSH', () => saying('SSH-2.0-OpenSSH_9.6\r\n'), '"SSH-2.0-OpenSSH_9.6": the peer speaks SSH$'],
    [
      'an alert of TLS',
      () => saying('\x15\x03\x01\0\x02\x02\x16'),
      'the bytes 15 03 .*: the peer speaks TLS: use connectTls or nnrps://$',
    ],
    [
      'something else',
      () => saying('220 mail\x07.example\x1b[2J\r\n'),
      'the bytes 32 32 30 20 6d 61 69 6c 07 2e 65 78 ...$',
    ],
  ])('says that a server speaks %s', async (_what, serve, text) => {
    const error = await failure(NnrpClient.connectTcp(await serve()));
    expect(error).toMatchObject({ code: 'NNRP_ERR_PROTOCOL', isRetryable: false });
    expect(error.rawMessage).toMatch(new RegExp(`^expected the bytes 'NNRP', got ${text}`));
  });
});

describe.each(['preview3', 'preview4'] as const)('a client of %s', (revision) => {
  it.each([{}, { hello: true }])('says at once that a peer sends back what it gets: %j', async (options) => {
    const address = await listening(createServer((socket) => socket.pipe(socket)));
    const error = await failure(NnrpClient.connectTcp(address, { revision, openTimeoutMs: 60_000, ...options }));
    expect(error).toMatchObject({ code: 'NNRP_ERR_PROTOCOL', isRetryable: false });
    expect(error.rawMessage).toBe(`${address} sends back what it gets: it is no server of NNRP`);
  });
});

describe('a client with TLS', () => {
  it('says that a server of NNRP does not speak TLS, and the server that the client does', async () => {
    const { address, failures } = await plainServer();
    const error = await failure(overTls(address));
    expect(error).toMatchObject({ code: 'NNRP_ERR_TRANSPORT', isRetryable: false });
    expect(error.rawMessage).toMatch(
      /: the peer does not speak TLS: .* connectTcp or nnrp:\/\/ \(ERR_SSL_WRONG_VERSION_NUMBER\)$/,
    );
    await eventually(() => failures.length > 0, 'the server has told');
    expect(failures).toEqual([
      expect.stringMatching(
        /^expected the bytes 'NNRP', got the bytes 16 03 01 .*: the peer speaks TLS, .* use bindTls/,
      ),
    ]);
  });

  it.each([
    ['HTTP', () => listening(createHttp())],
    ['SSH', () => saying('SSH-2.0-OpenSSH_9.6\r\n')],
  ])('says that a server of %s does not speak TLS', async (_what, serve) => {
    const error = await failure(overTls(await serve()));
    expect(error).toMatchObject({ code: 'NNRP_ERR_TRANSPORT', isRetryable: false });
    expect(error.rawMessage).toContain('the peer does not speak TLS');
  });
});

const STRANGERS = [
  ['HTTP', 'GET /secret HTTP/1.1\r\nCookie: x\r\n\r\n', '"GET /secret HTTP/1.1"', /HTTP/],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '"PRI * HTTP/2.0"', /HTTP\/2/],
  ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', '"SSH-2.0-OpenSSH_9.6"', /SSH/],
  ['PROXY', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n', '"PROXY TCP4 10.0.0.1 10.0.0.2 1 2"', /PROXY.*load balancer/],
  [
    'what a terminal obeys',
    '\x1b]0;evil\x07'.repeat(900),
    'the bytes 1b 5d 30 3b 65 76 69 6c 07 1b 5d 30 ...',
    /bytes/,
  ],
] as const;

describe.each(STRANGERS)('a stranger that speaks %s', (_what, bytes, shown, text) => {
  it('is named by a server without TLS, and gets nothing of its bytes back', async () => {
    const { address, failures } = await plainServer();
    const answer = await answerTo(address, bytes);
    expect(answer).toContain("expected the bytes 'NNRP'");
    expect(answer).not.toMatch(/secret|evil|PRI|SSH|PROXY/);
    await eventually(() => failures.length > 0, 'the server has told');
    expect(failures).toEqual([expect.stringMatching(text)]);
    expect(failures[0]).toContain(`, got ${shown}`);
    expect(failures[0]?.length).toBeLessThan(300);
  });

  it('is named by a server with TLS, and gets an alert', async () => {
    const { address, failures } = await tlsServer();
    expect(await answerTo(address, bytes)).toBe('\x15\x03\x03\x00\x02\x02\x46');
    await eventually(() => failures.length > 0, 'the server has told');
    expect(failures).toEqual([expect.stringMatching(text)]);
    expect(failures[0]).toContain(`, got ${shown}`);
    expect(failures[0]?.length).toBeLessThan(300);
  });
});

it('bytes behind packets are not shown: they may be of a payload', async () => {
  const { address, failures } = await plainServer();
  const peer = await RawPeer.connect(address);
  cleanup.push(() => peer.destroy());
  await peer.open(1);
  peer.send(Buffer.from('GET /secret HTTP/1.1\r\n\r\n'));
  await eventually(() => failures.length > 0, 'the server has told');
  expect(failures).toEqual(["expected the bytes 'NNRP'"]);
});
