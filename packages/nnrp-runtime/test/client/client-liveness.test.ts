import type { TimeoutError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { RESULT_PUSH, TRANSPORT_PROBE_ACK } from '../../src/connection/sending/codecs.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { COMPLETE, ScriptedServer } from '../support/scripted-server.js';
import { ANNOUNCEMENT } from '../support/session-peer.js';
import { packetBytes } from '../support/wire-packets.js';

const { ErrorCode, ErrorScope, MessageType } = preview3;

/** A long result comes in pieces of so many bytes. */
const PIECE_BYTES = 8 * 1024;

afterEach(() => ScriptedServer.clear());

const probeOf = async (server: ScriptedServer) => {
  const packet = await server.expect(MessageType.TransportProbe);
  return { packet, ...preview3.decodeTransportProbe(packet.view, packet.metadataStart) };
};
const answerProbe = (server: ScriptedServer, probeId: number) =>
  server.tell(MessageType.TransportProbeAck, 0, 0, TRANSPORT_PROBE_ACK, { probeId, serverRecvTsUs: BigInt(probeId) });

it('the close of a server that has gone silent takes no longer than closeTimeoutMs, whatever its drain', async () => {
  const server = await ScriptedServer.start({ closeTimeoutMs: 100 });
  const opening = server.client.openSession();
  await server.expect(MessageType.SessionOpen);
  server.openAck(1, { sessionExtensionBytes: ANNOUNCEMENT.length }, ANNOUNCEMENT);
  const session = await opening;
  const operation = session.submitNow('work');
  const outcome = expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
  const startMs = performance.now();
  expect(await server.client.close({ drainTimeoutMs: 60_000 })).toEqual({
    drained: false,
    cut: [{ sessionId: 1, frameId: 1 }],
  });
  await outcome;
  expect(performance.now() - startMs).toBeLessThan(5000);
});

describe('a ping', () => {
  it('gives the round trip', async () => {
    const server = await ScriptedServer.start();
    expect(server.client.roundTripMs).toBeUndefined();
    const pinging = server.client.ping();
    await server.expect(MessageType.Ping);
    server.send(packetBytes(MessageType.Pong));
    const roundTripMs = await pinging;
    expect(roundTripMs).toBeGreaterThan(0);
    expect(server.client.roundTripMs).toBe(roundTripMs);
  });

  it('without an answer ends the connection, and whatever waits on it', async () => {
    const server = await ScriptedServer.start({ pingTimeoutMs: 20 });
    const session = await server.open(1);
    const operation = await session.submit('x');
    await expect(server.client.ping()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 20 });
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    await expect(server.client.ping()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
  });

  it('waits for its answer behind a long result that the network brings slowly, and not behind one that stands still', async () => {
    const server = await ScriptedServer.start({ pingTimeoutMs: 100, keepAliveMs: 40 });
    const session = await server.open(1);
    const operation = await session.submit('x');
    await server.expect(MessageType.FrameSubmit);
    const pinging = server.client.ping();
    await server.expect(MessageType.Ping);
    const metadata = new Uint8Array(RESULT_PUSH.bytes);
    RESULT_PUSH.encode(COMPLETE, new DataView(metadata.buffer), 0);
    const whole = packetBytes(MessageType.ResultPush, 1, 1, metadata, new Uint8Array(1000 * PIECE_BYTES));
    const startMs = performance.now();
    let sent = 0;
    await eventually(() => {
      const passedMs = performance.now() - startMs;
      // A piece each 5 ms: the test must not send all of it in no time.
      for (; sent * 5 < passedMs * PIECE_BYTES; sent += PIECE_BYTES) {
        server.send(whole.subarray(sent, sent + PIECE_BYTES));
      }
      return passedMs > 600;
    }, 'several times the time-out has passed');
    expect(session.endReason).toBeUndefined();
    // What it says is how long that was: the time-out, and once more for each time that it was excused.
    const lost = (await pinging.catch((error: unknown) => error)) as TimeoutError;
    expect(lost).toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    expect([lost.timeoutMs > 100, lost.timeoutMs % 100]).toEqual([true, 0]);
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
  });

  it('is answered also while results wait unread and nothing is read', async () => {
    const server = await ScriptedServer.start({ maxBufferedResultBytes: 100 });
    const session = await server.open(1);
    const operation = await session.submit('x');
    await server.expect(MessageType.FrameSubmit);
    const paused = new Promise((resolve) => server.client.on('readingPaused', resolve));
    for (let part = 0; part < 10; part++) server.partial(1, 1, 'x'.repeat(100));
    await paused;
    const pinging = server.client.ping();
    await server.expect(MessageType.Ping);
    server.send(packetBytes(MessageType.Pong));
    await pinging;
    server.result(1, 1, 'end');
    const results = [];
    for await (const result of operation) results.push(result);
    expect(results.length).toBe(11);
  });
});

describe('a keep-alive', () => {
  it('asks again and again as long as it is answered, and ends a connection that is silent', async () => {
    const server = await ScriptedServer.start({ keepAliveMs: 10, pingTimeoutMs: 1000 });
    for (let round = 0; round < 3; round++) {
      await server.expect(MessageType.Ping);
      server.send(packetBytes(MessageType.Pong));
    }
    const silent = await ScriptedServer.start({ keepAliveMs: 10, pingTimeoutMs: 20 });
    expect(await silent.client.closed).toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 20 });
    expect(silent.peer.received.map(({ messageType }) => messageType)).toEqual([MessageType.Ping]);
  });

  it('is off by default', async () => {
    const server = await ScriptedServer.start({ pingTimeoutMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.settled();
    expect(server.peer.received.map(({ messageType }) => messageType)).toEqual([MessageType.Pong]);
  });
});

describe('a probe', () => {
  it('measures a packet of the wanted size, before and between sessions', async () => {
    const server = await ScriptedServer.start();
    for (const payloadBytes of [32_768, 0, 100]) {
      const probing = payloadBytes === 32_768 ? server.client.probe() : server.client.probe({ payloadBytes });
      const { packet, probeId, probePayloadBytes, clientSendTsUs } = await probeOf(server);
      expect([packet.sessionId, packet.bodyLength, probePayloadBytes]).toEqual([0, payloadBytes, payloadBytes]);
      expect(Number(clientSendTsUs) / 1000).toBeCloseTo(Date.now(), -4);
      answerProbe(server, probeId);
      const { roundTripUs, serverReceivedAtUs, sentBytes } = await probing;
      expect([serverReceivedAtUs, sentBytes]).toEqual([BigInt(probeId), 56 + payloadBytes]);
      expect(roundTripUs).toBeGreaterThan(0);
      await (await server.open(probeId)).sessionId;
    }
  });

  it('gets its own answer when several are under way', async () => {
    const server = await ScriptedServer.start();
    const probing = [1, 2, 3].map(() => server.client.probe({ payloadBytes: 1 }));
    const ids = [];
    for (const _ of probing) ids.push((await probeOf(server)).probeId);
    expect(new Set(ids).size).toBe(3);
    for (const probeId of [...ids].reverse()) answerProbe(server, probeId);
    expect((await Promise.all(probing)).map(({ serverReceivedAtUs }) => Number(serverReceivedAtUs))).toEqual(ids);
  });

  it('is given up after its time; a late or unknown answer is a stray', async () => {
    const server = await ScriptedServer.start();
    const strays: number[] = [];
    server.client.on('stray', ({ packet }) => strays.push(packet.messageType));
    const probing = server.client.probe({ timeoutMs: 10 });
    const { probeId } = await probeOf(server);
    await expect(probing).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 10 });
    answerProbe(server, probeId);
    answerProbe(server, 999);
    await server.settled();
    expect(strays).toEqual([MessageType.TransportProbeAck, MessageType.TransportProbeAck]);
  });

  it('is refused by a server that does not serve it, and by the end of the connection', async () => {
    const server = await ScriptedServer.start();
    const probing = server.client.probe();
    await probeOf(server);
    const errorCode = ErrorCode.UnsupportedCapability;
    server.error(0, 0, { errorScope: ErrorScope.Connection, errorCode });
    await expect(probing).rejects.toMatchObject({ code: 'NNRP_ERR_PEER', wireCode: errorCode });
    const cut = server.client.probe();
    await probeOf(server);
    server.vanish();
    await expect(cut).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|TRANSPORT/) });
    await expect(server.client.probe()).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|TRANSPORT/) });
  });

  it.each([-1, 1.5, Number.NaN, 1000 - 55, '5'])('cannot have %s bytes', async (payloadBytes) => {
    const server = await ScriptedServer.start({ maxPacketBytes: 1000 });
    const probing = server.client.probe({ payloadBytes: payloadBytes as number });
    await expect(probing).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });
});

