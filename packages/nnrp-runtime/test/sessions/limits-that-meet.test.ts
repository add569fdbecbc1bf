import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { HandlerFailure } from '../../src/server/contract/server-events.js';
import { described } from '../support/described.js';
import { eventually } from '../support/eventually.js';
import { ScriptedServer } from '../support/scripted-server.js';
import { SessionPeer } from '../support/session-peer.js';
import { Stage } from '../support/stage.js';
import { packetBytes, submitBytes } from '../support/wire-packets.js';

const { COMMON_HEADER_OFFSETS, MessageType } = preview3;
const { Tcp, Quic } = preview3.TransportId;
const LAST = 2n ** 64n - 1n;
const KIB = 1024;
const stage = new Stage();
afterEach(async () => {
  await ScriptedServer.clear();
  await stage.clear();
});

describe('a thousand patches and moves at once', () => {
  it.each([
    ['with a handler', { patch: () => Promise.resolve({}), migrate: () => Promise.resolve({}) }],
    ['without one', {}],
  ])('are all answered, %s, and work in progress lives', async (_name, handlers) => {
    const { server, client } = await stage.pair();
    let finish: () => void = () => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    void server.serve({ submit: () => work.then(() => 'done'), ...handlers });
    const session = await client.openSession();
    const operation = await session.submit('work');
    const asked = [];
    for (let count = 0; count < 1000; count++) {
      asked.push(session.patch({ targetCadenceX100: 1 }));
      const move = { oldTransportId: Tcp, newTransportId: Quic, lastResultFrameId: LAST, clientMigrateTsUs: 0n };
      asked.push(session.migrateTransport(move));
    }
    const answers = await Promise.all(asked);
    expect(answers).toHaveLength(2000);
    finish();
    expect(new TextDecoder().decode((await operation.result()).body)).toBe('done');
    expect(server.stats().unansweredRequests?.hits).toBe(0);
  });

  it('are sent 16 at a time, in order; what waits ends with the close of its session, or its own time', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const asked = Array.from({ length: 40 }, (_, count) => session.patch({ targetCadenceX100: count }));
    const late = session.patch({ targetCadenceX100: 99 }, undefined, { timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    server.send(packetBytes(MessageType.Ping));
    while ((await server.next()).messageType !== MessageType.Pong);
    const { received } = server.peer;
    expect(received.filter(({ messageType }) => messageType === MessageType.SessionPatch)).toHaveLength(16);
    await expect(session.patch({ targetCadenceX100: -1 })).rejects.toMatchObject({
      code: 'NNRP_ERR_USAGE',
      rawMessage: 'patch fields: targetCadenceX100 takes an integer of 0 to 4294967295, got -1',
    });
    const closing = session.close();
    for (const waiting of asked.slice(16)) await expect(waiting).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    server.vanish();
    await expect(closing).rejects.toThrow();
    for (const sent of asked.slice(0, 16)) await expect(sent).rejects.toThrow();
  });
});

describe('a packet above the limit of the other side', () => {
  it('is refused before it is sent, and costs nothing else: a submit, a result', async () => {
    const { server, client } = await stage.pair({ maxPacketBytes: 100 * KIB }, { maxPacketBytes: 50 * KIB });
    const failures: HandlerFailure[] = [];
    server.on('handlerFailure', (failure) => failures.push(failure));
    void server.serve({
      submit: ({ body }) => (body.length === 1 ? new Uint8Array(60 * KIB) : 'ok'),
    });
    const [one, two] = [await client.openSession(), await client.openSession()];
    await expect(one.submit(new Uint8Array(101 * KIB))).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(() => one.submitNow(new Uint8Array(101 * KIB))).toThrow(/FRAME_SUBMIT .* limit is 102400 bytes/);
    const large = (await one.submit('x')).result();
    await expect(large).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_TOO_LARGE' });
    await expect(large).rejects.toThrow(/RESULT_PUSH .* limit is 51200 bytes/);
    expect(failures).toHaveLength(1);
    for (const session of [one, two]) await (await session.submit(new Uint8Array(90 * KIB))).result();
  });

  it('costs its frame alone where the limit is not known', async () => {
    const { server, client } = await stage.pair({ maxPacketBytes: 100 * KIB }, { announce: false });
    void server.serve({ submit: () => 'ok' });
    const [one, two] = [await client.openSession(), await client.openSession()];
    const large = (await one.submit(new Uint8Array(300 * KIB))).result();
    await expect(large).rejects.toThrow(/FRAME_SUBMIT: .*307312/);
    for (const session of [one, two]) await (await session.submit('small')).result();
    expect(server.stats().packetBytes?.hits).toBe(1);
  });

  it('ends the connection when its metadata cannot be that of its message', async () => {
    const server = await stage.serve({ maxPacketBytes: 100 * KIB });
    const peer = await SessionPeer.open(stage, server);
    const header = submitBytes(peer.sessionId, 1).slice(0, preview3.COMMON_HEADER_BYTES);
    const view = new DataView(header.buffer);
    const { metaLen, bodyLen } = COMMON_HEADER_OFFSETS;
    view.setUint32(metaLen, preview3.FRAME_SUBMIT_BYTES - 1, true);
    view.setUint32(bodyLen, 101 * KIB, true);
    peer.raw.send(header);
    expect(described(await peer.raw.next('ERROR'))).toBe('error connection 0 limit_exceeded');
    await peer.raw.closed();
  });

  it('costs its operation alone at a client, also when it comes byte by byte', async () => {
    const server = await ScriptedServer.start({ maxPacketBytes: 1000 });
    const session = await server.open(1);
    const [large, small] = [session.submitNow('1'), session.submitNow('2')];
    server.result(1, 1, 'x'.repeat(5000));
    server.result(1, 2, 'small');
    await expect(large.result()).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    expect(new TextDecoder().decode((await small.result()).body)).toBe('small');
  });
});

describe('answers behind results that nobody reads', () => {
  it('are given up with an error that says so, and everything goes on when the results are read', async () => {
    const server = await ScriptedServer.start({ maxBufferedResultBytes: 64 * KIB });
    const session = await server.open(1);
    const operation = session.submitNow('1');
    const patch = session.patch({ targetCadenceX100: 1 });
    const parts = 150;
    for (let part = 0; part < parts; part++) server.partial(1, 1, 'x'.repeat(10 * KIB));
    await expect(patch).rejects.toMatchObject({ code: 'NNRP_ERR_FLOW_BLOCKED', reason: 'unread_results' });
    await expect(session.patch({ targetCadenceX100: 1 })).rejects.toThrow(/too much arrives before the answer/);
    server.result(1, 1, 'end');
    let seen = 0;
    for await (const { partial } of operation) if (partial) seen++;
    expect(seen).toBe(parts);
  });

  it('do not cost the connection of an application that reads slowly: keep-alive', async () => {
    const config = { maxBufferedResultBytes: 64 * KIB, keepAliveMs: 20, pingTimeoutMs: 40 };
    const server = await ScriptedServer.start(config);
    const session = await server.open(1);
    const operation = session.submitNow('1');
    while ((await server.next()).messageType !== MessageType.Ping);
    for (let part = 0; part < 20; part++) server.partial(1, 1, 'x'.repeat(10 * KIB));
    // Longer than any PONG is waited for.
    const idle = performance.now() + 200;
    await eventually(() => performance.now() > idle, 'time has passed');
    server.result(1, 1, 'end');
    let seen = 0;
    for await (const { partial } of operation) if (partial) seen++;
    expect(seen).toBe(20);
  });
});

describe('a server that takes nothing', () => {
  it('is not read any more when answers to it pile up', async () => {
    let [paused, received, sent] = [false, 0, 0];
    const server = await ScriptedServer.start({}, (transport) => {
      const start = transport.start.bind(transport);
      const send = transport.send.bind(transport);
      const pause = transport.pause.bind(transport);
      transport.start = (sink) => {
        const packet = sink.packet.bind(sink);
        sink.packet = (next) => {
          received++;
          packet(next);
        };
        start(sink);
      };
      transport.send = (packet) => {
        sent++;
        return send(packet);
      };
      transport.pause = () => {
        paused = true;
        pause();
      };
    });
    server.peer.socket.pause();
    const ping = packetBytes(MessageType.Ping);
    server.send(Buffer.concat(Array.from({ length: 400_000 }, () => ping)));
    await eventually(() => paused, 'reading has stopped');
    // Each is answered by a packet as long; those that the transport has not been given wait in the client.
    expect(received).toBeLessThan(400_000);
    expect((received - sent) * ping.length).toBeLessThan(KIB * KIB);
  });
});
