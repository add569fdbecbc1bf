import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServer } from '../../src/server/server.js';
import { eventually } from '../support/eventually.js';
import type { RawPeer } from '../support/raw-peer.js';
import { Stage } from '../support/stage.js';
import { openBytes, packetBytes, submitBytes } from '../support/wire-packets.js';

const { MessageType, ResultClass } = preview3;
const MIB = 1024 * 1024;

const stage = new Stage();
afterEach(() => stage.clear());

/** Submits that the fullest session of a server holds for `receiveSubmit`. */
const queued = (server: NnrpServer) => server.stats().queuedSubmits?.value;

describe('a slow server', () => {
  it('stops reading when too many submits wait, and gets all of them in the end', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0xffff, maxQueuedSubmits: 10 });
    const peer = await stage.openPeer(server, 1);
    const session = await server.accept();
    const body = new Uint8Array(100_000);
    const count = 600;
    for (let frameId = 1; frameId <= count; frameId++) {
      body[0] = frameId;
      peer.send(submitBytes(1, frameId, body));
    }
    await eventually(() => queued(server) === 10, 'the queue is full');
    const witness = await stage.openPeer(server, 2);
    for (let trip = 0; trip < 50; trip++) {
      witness.send(packetBytes(MessageType.Ping));
      await witness.next();
    }
    expect(queued(server)).toBe(10);
    // What does not fit the network waits at the sender.
    expect(peer.socket.writableLength).toBeGreaterThan(MIB);
    for (let frameId = 1; frameId <= count; frameId++) {
      const submit = await session.receiveSubmit();
      expect([submit.frameId, submit.body[0]]).toEqual([frameId, frameId & 0xff]);
      expect(queued(server)).toBeLessThanOrEqual(10);
      await session.sendResult(frameId, {});
    }
    for (let frameId = 1; frameId <= count; frameId++) expect((await nextResult(peer)).frameId).toBe(frameId);
  });

  it('stops reading when too many bytes wait', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0xffff, maxQueuedBytes: MIB });
    const peer = await stage.openPeer(server, 1);
    const session = await server.accept();
    const body = new Uint8Array(300_000);
    for (let frameId = 1; frameId <= 100; frameId++) peer.send(submitBytes(1, frameId, body));
    await eventually(() => queued(server) === 4, 'the queue is full');
    const witness = await stage.openPeer(server, 2);
    for (let trip = 0; trip < 50; trip++) {
      witness.send(packetBytes(MessageType.Ping));
      await witness.next();
    }
    expect(queued(server)).toBe(4);
    for (let frameId = 1; frameId <= 100; frameId++) expect((await session.receiveSubmit()).frameId).toBe(frameId);
  });

  it('reads on when the session whose queue is full is closed', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0xffff, maxQueuedSubmits: 2 });
    const peer = await stage.openPeer(server, 1);
    const slow = await server.accept();
    peer.send(openBytes({ requestedSessionId: 2 }));
    await peer.next();
    const other = await server.accept();
    for (let frameId = 1; frameId <= 50; frameId++) peer.send(submitBytes(1, frameId));
    peer.send(submitBytes(2, 1, 'behind'));
    await eventually(() => queued(server) === 2, 'the queue is full');
    await slow.close({ drainTimeoutMs: 100 });
    expect((await other.receiveSubmit()).frameId).toBe(1);
  });

  it('with a full queue is noticed by the submits of a client, all of which are answered in the end', async () => {
    const { server, session, clientSession } = await stage.session(
      { maxQueuedSubmits: 4, maxInFlightOperations: 0xffff, grantedOperationCredit: 0xffff },
      { maxInFlightOperations: 0xffff },
    );
    const body = new Uint8Array(64 * 1024).fill(7);
    let submitted = 0;
    const submitting = (async () => {
      const operations = [];
      for (let count = 0; count < 600; count++) {
        operations.push(await clientSession.submit(body));
        submitted++;
      }
      return operations;
    })();
    await eventually(() => queued(server) === 4, 'the queue is full');
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(submitted).toBeLessThan(550);
    for (let count = 0; count < 600; count++) {
      const { frameId, body: received } = await session.receiveSubmit();
      expect(received.length).toBe(body.length);
      await session.sendResult(frameId, {});
    }
    for (const operation of await submitting) await operation.result();
    expect(submitted).toBe(600);
  });
});

describe('a slow client', () => {
  it('stops the results of a stream that it does not read, and gets all of them in the end', async () => {
    const { session, clientSession } = await stage.session({}, {}, { maxBufferedResultBytes: MIB });
    const operation = await clientSession.submit('stream');
    const { frameId } = await session.receiveSubmit();
    const count = 600;
    let sent = 0;
    const sending = (async () => {
      for (let part = 1; part <= count; part++) {
        const body = new Uint8Array(64 * 1024).fill(part);
        await session.sendResult(frameId, part === count ? {} : { resultClass: ResultClass.Partial }, body);
        sent = part;
      }
    })();
    // As long as another client is served at full speed, this one has had its chance.
    const server = await stage.serve();
    const witness = await stage.openPeer(server, 2);
    for (let before = -1; before !== sent; ) {
      before = sent;
      for (let trip = 0; trip < 50; trip++) {
        witness.send(packetBytes(MessageType.Ping));
        await witness.next();
      }
    }
    expect(sent).toBeLessThan(500);
    let part = 0;
    for await (const result of operation) {
      part++;
      expect([result.body.length, result.body[0], result.body.at(-1)]).toEqual([64 * 1024, part & 0xff, part & 0xff]);
    }
    expect([part, sent]).toEqual([count, count]);
    await sending;
  });

  it('reads on when the stream that it does not read is given up or awaited as a whole', async () => {
    const { session, clientSession } = await stage.session({}, {}, { maxBufferedResultBytes: 100_000 });
    const send = async (frameId: number) => {
      for (let part = 1; part < 200; part++) {
        await session.sendResult(frameId, { resultClass: ResultClass.Partial }, new Uint8Array(50_000));
      }
      await session.sendResult(frameId, {});
    };
    const left = await clientSession.submit('stream');
    const given = send((await session.receiveSubmit()).frameId);
    await leaveLoop(left);
    // To leave is to cancel, which the server hears although so much is on its way.
    await expect(given).rejects.toMatchObject({ code: expect.stringMatching(/^NNRP_ERR_(CANCELLED|USAGE)$/) });
    const awaited = await clientSession.submit('stream');
    const sent = send((await session.receiveSubmit()).frameId);
    await awaited.result();
    await sent;
  });
});

async function leaveLoop(operation: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of operation) return;
}

/** The next packet that is not about the flow. */
async function nextResult(peer: RawPeer): Promise<Packet> {
  for (;;) {
    const packet = await peer.next();
    if (packet.messageType !== MessageType.FlowUpdate) return packet;
  }
}