describe('what a client reports', () => {
  it('comes by listener and as a stream, which ends with the connection', async () => {
    const server = await ScriptedServer.start();
    expect(server.client.remoteAddress).toMatch(carrier.peerAddress);
    const events = server.client.events();
    const seen = (async () => {
      const types = [];
      for await (const event of events) types.push(event.type);
      return types;
    })();
    server.send(packetBytes(MessageType.SessionCloseAck, 9, 0, new Uint8Array(16)));
    server.error(9, 0);
    server.flow(0, 1);
    server.send(packetBytes(MessageType.Close));
    expect(await seen).toEqual(['stray', 'peerError', 'flowUpdate', 'closed']);
    expect((await server.client.closed).code).toBe('NNRP_ERR_CLOSED');
    for await (const _ of server.client.events()) throw new Error('nothing happens any more');
  });

  it('is bounded: who does not read loses the oldest, and is told how many', async () => {
    const server = await ScriptedServer.start();
    const events = server.client.events();
    for (let sessionId = 1; sessionId <= 1030; sessionId++) server.error(sessionId, 0);
    await server.settled();
    expect(events.dropped).toBe(6);
    for await (const event of events) {
      expect(event).toMatchObject({ type: 'peerError', sessionId: 7 });
      break;
    }
  });
});

