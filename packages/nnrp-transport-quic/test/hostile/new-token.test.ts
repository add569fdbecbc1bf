import { createSocket, type Socket } from 'node:dgram';
import type { NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { QuicConnector } from '../../src/quic-connector.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';
import { QuicStage } from '../support/quic-stage.js';
import type { UdpProxy } from '../support/udp-proxy.js';
import { until } from '../support/until.js';
import { hasToken, isRetry } from './initial-packets.js';

const TOKEN_LIFETIME_MS = 24 * 60 * 60 * 1000;
/** Tokens count in seconds: what a server gives in the second it begins in is not told from what one before it has given. */
const SECOND_MS = 1000;

const stage = new QuicStage();
let stranger: Socket;
let answers: Buffer[];
let nowMs: number;

beforeEach(() => {
  answers = [];
  stranger = createSocket('udp4', (answer) => answers.push(answer));
  nowMs = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
});

afterEach(async () => {
  stranger.close();
  await stage.clear();
  vi.restoreAllMocks();
});

/** What goes by when a connector connects through a proxy. */
interface Seen {
  /** The first datagram. */
  readonly first: Buffer;
  readonly retries: number;
}

class Visitor {
  private constructor(
    private readonly server: NnrpServer,
    private readonly proxy: UdpProxy,
    private readonly connector: QuicConnector,
  ) {}

  static async of(server: NnrpServer): Promise<Visitor> {
    const proxy = await stage.proxy(server);
    return new Visitor(server, proxy, stage.connector(proxy.address));
  }

  /** A connection with a session, closed again. Its token has come then: it is in front of the answer. */
  async visit(): Promise<Seen> {
    let first: Buffer | undefined;
    let retries = 0;
    this.proxy.filter = (datagram, direction) => {
      if (direction === 'to-server') first ??= Buffer.from(datagram);
      else if (isRetry(datagram)) retries++;
      return true;
    };
    const client = await stage.connectBy(this.connector);
    const session = await client.openSession();
    expect((await session.request('proven')).text()).toBe('proven');
    await client.close();
    await until(() => stage.inside(this.server).connections === 0, 'the client is gone');
    return { first: first as Buffer, retries };
  }
}

describe('NEW_TOKEN', () => {
  it('lets a client that comes again in at once, each time', async () => {
    const server = await stage.echo({ retry: 'always' });
    nowMs += SECOND_MS;
    const visitor = await Visitor.of(server);
    const seen = [await visitor.visit(), await visitor.visit(), await visitor.visit()];
    expect(seen.map(({ retries }) => retries)).toEqual([1, 0, 0]);
    expect(seen.map(({ first }) => hasToken(first))).toEqual([false, true, true]);
  });

  it('is taken once: who shows it again is asked for proof', async () => {
    const server = await stage.echo({ retry: 'always' });
    nowMs += SECOND_MS;
    const visitor = await Visitor.of(server);
    await visitor.visit();
    const { first } = await visitor.visit();
    const { host, port } = parseAddress(server.localAddress);
    stranger.send(first, port, host);
    await until(() => answers.length === 1, 'it is answered');
    expect(isRetry(answers[0] as Buffer)).toBe(true);
    expect(stage.inside(server)).toEqual({ handshakes: 0, connections: 0, inModule: 0 });
  });

  it('is of no use after a day, and does no harm', async () => {
    const server = await stage.echo({ retry: 'always' });
    nowMs += SECOND_MS;
    const visitor = await Visitor.of(server);
    await visitor.visit();
    nowMs += TOKEN_LIFETIME_MS + SECOND_MS;
    const late = await visitor.visit();
    expect([hasToken(late.first), late.retries]).toEqual([true, 1]);
    nowMs += TOKEN_LIFETIME_MS - SECOND_MS;
    expect((await visitor.visit()).retries).toBe(0);
  });

  it('is not taken when a server before this one may have given it', async () => {
    const server = await stage.echo({ retry: 'always' });
    const visitor = await Visitor.of(server);
    await visitor.visit();
    const again = await visitor.visit();
    expect([hasToken(again.first), again.retries]).toEqual([true, 1]);
  });

  it('is remembered to have been used when the certificate is renewed', async () => {
    const server = await stage.echo({ retry: 'always' });
    nowMs += SECOND_MS;
    const visitor = await Visitor.of(server);
    await visitor.visit();
    const { first } = await visitor.visit();
    server.renew(QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0', { retry: 'always' }).config);
    const { host, port } = parseAddress(server.localAddress);
    stranger.send(first, port, host);
    await until(() => answers.length === 1, 'it is answered');
    expect(isRetry(answers[0] as Buffer)).toBe(true);
  });

  it("is not given where nobody is asked, with retry 'never'", async () => {
    const server = await stage.echo({ retry: 'never' });
    nowMs += SECOND_MS;
    const visitor = await Visitor.of(server);
    const seen = [await visitor.visit(), await visitor.visit()];
    expect(seen.map(({ first, retries }) => [hasToken(first), retries])).toEqual([
      [false, 0],
      [false, 0],
    ]);
  });
});
