import { expect } from 'vitest';
import { type Came, fields, packet, type SuitePeer, suitePacket, T } from './suite-wire.js';

/** Start of a scenario in which the suite is the client. @returns the session */
export async function startAsClient(peer: SuitePeer): Promise<number> {
  peer.send(suitePacket('cancel_tcp.client_hello'));
  const hello = await peer.get(T.helloAck);
  expect([hello.session, hello.metadata.readUInt8(0), hello.metadata.readUInt8(1)]).toEqual([0, 1, 0]);
  expect(hello.metadata.readUInt32LE(8) & ~3).toBe(0);
  peer.send(
    packet(
      T.open,
      0,
      0,
      fields(
        ...([
          [4, 0],
          [2, 2],
          [1, 1],
          [1, 0],
          [4, 0x1001],
          [4, 3],
          [4, 500],
          [2, 4],
          [2, 0],
        ] as const),
        ...([
          [4, 30_000],
          [4, 0],
          [4, 0],
          [4, 0],
          [8, 0],
        ] as const),
      ),
    ),
  );
  const ack = await peer.get(T.openAck);
  const [session, profile, status] = [
    ack.metadata.readUInt32LE(0),
    ack.metadata.readUInt16LE(4),
    ack.metadata.readUInt8(7),
  ];
  expect([profile, status, ack.session, ack.body.length]).toEqual([2, 0, session, 0]);
  expect(session).toBeGreaterThan(0);
  return session;
}

/** End of it. */
export async function endAsClient(peer: SuitePeer, close: Buffer): Promise<void> {
  peer.send(close);
  const ack = await peer.get(T.closeAck);
  expect([ack.metadata.readUInt8(0), ack.metadata.readBigUInt64LE(4)]).toEqual([2, close.readBigUInt64LE(40 + 8)]);
  peer.end();
}

/** Start of a scenario in which the suite is the server; it grants session 1. */
export async function startAsServer(peer: SuitePeer): Promise<void> {
  await peer.get(T.hello);
  peer.send(packet(T.helloAck, 0, 0, helloAck()));
  const open = await peer.get(T.open);
  expect([open.metadata.readUInt16LE(4), open.metadata.readUInt32LE(8), open.metadata.readUInt32LE(12)]).toEqual([
    2, 0x1001, 3,
  ]);
  peer.send(
    packet(
      T.openAck,
      1,
      0,
      fields(
        ...([
          [4, 1],
          [2, 2],
          [1, open.metadata.readUInt8(6)],
          [1, 0],
          [4, 0x1001],
          [4, 3],
          [2, 2],
          [2, 4],
        ] as const),
        ...([
          [4, 30_000],
          [4, 120_000],
          [4, 0],
          [4, 0],
          [8, 1],
          [4, 0],
          [4, 0],
          [4, 0],
        ] as const),
      ),
    ),
  );
}

/** A session that is opened and closed. */
export async function serveSession(peer: SuitePeer): Promise<void> {
  await startAsServer(peer);
  await endAsServer(peer);
}

async function endAsServer(peer: SuitePeer): Promise<void> {
  const close = await peer.get(T.close);
  peer.send(packet(T.closeAck, 1, 0, fields([1, 2], [1, 0], [2, 0], [8, close.metadata.readBigUInt64LE(8)], [4, 0])));
}

/** The part of the suite as server, and all that it sends. */
export async function serveProgress(peer: SuitePeer): Promise<Came> {
  await startAsServer(peer);
  const submit = await peer.get(T.submit);
  const operation = submit.metadata.readBigUInt64LE(40);
  const { frame } = submit;
  peer.send(
    packet(T.progress, 1, frame, fields([8, operation], [8, 1], [2, 1], [2, 2500], [8, 0], [4, 5]), 'stage'),
    suitePacket('progress_tcp.credit_update'),
    packet(T.partial, 1, frame, fields([8, operation], [8, 1], [8, 0], [8, 0], [4, 7], [4, 0]), 'partial'),
    packet(T.result, 1, frame, resultPush(), 'wire-external-result'),
  );
  await endAsServer(peer);
  return submit;
}

function resultPush(): Buffer {
  const metadata = Buffer.alloc(64);
  metadata.writeUInt16LE(200, 0);
  metadata.writeUInt16LE(2, 8);
  metadata.writeUInt32LE(2, 56);
  metadata.writeUInt16LE(1, 60);
  return metadata;
}

/** The reference server's answer to the hello of a client that offers the token profile. */
function helloAck(): Buffer {
  const metadata = Buffer.alloc(80);
  metadata.writeUInt8(1, 0);
  metadata.writeUInt32LE(2, 8);
  metadata.writeUInt32LE(0x73, 12);
  metadata.writeUInt16LE(1, 48);
  metadata.writeUInt16LE(4, 50);
  metadata.writeUInt32LE(67_108_864, 60);
  return metadata;
}
