import { UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { PacketSink } from '../../../src/transport/contract/contract.js';
import { unsentHead } from '../../../src/transport/stream/lent-packet.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';
import { packetBytes } from '../../support/wire-packets.js';
import { partialBytes, RecoveryServer, resultBytes } from './recovery-server.js';

const { MessageType } = preview3;

afterEach(() => RecoveryServer.clear());

describe('results', () => {
  it.each(['cut', 'leave'] as const)('go on without loss or doubling: %s', async (end) => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const happened: string[] = [];
    client.on('suspended', () => happened.push('suspended'));
    client.on('resumed', ({ sessions }) => happened.push(`resumed ${sessions}`));
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const texts: string[] = [];
    const reading = (async () => {
      for await (const result of operation) texts.push(result.text());
    })();
    server.partial(known, 1, 'a');
    server.partial(known, 1, 'b');
    await eventually(() => texts.length === 2, 'two results have come');
    server[end]();
    // It goes on while no client is there, and the first of these has left before and was lost.
    server.lose(known, partialBytes(known.sessionId, 1, 'c'));
    server.partial(known, 1, 'd');
    await server.back(known, 2);
    server.partial(known, 1, 'e');
    server.result(known, 1, 'f');
    await reading;
    expect(texts).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(known.positions).toEqual([2]);
    expect(happened).toEqual(['suspended', 'resumed 1']);
    expect(server.submits(known)).toEqual([1]);
    expect(session.endReason).toBeUndefined();
  });

  it('are counted through many cuts, also through some without any traffic', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session();
    const operation = session.submitNow('work');
    const texts: string[] = [];
    const reading = (async () => {
      for await (const result of operation) texts.push(result.text());
    })();
    for (let round = 1; round <= 8; round++) {
      if (round % 3 !== 0) server.partial(known, 1, `${round}`);
      server.cut();
      await server.back(known, round + 1);
    }
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1, 'end');
    await reading;
    expect(texts).toEqual(['1', '2', '4', '5', '7', '8', 'end']);
    expect(server.submits(known)).toEqual([1]);
  });

  it('are read while the answers for other sessions are still to come', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const other = server.known(await client.openSession());
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.cut();
    server.lose(known, resultBytes(known.sessionId, 1, 'early'));
    server.verdict = ({ sessionId }) => (sessionId === other.sessionId ? 'no answer' : 'resume');
    expect((await operation.result()).text()).toBe('early');
    expect(other.link).toBeUndefined();
  });

  it('of a transfer that is too large count as well, though they are skipped', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ maxPacketBytes: 4096 });
    const large = session.submitNow('large');
    const small = session.submitNow('small');
    await eventually(() => server.submits(known).length === 2, 'the submits have come');
    const failed = expect(large.result()).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    server.result(known, 1, 'x'.repeat(10_000));
    await failed;
    server.cut();
    server.result(known, 2, 'there');
    expect((await small.result()).text()).toBe('there');
    expect(known.positions).toEqual([1]);
  });
});