it('a malformed message for a session that is over harms nobody', async () => {
  const server = await ScriptedServer.start();
  const session = await server.open(1);
  const violations: number[] = [];
  server.client.on('protocolViolation', ({ sessionId }) => violations.push(sessionId));
  server.send(packetBytes(MessageType.CacheInvalidate, 77, 0, new Uint8Array(20).fill(9)));
  await server.settled();
  expect([violations, session.endReason]).toEqual([[77], undefined]);
});

describe('a connection that the server ends without a word', () => {
  it.each([
    ['a session', MessageType.SessionOpen, (server: ScriptedServer) => server.client.openSession()],
    ['a hello', MessageType.ClientHello, (server: ScriptedServer) => server.client.hello()],
    ['a probe', MessageType.TransportProbe, (server: ScriptedServer) => server.client.probe()],
    ['a ping', MessageType.Ping, (server: ScriptedServer) => server.client.ping()],
  ])('is lost while %s waits for its answer', async (_what, messageType, ask) => {
    const server = await ScriptedServer.start();
    const asked: Promise<unknown> = ask(server);
    await server.expect(messageType);
    server.peer.socket.end();
    await expect(asked).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(await server.client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it('is over in good order when nothing is open and nothing is waited for', async () => {
    const server = await ScriptedServer.start();
    server.peer.socket.end();
    expect(await server.client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });
});

it('bytes that are no packets are reported as a violation, once', async () => {
  const server = await ScriptedServer.start();
  const violations: unknown[] = [];
  server.client.on('protocolViolation', ({ error }) => violations.push(error));
  server.send(new Uint8Array(64).fill(0xff));
  const reason = await server.client.closed;
  await new Promise(setImmediate);
  expect(reason).toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
  expect(violations).toEqual([expect.objectContaining({ message: reason.message })]);
});
