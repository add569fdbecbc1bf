import { createSocket, type Socket } from 'node:dgram';
import type { NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BareClient } from '../support/bare-client.js';
import { QuicStage } from '../support/quic-stage.js';
import type { UdpProxy } from '../support/udp-proxy.js';
import { until } from '../support/until.js';
import { hasToken, isInitial, isRetry } from './initial-packets.js';

const HANDSHAKE_MS = 1000;
/** Handshakes under way from which on a server asks for proof, unless told otherwise. */
const LOAD = 64;
const TOKEN_LIFETIME_MS = 30_000;

const stage = new QuicStage();
let stranger: Socket;
let answers: Buffer[];

beforeEach(() => {
  answers = [];
  stranger = createSocket('udp4', (answer) => answers.push(answer));
});

afterEach(async () => {
  vi.restoreAllMocks();
  stranger.close();
  await stage.clear();
});

/** First datagrams of so many clients that never come back. @returns the largest */
async function knock(server: NnrpServer, times: number): Promise<number> {
  const { host, port } = parseAddress(server.localAddress);
  let largest = 0;
  for (let count = 0; count < times; count++) {
    const first = BareClient.firstDatagram(server.localAddress);
    largest = Math.max(largest, first.length);
    stranger.send(first, port, host);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return largest;
}

/** A client behind a proxy, and the first datagram with a token that it has sent. */
async function proven(server: NnrpServer) {
  const proxy = await stage.proxy(server);
  let withToken: Buffer | undefined;
  proxy.filter = (datagram, direction) => {
    if (direction === 'to-server' && withToken === undefined && hasToken(datagram)) withToken = Buffer.from(datagram);
    return true;
  };
  const client = await stage.connect(proxy.address);
  await client.openSession();
  return { client, proxy, withToken: withToken as Buffer };
}

async function expectAnswered(server: NnrpServer): Promise<void> {
  const session = await (await stage.connect(server.localAddress)).openSession();
  const { body } = await (await session.submit('proven')).result();
  expect(Buffer.from(body).toString()).toBe('proven');
}

describe("retry 'always'", () => {
  it('keeps nothing of a client before it has proved its address, and answers less than it was sent', async () => {
    const server = await stage.echo({ retry: 'always' });
    const largest = await knock(server, 20);
    await until(() => answers.length === 20, 'all of them are answered');
    expect(answers.every(isRetry)).toBe(true);
    expect(Math.max(...answers.map(({ length }) => length))).toBeLessThan(largest);
    expect(stage.inside(server)).toEqual({ handshakes: 0, connections: 0, inModule: 0 });
  });

  it('serves clients, each of which comes back with a token', async () => {
    const server = await stage.echo({ retry: 'always' });
    const { withToken } = await proven(server);
    expect(hasToken(withToken)).toBe(true);
    await expectAnswered(server);
  });

  it('takes no token from another address than the one it was made for', async () => {
    const server = await stage.echo({ retry: 'always' });
    const { client, withToken } = await proven(server);
    await client.close();
    await until(() => stage.inside(server).connections === 0, 'the client is gone');
    const { host, port } = parseAddress(server.localAddress);
    stranger.send(withToken, port, host);
    await until(() => answers.length === 1, 'it is answered');
    // Not by a Retry: the client would not take another one. @see RFC 9000 section 8.1.3
    expect(isInitial(answers[0] as Buffer)).toBe(true);
    expect((answers[0] as Buffer).length).toBeLessThan(withToken.length);
    expect(stage.inside(server).connections).toBe(0);
  });

  it('takes a token for 30 seconds', async () => {
    const server = await stage.echo({ retry: 'always', handshakeTimeoutMs: HANDSHAKE_MS });
    const { client, proxy, withToken } = await proven(server);
    await client.close();
    await until(() => stage.inside(server).connections === 0, 'the client is gone');
    const now = Date.now.bind(Date);
    // Tokens count in seconds.
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + TOKEN_LIFETIME_MS + 1000);
    const refusals = counted(proxy, isInitial);
    proxy.inject(withToken, 'to-server');
    await until(() => refusals() === 1, 'it is refused');
    expect(stage.inside(server).connections).toBe(0);
    clock.mockImplementation(() => now() + TOKEN_LIFETIME_MS - 5000);
    proxy.inject(withToken, 'to-server');
    await until(() => stage.inside(server).handshakes === 1, 'it is taken');
  });
});

/** @returns how many datagrams of this kind have come from the server since */
function counted(proxy: UdpProxy, wanted: (datagram: Buffer) => boolean): () => number {
  let count = 0;
  proxy.filter = (datagram, direction) => {
    if (direction === 'to-client' && wanted(datagram)) count++;
    return true;
  };
  return () => count;
}

describe("retry 'never'", () => {
  it('begins with every client at once', async () => {
    const server = await stage.echo({ retry: 'never' });
    await knock(server, 2 * LOAD);
    await until(() => stage.inside(server).handshakes === 2 * LOAD, 'all of them have begun');
    expect(answers.some(isRetry)).toBe(false);
    await expectAnswered(server);
  });
});

describe("retry 'auto'", () => {
  it('asks for proof when many handshakes are under way, and clients that have it get in', async () => {
    const server = await stage.echo();
    await expectAnswered(server);
    await knock(server, LOAD + 30);
    await until(() => answers.filter(isRetry).length >= 30, 'proof is asked for');
    expect(stage.inside(server).handshakes).toBeLessThanOrEqual(LOAD);
    const { withToken } = await proven(server);
    expect(withToken).toBeDefined();
  });

  it('asks for none when they are over', async () => {
    const server = await stage.echo({ handshakeTimeoutMs: HANDSHAKE_MS });
    await knock(server, LOAD + 1);
    await until(() => answers.some(isRetry), 'proof is asked for');
    await until(() => stage.inside(server).handshakes === 0, 'they are over');
    // Those that have come to nothing count for a second.
    await until(() => stage.handshakeLoad(server) === 0, 'they are forgotten');
    const { withToken } = await proven(server);
    expect(withToken).toBeUndefined();
  });

  it('asks for none of clients that come one after another', async () => {
    const server = await stage.echo();
    for (let count = 0; count < 2 * LOAD; count++) {
      const { client, withToken } = await proven(server);
      expect(withToken).toBeUndefined();
      void client.close();
    }
  });
});
