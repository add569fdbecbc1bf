import { readFileSync } from 'node:fs';
import { PREVIEW3 } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import type { ConnectionLost, ProtocolViolation, SessionRefused } from '../../src/server/contract/server-events.js';
import { NnrpServer } from '../../src/server/server.js';
import type { FramedListener, FramedTransport } from '../../src/transport/contract/contract.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import type { RawPeer } from '../support/raw-peer.js';
import {
  bytesFrom,
  closeBytes,
  errorOf,
  openAck,
  openBytes,
  openMetadata,
  packetBytes,
  submitBytes,
} from '../support/wire-packets.js';
import { expectServing, gone, noneUnhandled, stage } from './peers-stage.js';

noneUnhandled();

const { ErrorCode, MessageType, SessionErrorCode, SessionStatus } = preview3;
const MIB = 1024 * 1024;

describe('silence', () => {
  it('of fifty peers holds up nobody, and is cut after the handshake timeout', async () => {
    const server = await stage.serve({ handshakeTimeoutMs: 2000 });
    const lost: ConnectionLost[] = [];
    server.on('connectionLost', (loss) => lost.push(loss));
    const started = performance.now();
    const silent = await Promise.all(Array.from({ length: 50 }, () => stage.peer(server)));
    for (const [index, peer] of silent.entries()) if (index % 2 === 0) peer.send(openBytes().subarray(0, 25));
    await expectServing(server);
    expect(silent.every((peer) => !peer.socket.closed)).toBe(true);
    await Promise.all(silent.map((peer) => peer.closed()));
    expect(performance.now() - started).toBeGreaterThan(1990);
    await gone(server);
    const timeouts = lost.filter(({ error }) => error.code === 'NNRP_ERR_TIMEOUT');
    expect(timeouts.length).toBe(50);
  });

  it('after a session has been closed is cut too, and during one is not', async () => {
    const server = await stage.serve({ handshakeTimeoutMs: 100 });
    const [closing, staying] = [await stage.openPeer(server, 1), await stage.openPeer(server, 2)];
    const session = await server.accept();
    closing.send(closeBytes(1));
    await session.ackClose(await session.receiveClose());
    await closing.closed();
    expect(staying.socket.closed).toBe(false);
    await eventually(() => server.connectionCount === 1, 'its socket is gone at the server');
    expect(server.sessionCount).toBe(1);
  });

  it('cannot be bought with PINGs or refused opens', async () => {
    const server = await stage.serve({ handshakeTimeoutMs: 100 });
    const peer = await stage.peer(server);
    const busy = setInterval(() => peer.send(packetBytes(MessageType.Ping), openBytes({ profileId: 1 })), 5);
    await peer.closed().finally(() => clearInterval(busy));
  });

  it('of a policy ends with the handshake timeout as well', async () => {
    const server = await stage.serve({
      handshakeTimeoutMs: 100,
      applicationPolicy: {
        validateSessionOpen: (open) => (open.clientSessionTag === 1n ? new Promise(() => {}) : undefined),
      },
    });
    const peer = await stage.peer(server);
    peer.send(openBytes({ clientSessionTag: 1n }));
    await expectServing(server);
    await peer.closed();
  });
});

describe('refused opens', () => {
  it('are answered, reported and never end accept; the connection can try again', async () => {
    const server = await stage.serve({ applicationPolicy: { validateSessionOpen: refuseTag13 } });
    const refusals: SessionRefused[] = [];
    server.on('sessionRefused', (refusal) => refusals.push(refusal));
    const accepting = server.accept();
    const peer = await stage.peer(server);
    const requests: [Partial<preview3.SessionOpen>, number][] = [
      [{ profileId: 1 }, SessionErrorCode.ProfileUnsupported],
      [{ schemaId: 1 }, SessionErrorCode.SchemaUnsupported],
      [{ maxInFlightOperations: 5 }, SessionErrorCode.SessionLimitReached],
      [{ clientSessionTag: 13n }, 1313],
      [{ resumeTokenBytes: 1 }, SessionErrorCode.ResumeRejected],
    ];
    for (const [request, code] of requests) {
      peer.send(openBytes(request));
      const ack = openAck(await peer.next());
      expect(ack).toMatchObject({ sessionStatus: SessionStatus.Rejected, sessionErrorCode: code, sessionId: 0 });
    }
    peer.send(openBytes());
    const { sessionId } = openAck(await peer.next());
    expect((await accepting).sessionId).toBe(sessionId);
    expect(refusals.map((refusal) => refusal.errorCode)).toEqual(requests.map(([, code]) => code));
    expect(refusals[3]?.open.clientSessionTag).toBe(13n);
  });

  it('end their connection when their body is not as long as announced, with an error that says so', async () => {
    const server = await stage.serve();
    const peer = await stage.peer(server);
    peer.send(openBytes({ authBytes: 5 }, new Uint8Array(4)));
    expect(errorOf(await peer.next())).toMatchObject({ errorCode: ErrorCode.MalformedBody, isFatal: 1 });
    await peer.closed();
    const announced = await stage.peer(server);
    announced.send(openBytes({ authBytes: 5 }));
    expect(openAck(await announced.next()).sessionStatus).toBe(SessionStatus.Opened);
  });
});