describe('what is sent', () => {
  it('again is what has not arrived, and nothing else', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({}, { maxInFlightOperations: 0 });
    const first = [session.submitNow('1'), session.submitNow('2')];
    await eventually(() => server.submits(known).length === 2, 'two submits have come');
    server.link.socket.pause();
    const lost = [session.submitNow('3'), session.submitNow('4'.repeat(30_000))];
    const resumed = new Promise<number>((resolve) => server.clients[0]?.on('resumed', (e) => resolve(e.replayed)));
    await new Promise((resolve) => setImmediate(resolve));
    server.cut();
    const later = session.submitNow('5');
    await eventually(() => server.submits(known).length === 5, 'all submits have come');
    expect(server.submits(known)).toEqual([1, 2, 3, 4, 5]);
    expect(known.received.map(({ bodyLength }) => bodyLength)).toEqual([1, 1, 1, 30_000, 1]);
    expect(await resumed).toBeGreaterThanOrEqual(2);
    for (const frame of [1, 2, 3, 4, 5]) server.result(known, frame, `${frame}`);
    const texts = await Promise.all([...first, ...lost, later].map(async (each) => (await each.result()).text()));
    expect(texts).toEqual(['1', '2', '3', '4', '5']);
  });

  it('does not count what the transport has left out', async () => {
    const server = await RecoveryServer.start();
    let isLeavingOut = false;
    // As a transport does that finds a body transferred when its turn has come.
    const connect = async () => {
      const transport = await carrier.connect(server.address);
      const { start, send } = transport;
      let sink: PacketSink | undefined;
      // It does not know of what is left out here.
      Object.assign(transport, { tellSent: undefined, settleSent: undefined });
      transport.start = (given) => {
        sink = given;
        start.call(transport, given);
      };
      transport.send = (packet) => {
        if (!isLeavingOut) return send.call(transport, packet);
        isLeavingOut = false;
        const head = new Uint8Array(packet.headBytes);
        packet.writeHead(new DataView(head.buffer), 0);
        setImmediate(() => sink?.unsent?.(unsentHead(head, packet.body.length), new UsageError('it has changed')));
        return true;
      };
      return transport;
    };
    const client = await NnrpClient.connect({ kind: 'tcp', connect }, { reconnectBackoffMs: 1, closeTimeoutMs: 200 });
    server.clients.push(client);
    const session = await client.openSession();
    const known = server.known(session);
    session.submitNow('first');
    isLeavingOut = true;
    const spoilt = session.submitNow(new Uint8Array(50_000));
    const last = session.submitNow('last');
    await expect(spoilt.result()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await eventually(() => server.submits(known).length === 2, 'the others have come');
    server.cut();
    await server.back(known, 2);
    server.result(known, 3, 'done');
    expect((await last.result()).text()).toBe('done');
    // Its PING comes behind all that was sent again.
    await client.ping();
    expect(server.submits(known)).toEqual([1, 3]);
  });

  it('is not confirmed by the answer to a PING from before there was anything to confirm', async () => {
    const server = await RecoveryServer.start();
    const client = await server.connect();
    await server.connections(1);
    const { link } = server;
    link.isSilent = true;
    const pinging = client.ping();
    const session = await client.openSession();
    const known = server.known(session);
    link.socket.pause();
    // So long that a fence follows at once.
    session.submitNow(new Uint8Array(70_000));
    await new Promise((resolve) => setTimeout(resolve, 20));
    link.send(packetBytes(MessageType.Pong));
    await pinging;
    server.cut();
    await server.back(known, 2);
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    expect(known.positions).toEqual([0]);
    expect(session.endReason).toBeUndefined();
  });

  it('is trimmed by fences: a session that is quiet asks for nothing', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session();
    session.submitNow('work');
    await eventually(() => server.link.pings === 1, 'a fence has come');
    server.result(known, 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(server.link.pings).toBe(1);
    server.cut();
    await server.back(known, 2);
    expect(server.submits(known)).toEqual([1]);
  });

  it('waits when too much is unconfirmed, and goes on with the PONG', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ pingTimeoutMs: 8000 }, { maxInFlightOperations: 0 });
    server.link.isSilent = true;
    const body = new Uint8Array(1024 * 1024);
    let accepted = 0;
    const submitting = (async () => {
      for (; accepted < 20; accepted++) await session.submit(body);
    })();
    await eventually(() => server.submits(known).length >= 8, 'the window is full');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(accepted).toBeLessThan(12);
    const { link } = server;
    // Its own PING is answered all the same: the other side may be waiting for that.
    link.send(packetBytes(MessageType.Ping));
    await eventually(() => link.pongs === 1, 'the client has answered a PING');
    link.isSilent = false;
    for (; link.pings > 0; link.pings--) link.send(packetBytes(MessageType.Pong));
    await submitting;
    await eventually(() => server.submits(known).length === 20, 'all of it has come');
    expect(server.submits(known)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
  });

  it('does not hold up answers to PINGs behind one submit that is longer than what may be unconfirmed', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ pingTimeoutMs: 8000 });
    const { link } = server;
    link.isSilent = true;
    session.submitNow(new Uint8Array(12 * 1024 * 1024));
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    // A server whose result was as long waits for that, and does not answer before.
    link.send(packetBytes(MessageType.Ping));
    await eventually(() => link.pongs === 1, 'the client has answered a PING');
  });
});
