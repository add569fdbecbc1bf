import { ProtocolError, TransportError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { NnrpClient, NnrpClientOptions } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { bytesOf, hexOf } from '../../../nnrp-runtime/test/support/wire-packets.js';
import { type QuicClientEndpointOptions, QuicConnector, QuicProvider } from '../../src/index.js';
import {
  GOLDEN_CLOSE,
  GOLDEN_CLOSE_ACK,
  GOLDEN_OPEN,
  GOLDEN_OPEN_ACK,
  resultBytes,
} from '../support/golden-packets.js';
import { patterned } from '../support/patterned.js';
import { DenoConnection, type DenoOptions, soon } from './deno-connection.js';
import { describeWithDeno } from './describe-with-deno.js';

const { MessageType } = preview3;
const utf8 = (text: string) => new TextEncoder().encode(text);
const MIB = 1024 * 1024;
/** Its sessions are opened by the bytes of the reference client. */
const PLAIN = { announce: false, closeTimeoutMs: 5000 };

const root = await issue({ name: 'CN=root', authority: true });
const server = await issue({
  name: 'CN=server',
  issuer: root,
  ips: ['127.0.0.1', '::1'],
  dns: ['localhost'],
  use: 'server',
});

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

describeWithDeno('a server by another QUIC library', (deno) => {
  async function listen(hostname = '127.0.0.1', options: Partial<DenoOptions> = {}) {
    const { certificate: cert, key } = server;
    const listener = await DenoConnection.listen(deno(), { hostname, cert, key, ...options });
    cleanup.push(() => deno().ask('closeEndpoint', { endpoint: listener.endpoint }));
    return listener;
  }

  async function connected(
    hostname = '127.0.0.1',
    options: QuicClientEndpointOptions = {},
    config: NnrpClientOptions = PLAIN,
  ) {
    const listener = await listen(hostname.replace('localhost', '127.0.0.1').replace(/[[\]]/g, ''));
    const accepting = DenoConnection.accept(deno(), listener);
    const address = `${hostname}:${listener.port}`;
    const client = await QuicProvider.connect(address, { roots: root.certificate, ...options }, config);
    cleanup.push(() => client.close());
    const peer = await accepting;
    cleanup.push(() => peer.close());
    return { client, peer: await peer.acceptStream(), listener };
  }

  /** With session 1. */
  async function opened(client: NnrpClient, peer: DenoConnection) {
    const opening = client.openSession({ requestedSessionId: 1, defaultDeadlineMs: 500 });
    expect(hexOf(bytesOf(await peer.next()))).toBe(hexOf(GOLDEN_OPEN));
    await peer.send(GOLDEN_OPEN_ACK);
    return soon(opening, 'the session');
  }

  /** Submits, and is sent the same back. */
  async function echoed(client: NnrpClient, peer: DenoConnection, body: Uint8Array = utf8('prompt')) {
    const session = await opened(client, peer);
    const [submit, operation] = await Promise.all([peer.next(), session.submit(body)]);
    expect([submit.messageType, submit.sessionId, submit.frameId]).toEqual([MessageType.FrameSubmit, 1, 1]);
    expect(Buffer.compare(submit.body, body)).toBe(0);
    await Promise.all([
      peer.send(resultBytes(1, submit.body)),
      soon(operation.result(), 'the result').then((result) => {
        expect(result.metadata).toMatchObject({ statusCode: 0, payloadFrameCount: 1 });
        expect(Buffer.compare(result.body, body)).toBe(0);
      }),
    ]);
    return session;
  }

  for (const [way, hostname, options, name] of [
    ['IPv4', '127.0.0.1', {}, null],
    ['IPv6', '[::1]', {}, null],
    ['a DNS name', 'localhost', {}, 'localhost'],
    ['an address, for a name of its own', '127.0.0.1', { serverName: 'localhost' }, 'localhost'],
  ] as const) {
    it(`has a session opened by golden bytes over ${way}, answers a submit and is left in order`, async () => {
      const { client, peer } = await connected(hostname, options);
      expect([peer.facts.protocol, peer.facts.serverName]).toEqual(['nnrp/1', name]);
      const session = await echoed(client, peer);
      const closing = session.close();
      expect(hexOf(bytesOf(await peer.next()))).toBe(hexOf(GOLDEN_CLOSE));
      await peer.send(GOLDEN_CLOSE_ACK);
      await soon(closing, 'the close of the session');
      const leaving = client.close();
      expect(await peer.read()).toBeUndefined();
      await peer.finish();
      await soon(leaving, 'the close of the connection');
      expect(await peer.closed()).toEqual({ closeCode: 0, reason: '' });
      expect((await client.closed).code).toBe('NNRP_ERR_CLOSED');
    });
  }

  it('gets a body of 2 MiB and sends it back', async () => {
    const { client, peer } = await connected();
    await echoed(client, peer, patterned(2 * MIB));
  });

  it('sees the stream of the client before it has anything to say', async () => {
    const { peer } = await connected();
    expect(await peer.read()).toEqual(Buffer.from('NNRP'));
  });

  describe('has a session that goes on, for it is not given', () => {
    it('a stream of its own in both directions', async () => {
      const { client, peer } = await connected();
      await expect(peer.ask('open')).rejects.toThrow(/stream/i);
      await echoed(client, peer);
    });

    it('a stream of its own in one direction', async () => {
      const { client, peer } = await connected();
      await expect(peer.ask('open', { direction: 'uni' })).rejects.toThrow(/stream/i);
      await echoed(client, peer);
    });

    it('datagrams', async () => {
      const { client, peer } = await connected();
      await expect(peer.ask('sendDatagram', { bytes: 'AAAA' })).rejects.toThrow(/datagram/i);
      await echoed(client, peer);
    });
  });

  describe('ends the connection', () => {
    it('with an error code of NNRP, which operations, session and client fail with', async () => {
      const { client, peer } = await connected();
      const session = await opened(client, peer);
      const operation = await session.submit('prompt');
      await peer.close(preview3.ErrorCode.LimitExceeded, 'too\u001b[31m much');
      const code = `0x${preview3.ErrorCode.LimitExceeded.toString(16)}`;
      const message = `the peer has ended the connection: limit_exceeded (application error ${code}, 'too\\x1b[31m much')`;
      const failure = await soon(operation.result(), 'the failure').catch((error) => error);
      expect([failure.code, failure.rawMessage]).toEqual(['NNRP_ERR_TRANSPORT', expect.stringContaining(message)]);
      expect((await soon(client.closed, 'the end')).rawMessage).toContain(message);
      expect(session.endReason?.rawMessage).toContain(message);
    });

    it('with code 0 while a session is open, which fails', async () => {
      const { client, peer } = await connected();
      const session = await opened(client, peer);
      await peer.close(0, 'bye');
      expect((await soon(client.closed, 'the end')).code).toBe('NNRP_ERR_TRANSPORT');
      expect(session.endReason?.rawMessage).toMatch(/closed the connection/);
    });

    it('with code 0 and no session, which is in order', async () => {
      const { client, peer } = await connected();
      await peer.close(0, 'bye');
      expect((await soon(client.closed, 'the end')).code).toBe('NNRP_ERR_CLOSED');
    });
  });

  it('is told the error code and the name of the error that a client gives it up with', async () => {
    const listener = await listen();
    const connector = new QuicConnector(`127.0.0.1:${listener.port}`, { roots: root.certificate });
    for (const [error, end] of [
      [
        new ProtocolError('no', preview3.ErrorCode.LimitExceeded),
        [preview3.ErrorCode.LimitExceeded, 'NNRP_ERR_PROTOCOL'],
      ],
      [new TransportError('no'), [preview3.ErrorCode.InternalError, 'NNRP_ERR_TRANSPORT']],
      [undefined, [0, '']],
    ] as const) {
      const accepting = DenoConnection.accept(deno(), listener);
      const transport = await connector.connect();
      const peer = await accepting;
      transport.abort(error);
      const { closeCode, reason } = await peer.closed();
      expect([closeCode, reason]).toEqual(end);
    }
  });

  it('is told in order of a client that finds no packets in what it has sent', async () => {
    const { client, peer } = await connected();
    await opened(client, peer);
    await peer.send(utf8('no packet, whatever it is: at least forty bytes'));
    expect((await soon(client.closed, 'the end')).code).toBe('NNRP_ERR_PROTOCOL');
    await peer.finish();
    expect(await peer.closed()).toEqual({ closeCode: 0, reason: '' });
  });
});
