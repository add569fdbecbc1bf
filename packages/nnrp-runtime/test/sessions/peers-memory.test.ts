import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as preview3 from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { closeBytes, errorOf, openBytes, packetBytes, submitBytes } from '../support/wire-packets.js';
import { expectServing, gone, noneUnhandled, stage } from './peers-stage.js';

noneUnhandled();

const { ErrorCode, MessageType } = preview3;
const MIB = 1024 * 1024;

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  /** What is held: garbage says only when it was last looked for. */
  const used = () => {
    collect();
    collect();
    return process.memoryUsage().arrayBuffers;
  };

  it('for 64 MiB that 100 connections announce is what they have sent', async () => {
    const server = await stage.serve();
    const peers = await Promise.all(Array.from({ length: 100 }, (_, index) => stage.openPeer(server, index + 1)));
    for (const _ of peers) await server.accept();
    const before = used();
    for (const [index, peer] of peers.entries()) {
      const packet = submitBytes(index + 1, 1, new Uint8Array(200));
      new DataView(packet.buffer).setUint32(16, 64 * MIB - 112, true);
      peer.send(packet);
    }
    await expectServing(server);
    expect(used() - before).toBeLessThan(20 * MIB);
    await eventually(() => server.connectionCount === 100, 'the last peer is gone');
    expect(server.sessionCount).toBe(100);
  });

  it('for a stranger is small: a connection without a session takes no large packet', async () => {
    const server = await stage.serve({ maxHandshakePacketBytes: 1000 });
    const stranger = await stage.peer(server);
    stranger.send(openBytes({ authBytes: 1000 }, new Uint8Array(1000)).subarray(0, 40));
    expect(errorOf(await stranger.next())).toMatchObject({ errorCode: ErrorCode.LimitExceeded, isFatal: 1 });
    await stranger.closed();
    const known = await stage.openPeer(server, 7);
    const session = await server.accept();
    known.send(submitBytes(7, 1, new Uint8Array(5000)), closeBytes(7, 1n));
    expect((await session.receiveSubmit()).body.length).toBe(5000);
    await session.sendResult(1, {});
    await session.ackClose(await session.receiveClose());
    for (const type of [MessageType.ResultPush, MessageType.SessionCloseAck]) {
      expect((await known.next()).messageType).toBe(type);
    }
    // Without its session it is a stranger again.
    known.send(openBytes({ authBytes: 1000 }, new Uint8Array(1000)));
    expect(errorOf(await known.next()).errorCode).toBe(ErrorCode.LimitExceeded);
  });

  it('for a peer that never reads is bounded, and others are served meanwhile', async () => {
    const server = await stage.serve();
    const peer = await stage.openPeer(server, 1);
    const session = await server.accept();
    peer.socket.pause();
    peer.send(submitBytes(1, 1));
    await session.receiveSubmit();
    let sent = 0;
    let full: Promise<unknown> | undefined;
    const body = new Uint8Array(256 * 1024);
    for (; sent < 64 * MIB && full === undefined; sent += body.length) {
      const room = session.sendResult(1, { resultClass: preview3.ResultClass.Partial }, body);
      const done = await Promise.race([room.then(() => true), expectServing(server).then(() => false)]);
      if (!done) full = room;
    }
    expect(sent).toBeLessThan(32 * MIB);
    // A peer that asks and asks and never reads is not read from any more either.
    const pings = new Uint8Array(Buffer.concat(Array.from({ length: 25_000 }, () => packetBytes(MessageType.Ping))));
    const before = used();
    for (let count = 0; count < 20; count++) peer.send(pings);
    for (let left = Number.NaN; left !== peer.socket.writableLength; ) {
      left = peer.socket.writableLength;
      for (let count = 0; count < 10; count++) await expectServing(server);
    }
    // The same bytes wait twenty times in the socket of the test, not in the server.
    expect(peer.socket.writableLength).toBeGreaterThan(MIB);
    await eventually(() => used() - before < 20 * MIB, 'what the server holds is bounded');
    const outcome = expect(full).rejects.toMatchObject({ code: expect.stringMatching(/TRANSPORT|CLOSED/) });
    peer.destroy();
    await outcome;
    await gone(server);
  });

  it('for connections above the limit is none: they are cut', async () => {
    const server = await stage.serve({ maxConnections: 3 });
    const peers = await Promise.all(Array.from({ length: 10 }, () => stage.peer(server)));
    const cut = await Promise.all(
      peers.map(async (peer) => {
        peer.send(openBytes());
        return peer.next().then(
          () => false,
          () => true,
        );
      }),
    );
    expect(cut.filter((was) => was).length).toBe(7);
    expect(server.connectionCount).toBe(3);
    for (const peer of peers) peer.destroy();
    await gone(server);
    await expectServing(server);
  });
});
