import { ProtocolError, TransportError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { ConnectionLost, NnrpServer, NnrpServerSession } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../nnrp-runtime/test/support/eventually.js';
import { bytesOf, hexOf, openAck } from '../../../nnrp-runtime/test/support/wire-packets.js';
import { QuicFramedListener, QuicProvider, QuicServerEndpointConfig, type QuicServerOptions } from '../../src/index.js';
import {
  GOLDEN_CLOSE,
  GOLDEN_CLOSE_ACK,
  GOLDEN_OPEN,
  GOLDEN_OPEN_ACK,
  submitBytes,
} from '../support/golden-packets.js';
import { patterned } from '../support/patterned.js';
import { pem } from '../support/pem.js';
import { DenoConnection, soon } from './deno-connection.js';
import { describeWithDeno } from './describe-with-deno.js';

const { MessageType } = preview3;
const utf8 = (text: string) => new TextEncoder().encode(text);
const MIB = 1024 * 1024;

interface Served {
  readonly server: NnrpServer;
  readonly root: string;
  /** Connections that ended other than in order. */
  readonly lost: ConnectionLost[];
}

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serve(address = '127.0.0.1:0', options: QuicServerOptions = {}): Promise<Served> {
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(address, options);
  const server = await QuicProvider.bind(config, { drainTimeoutMs: 0, deadlines: false });
  cleanup.push(() => server.close());
  const lost: ConnectionLost[] = [];
  server.on('connectionLost', (loss) => lost.push(loss));
  return { server, root: pem(certificate.certificateDer), lost };
}

describeWithDeno('a client by another QUIC library', (deno) => {
  async function connect({ server, root }: Served, hostname = '127.0.0.1'): Promise<DenoConnection> {
    const peer = await DenoConnection.connect(deno(), server.localAddress, { hostname, caCerts: [root] });
    cleanup.push(() => peer.close());
    return peer.open();
  }

  /** With session 1. */
  async function opened(served: Served, hostname?: string) {
    const peer = await connect(served, hostname);
    await peer.send(GOLDEN_OPEN);
    expect(hexOf(bytesOf(await peer.next()))).toBe(hexOf(GOLDEN_OPEN_ACK));
    return { peer, session: await soon(served.server.accept(), 'the session') };
  }

  /** Submits, and gets the same back. @returns the metadata of the result */
  async function echoed(peer: DenoConnection, session: NnrpServerSession, body: Uint8Array = utf8('prompt')) {
    await peer.send(submitBytes(1, body));
    const submit = await soon(session.receiveSubmit(), 'the submit');
    expect(submit.frameId).toBe(1);
    const [packet] = await Promise.all([peer.next(), session.sendResult(1, {}, submit.body)]);
    expect([packet.messageType, packet.sessionId, packet.frameId]).toEqual([MessageType.ResultPush, 1, 1]);
    expect(Buffer.compare(packet.body, body)).toBe(0);
    return preview3.decodeResultPush(packet.view, packet.metadataStart);
  }

  for (const [way, address, hostname] of [
    ['IPv4', '127.0.0.1:0', '127.0.0.1'],
    ['IPv6', '[::1]:0', '::1'],
    ['a DNS name', '127.0.0.1:0', 'localhost'],
  ] as const) {
    it(`opens a session by golden bytes over ${way}, submits, gets its result and closes in order`, async () => {
      const served = await serve(address);
      const { peer, session } = await opened(served, hostname);
      expect(peer.facts.protocol).toBe('nnrp/1');
      expect(await echoed(peer, session)).toMatchObject({ statusCode: 0, resultClass: 0, payloadFrameCount: 1 });
      await peer.send(GOLDEN_CLOSE);
      await session.ackClose(await soon(session.receiveClose(), 'the close'));
      expect(hexOf(bytesOf(await peer.next()))).toBe(hexOf(GOLDEN_CLOSE_ACK));
      // Begun before: Deno takes its streams away with the connection, and what has arrived with them.
      const end = peer.read();
      await peer.finish();
      expect(await end).toBeUndefined();
      expect(await peer.closed()).toEqual({ closeCode: 0, reason: '' });
      await eventually(() => served.server.connectionCount === 0, 'the connection is gone');
      expect(served.lost).toEqual([]);
    });
  }

  for (const [family, address, hostname] of [
    ['IPv4', '127.0.0.1:0', '127.0.0.1'],
    ['IPv6', '[::1]:0', '::1'],
  ] as const) {
    it(`comes in over ${family} when it has to prove its address by Retry`, async () => {
      const { peer, session } = await opened(await serve(address, { retry: 'always' }), hostname);
      await echoed(peer, session);
    });
  }

  it('sends a body of 2 MiB and gets it back', async () => {
    const { peer, session } = await opened(await serve());
    await echoed(peer, session, patterned(2 * MIB));
  });

  it('shares a server with another one', async () => {
    const served = await serve();
    const first = await opened(served);
    const second = await connect(served);
    await second.send(GOLDEN_OPEN);
    // Ids of sessions are the server's, and 1 is taken.
    expect(openAck(await second.next()).sessionId).not.toBe(1);
    await echoed(first.peer, first.session);
    expect(served.server.connectionCount).toBe(2);
  });

  describe('has a session that goes on, for it is not given', () => {
    it('a second stream in both directions', async () => {
      const { peer, session } = await opened(await serve());
      await expect(peer.ask('open')).rejects.toThrow(/stream/i);
      await echoed(peer, session);
    });

    it('a stream in one direction', async () => {
      const { peer, session } = await opened(await serve());
      await expect(peer.ask('open', { direction: 'uni' })).rejects.toThrow(/stream/i);
      await echoed(peer, session);
    });

    it('datagrams', async () => {
      const { peer, session } = await opened(await serve());
      await expect(peer.ask('sendDatagram', { bytes: 'AAAA' })).rejects.toThrow(/datagram/i);
      await echoed(peer, session);
    });
  });

  describe('ends its connection', () => {
    it('with an error code of NNRP, which the server names along with the reason', async () => {
      const served = await serve();
      const { peer, session } = await opened(served);
      await peer.close(preview3.ErrorCode.LimitExceeded, 'enough\u0007');
      await expect(soon(session.receiveSubmit(), 'the end')).rejects.toThrow(/ended/);
      await eventually(() => served.lost.length === 1, 'the server has reported it');
      const [loss] = served.lost;
      const code = `0x${preview3.ErrorCode.LimitExceeded.toString(16)}`;
      expect(loss?.error.code).toBe('NNRP_ERR_TRANSPORT');
      expect(loss?.error.rawMessage).toContain(
        `the peer has ended the connection: limit_exceeded (application error ${code}, 'enough\\x07')`,
      );
      expect(loss?.sessionIds).toEqual([1]);
    });

    it('with a code that NNRP does not know', async () => {
      const served = await serve();
      const { peer } = await opened(served);
      await peer.close(0x3fff_ffff, '');
      await eventually(() => served.lost.length === 1, 'the server has reported it');
      expect(served.lost[0]?.error.rawMessage).toMatch(/an error of its application \(application error 0x3fffffff\)$/);
    });

    it('with code 0 while its session is open, which is a loss', async () => {
      const served = await serve();
      const { peer } = await opened(served);
      await peer.close(0, 'that is all');
      await eventually(() => served.lost.length === 1, 'the server has reported it');
      expect(served.lost[0]?.error.rawMessage).toMatch(/closed the connection$/);
    });

    it('with code 0 inside a packet, which is a loss', async () => {
      const served = await serve();
      const { peer } = await opened(served);
      await peer.send(submitBytes(1, utf8('prompt')).subarray(0, 60));
      await eventually(() => served.server.connectionCount === 1, 'it is connected');
      await peer.close(0, '');
      await eventually(() => served.lost.length === 1, 'the server has reported it');
      expect(served.lost[0]?.error.rawMessage).toMatch(/closed the connection|inside a packet/);
    });

    it('with code 0 and no session, which is in order', async () => {
      const served = await serve();
      const peer = await connect(served);
      await peer.send(GOLDEN_OPEN.subarray(0, 4));
      await eventually(() => served.server.connectionCount === 1, 'it is connected');
      await peer.close(0, '');
      await eventually(() => served.server.connectionCount === 0, 'the connection is gone');
      expect(served.lost).toEqual([]);
    });

    it('before it knows that the handshake is complete, with packets of the handshake in the same datagrams', async () => {
      const served = await serve();
      const options = { hostname: '127.0.0.1', caCerts: [served.root] };
      for (let count = 0; count < 100; count++) {
        const peer = await DenoConnection.connect(deno(), served.server.localAddress, options);
        await peer.close(0, '');
      }
      await eventually(() => served.server.connectionCount === 0, 'the connections are gone');
      expect(served.lost).toEqual([]);
    });

    it('by ending its direction of the stream in a session, which is a loss', async () => {
      const served = await serve();
      const { peer } = await opened(served);
      await peer.finish();
      expect(await peer.closed()).toEqual({ closeCode: 0, reason: '' });
      expect(served.lost[0]?.error.rawMessage).toMatch(/closed the connection$/);
    });

    it('by reading no more, and is told that this is an error', async () => {
      const served = await serve();
      const { peer, session } = await opened(served);
      await peer.onStream('stopReading', { reason: 'no' });
      await peer.send(submitBytes(1, utf8('prompt')));
      const submit = await soon(session.receiveSubmit(), 'the submit');
      await session.sendResult(1, {}, submit.body).catch(() => {});
      expect(await peer.closed()).toEqual({
        closeCode: preview3.ErrorCode.InternalError,
        reason: 'NNRP_ERR_TRANSPORT',
      });
      expect(served.lost[0]?.error.rawMessage).toMatch(/the peer takes no more \(StreamStopped\(\d+\)\)$/);
    });
  });

  describe('is told of the end', () => {
    it('by the error code of NNRP that the connection was aborted with, and the name of the error', async () => {
      const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
      const listener = await QuicFramedListener.bind(config);
      cleanup.push(() => listener.close());
      const options = { hostname: '127.0.0.1', caCerts: [pem(certificate.certificateDer)] };
      for (const [error, end] of [
        [
          new ProtocolError('no', preview3.ErrorCode.LimitExceeded),
          [preview3.ErrorCode.LimitExceeded, 'NNRP_ERR_PROTOCOL'],
        ],
        [new TransportError('no'), [preview3.ErrorCode.InternalError, 'NNRP_ERR_TRANSPORT']],
        [undefined, [0, '']],
      ] as const) {
        const accepting = listener.accept();
        const peer = await DenoConnection.connect(deno(), listener.address, options);
        (await accepting).abort(error);
        const { closeCode, reason } = await peer.closed();
        expect([closeCode, reason]).toEqual(end);
      }
    });

    it('in order when the server is closed, after everything that was sent', async () => {
      const served = await serve();
      const { peer, session } = await opened(served);
      await peer.send(submitBytes(1, utf8('prompt')));
      await soon(session.receiveSubmit(), 'the submit');
      await session.sendResult(1, {}, patterned(MIB / 2));
      const closed = served.server.close();
      expect((await peer.next()).bodyLength).toBe(MIB / 2);
      await peer.finish();
      await soon(closed, 'the server to close');
      expect(await peer.closed()).toEqual({ closeCode: 0, reason: '' });
    });
  });
});