const refuseTag13 = (open: preview3.SessionOpen) => (open.clientSessionTag === 13n ? 1313 : undefined);

function changed(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  bytes[offset] = value;
  return bytes;
}

/** A valid packet of any message type. */
function validPacket(info: (typeof PREVIEW3.messages)[number]): Uint8Array {
  const metadata = new Uint8Array(info.metadataBytes);
  if (info.name === 'SESSION_OPEN') metadata.set(openMetadata({}));
  if (info.name === 'CLIENT_HELLO') metadata.set([1, 1, 1, 0, 3, 0, 0, 0, 1]);
  if (info.name === 'SESSION_MIGRATE') metadata.set([2, 0, 0, 0, 1]);
  if (info.name === 'CACHE_PUT') metadata[12] = 1;
  const sessionId = info.sessionId === 'required' ? 9 : 0;
  const frameId = info.frameId === 'required' ? 9 : 0;
  return packetBytes(info.code as preview3.MessageType, sessionId, frameId, metadata);
}

describe('a first packet', () => {
  /** What the connection survives, and what the answer is. Everything else ends it with a fatal error. */
  const survived: Readonly<Record<string, number | undefined>> = {
    CLIENT_HELLO: MessageType.ServerHelloAck,
    TRANSPORT_PROBE: MessageType.TransportProbeAck,
    SESSION_OPEN: MessageType.SessionOpenAck,
    PING: MessageType.Pong,
    PONG: undefined,
    ERROR: undefined,
  };

  it.each(PREVIEW3.messages)('of type $name is answered or ends its connection, and nothing else', async (info) => {
    const server = await stage.serve();
    const peer = await stage.peer(server);
    peer.send(validPacket(info));
    if (info.name in survived) {
      const expected = survived[info.name];
      if (expected !== undefined) expect((await peer.next()).messageType).toBe(expected);
      peer.send(openBytes({ requestedSessionId: 77 }));
      expect(openAck(await peer.next()).sessionId).toBe(77);
      await server.accept();
      if (info.name === 'SESSION_OPEN') await server.accept();
    } else if (info.name !== 'CLOSE') {
      expect(errorOf(await peer.next())).toMatchObject({ errorCode: ErrorCode.InvalidState, isFatal: 1 });
      await peer.closed();
    } else {
      await peer.closed();
      expect(peer.received).toEqual([]);
    }
    await expectServing(server);
  });

  interface NegativeVector {
    readonly name: string;
    readonly kind: string;
    readonly struct?: string;
    readonly hex: string;
    readonly expect_error: { readonly kind: string };
  }
  const file = new URL('../../../../spec/preview3/vectors.json', import.meta.url);
  const negative: NegativeVector[] = JSON.parse(readFileSync(file, 'utf8')).negative;
  const messages = new Map(PREVIEW3.messages.map((message) => [message.metadata, message]));

  /** The vector as a first packet: as it is, or as the metadata of its message. */
  function firstPacket({ kind, struct, hex }: NegativeVector): Uint8Array | undefined {
    const bytes = bytesFrom(hex);
    // Half a header is no fault on a stream: the rest may follow.
    if (kind === 'header' && bytes.length < 40) return undefined;
    if (kind === 'header' || kind === 'packet') return bytes;
    const info = kind === 'struct' ? messages.get(struct) : undefined;
    if (info === undefined) return undefined;
    const packet = new Uint8Array(Buffer.concat([validPacket(info).subarray(0, 40), bytes]));
    new DataView(packet.buffer).setUint32(12, bytes.length, true);
    return packet;
  }

  it('that is malformed ends its connection with an error, for every negative vector', async () => {
    const server = await stage.serve({ handshakeTimeoutMs: 60_000 });
    const violations: ProtocolViolation[] = [];
    server.on('protocolViolation', (violation) => violations.push(violation));
    let tried = 0;
    for (const vector of negative) {
      const bytes = firstPacket(vector);
      if (bytes === undefined) continue;
      tried++;
      const peer = await stage.peer(server);
      peer.send(bytes);
      // A packet with bytes after it is no fault on a stream, but those bytes begin no packet.
      if (vector.expect_error.kind === 'packet_length_mismatch') peer.send(new Uint8Array(39).fill(0x2a));
      for (;;) {
        const packet = await peer.next(`the answer to ${vector.name}`);
        if (packet.messageType === MessageType.Pong) continue;
        expect(errorOf(packet), vector.name).toMatchObject({ isFatal: 1 });
        break;
      }
      await peer.closed();
    }
    expect(tried).toBeGreaterThan(120);
    await gone(server);
    await expectServing(server);
  });

  it.each([
    ['HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['one wrong byte', new Uint8Array([0x16])],
    ['a megabyte of zeroes', new Uint8Array(MIB)],
    ['a packet of preview4', changed(packetBytes(MessageType.Ping), 6, 0x30)],
  ])('that is no NNRP (%s) is answered with malformed_header', async (_name, bytes) => {
    const server = await stage.serve();
    const lost = new Promise<ConnectionLost>((resolve) => server.once('connectionLost', resolve));
    const peer = await stage.peer(server);
    peer.send(bytes);
    expect(errorOf(await peer.next())).toMatchObject({ errorCode: ErrorCode.MalformedHeader, isFatal: 1 });
    await peer.closed();
    expect((await lost).error.code).toBe('NNRP_ERR_PROTOCOL');
    await expectServing(server);
  });

  it('of another version is answered with unsupported_version, one too large with limit_exceeded', async () => {
    const server = await stage.serve({ maxPacketBytes: 1000 });
    const large = submitBytes(1, 1, new Uint8Array(1000 - 112 + 1));
    for (const [bytes, code] of [
      [changed(packetBytes(MessageType.Ping), 4, 2), ErrorCode.UnsupportedVersion],
      [changed(packetBytes(MessageType.Ping), 5, 1), ErrorCode.UnsupportedVersion],
      [large.subarray(0, 40), ErrorCode.LimitExceeded],
    ] as const) {
      const peer = await stage.peer(server);
      peer.send(bytes);
      expect(errorOf(await peer.next()).errorCode).toBe(code);
      await peer.closed();
    }
    const peer = await stage.openPeer(server, 1);
    peer.send(submitBytes(1, 1, new Uint8Array(1000 - 112)));
    const session = await server.accept();
    expect((await session.receiveSubmit()).body.length).toBe(888);
  });
});

/** Takes every session and answers every submit, until the server closes. */
async function drainAccepted(server: NnrpServer): Promise<void> {
  for await (const session of server) {
    void (async () => {
      for await (const submit of session) await session.sendResult(submit.frameId, {}).catch(() => {});
    })();
  }
}

describe('vanishing', () => {
  it('in the middle of anything costs one connection', async () => {
    const server = await stage.serve();
    const bytes = new Uint8Array(Buffer.concat([openBytes({ requestedSessionId: 5 }), submitBytes(5, 1, 'work')]));
    for (const length of [0, 1, 39, 40, 60, 87, 88, 100, bytes.length - 1, bytes.length]) {
      for (const vanish of ['destroy', 'end', 'reset'] as const) {
        const peer = await stage.peer(server);
        peer.send(bytes.subarray(0, length));
        if (length >= 88) await peer.next();
        if (vanish === 'destroy') peer.destroy();
        else if (vanish === 'end') peer.socket.end();
        else peer.reset();
        // A peer that has only ended its own direction still waits for the answer to its submit.
        if (vanish === 'end' && length === bytes.length) {
          const submit = await (await server.accept()).receiveSubmit();
          expect(server.connectionCount).toBe(1);
          await submit.complete();
        }
        await gone(server);
      }
    }
    await expectServing(server);
  });

  it('of 300 connections, some of them in sessions, leaves nothing behind', async () => {
    const server = await stage.serve();
    void drainAccepted(server);
    const peers: RawPeer[] = await Promise.all(Array.from({ length: 300 }, () => stage.peer(server)));
    await Promise.all(
      peers.map(async (peer, index) => {
        if (index % 3 === 0) return;
        peer.send(openBytes(), openBytes());
        const { sessionId } = openAck(await peer.next());
        if (index % 3 === 1) peer.send(submitBytes(sessionId, 1), submitBytes(sessionId, 2).subarray(0, 90));
      }),
    );
    await eventually(() => server.connectionCount === 300, 'all are connected');
    for (const [index, peer] of peers.entries()) {
      if (index % 2 === 0) peer.destroy();
      else peer.reset();
    }
    await gone(server);
  });

  it('before the server takes it from its listener leaves nothing behind', async () => {
    const late: FramedTransport[] = [];
    const bound = await carrier.listen();
    for (let count = 0; count < 3; count++) {
      const connected = carrier.connect(bound.address);
      const transport = await bound.accept();
      late.push(transport);
      (await connected).abort();
      transport.abort();
      await transport.close();
    }
    await bound.close();
    const listener: FramedListener = {
      kind: bound.kind,
      address: bound.address,
      accept: async () => late.shift() ?? new Promise<never>(() => {}),
      close: async () => {},
    };
    const server = NnrpServer.fromListener(listener);
    await eventually(() => late.length === 0, 'all are accepted');
    await gone(server);
    await server.close();
  });

  it('before the server has looked at it leaves nothing behind', async () => {
    const server = await stage.serve();
    for (let count = 0; count < 50; count++) {
      const peer = await stage.peer(server);
      peer.send(openBytes());
      peer.reset();
    }
    await gone(server);
    await expectServing(server);
  });
});
