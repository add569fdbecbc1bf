import { once } from 'node:events';
import type { TimeoutError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectionLost } from '../../../src/server/contract/server-events.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { within } from '../../../src/testing/within.js';
import { described } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { PATIENCE_MS } from '../../support/raw-peer.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { packetBytes } from '../../support/wire-packets.js';

const { MessageType } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

/** What the server says about the next connection that it loses. */
async function lost(server: NnrpServer): Promise<ConnectionLost> {
  const [loss] = await within(once(server, 'connectionLost'), PATIENCE_MS, 'a lost connection');
  return loss as ConnectionLost;
}

it('an operation that waits for a client that has paused it and says nothing does not keep the connection', async () => {
  const server = await stage.serve({ idleTimeoutMs: 300, keepAliveMs: 0 });
  const loss = lost(server);
  const peer = await SessionPeer.open(stage, server, { announced: false });
  const session = await server.accept();
  peer.submit(1);
  const operation = await session.receiveSubmit();
  peer.flow({ scopeKind: preview3.ScopeKind.Session, updateReason: preview3.UpdateReason.Pause, creditEpoch: 1 });
  expect(await peer.answers()).toEqual([]);
  const held = operation.push('nobody wants it').catch((error: { code: string }) => error.code);
  expect((await loss).error).toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 300 });
  expect(await held).toBe('NNRP_ERR_TIMEOUT');
});

describe('a PING of the server', () => {
  it('goes to an announced client that is silent, again and again while it is answered', async () => {
    const server = await stage.serve({ keepAliveMs: 20 });
    const peer = await SessionPeer.open(stage, server);
    for (let count = 0; count < 3; count++) {
      expect(await peer.next()).toBe('ping');
      peer.raw.send(packetBytes(MessageType.Pong));
    }
    peer.submit(1);
    expect((await (await server.accept()).receiveSubmit()).frameId).toBe(1);
  });

  it('is not sent while a packet arrives, which no PONG could overtake', async () => {
    const server = await stage.serve({ keepAliveMs: 100, pingTimeoutMs: 30 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const submit = peer.submitBytes(1, new Uint8Array(100_000));
    const startMs = performance.now();
    let sent = 0;
    await eventually(() => {
      const passedMs = performance.now() - startMs;
      for (; sent < passedMs * 100; sent += 1000) peer.raw.send(submit.subarray(sent, sent + 1000));
      return passedMs > 600;
    }, 'several times the time-out has passed');
    expect(peer.raw.received.filter(({ messageType }) => messageType === MessageType.Ping)).toHaveLength(0);
    peer.raw.send(submit.subarray(sent));
    expect((await session.receiveSubmit()).body.length).toBe(100_000);
  });

  it('whose PONG lies behind what the client sends costs nothing while that comes', async () => {
    const server = await stage.serve({ keepAliveMs: 20, pingTimeoutMs: 30 });
    const loss = lost(server);
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    expect(await peer.next()).toBe('ping');
    const startMs = performance.now();
    let frames = 0;
    await eventually(() => {
      const passedMs = performance.now() - startMs;
      for (; frames < passedMs / 5; frames++)
        peer.flow({ scopeKind: preview3.ScopeKind.Session, creditEpoch: frames + 1 });
      return passedMs > 600;
    }, 'several times the time-out has passed');
    expect(session.state).toBe('open');
    // Nothing comes any more. What it says is how long the PONG was waited for.
    const { error } = await loss;
    expect(error).toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    const { timeoutMs } = error as TimeoutError;
    expect([timeoutMs > 30, timeoutMs % 30]).toEqual([true, 0]);
  });

  it('that is not answered costs the connection, and nothing is sent in between', async () => {
    const server = await stage.serve({ keepAliveMs: 20, pingTimeoutMs: 30 });
    const loss = lost(server);
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    expect(await peer.next()).toBe('ping');
    await peer.raw.closed();
    expect((await loss).error).toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 30 });
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    expect(peer.raw.received.filter(({ messageType }) => messageType === MessageType.Ping)).toHaveLength(1);
  });

  it('shows that a client has gone while nothing is read', async () => {
    const server = await stage.serve({ keepAliveMs: 20, maxQueuedBytesPerConnection: 64 << 10 });
    const loss = lost(server);
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    // More than the server queues, so that it stops reading before the end.
    for (let frame = 1; frame <= 64; frame++) peer.submit(frame, new Uint8Array(16 << 10));
    await eventually(() => session.stats().queuedBytes > 0, 'submits wait');
    peer.raw.reset();
    expect((await loss).error).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it('goes on while nothing is read: a client that hears nothing would give up the connection', async () => {
    const { server, client } = await stage.pair(
      { keepAliveMs: 100, maxQueuedBytesPerConnection: 64 << 10, maxInFlightOperations: 16 },
      { keepAliveMs: 400, pingTimeoutMs: 200 },
    );
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    void server.serve({ submit: () => released }, { maxConcurrentOperations: 1 });
    const session = await client.openSession();
    // More than the server queues, but no more than the client's system takes.
    const answers = Array.from({ length: 10 }, () => session.request(new Uint8Array(16 << 10)));
    await new Promise((resolve) => setTimeout(resolve, 2500));
    release();
    expect(await Promise.all(answers)).toHaveLength(10);
  });

  it('measures the round trip when the application asks, and is refused for a client that does not know it', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    expect(session.roundTripMs).toBeUndefined();
    const measured = session.ping();
    expect(await peer.next()).toBe('ping');
    peer.raw.send(packetBytes(MessageType.Pong));
    expect(await measured).toBe(session.roundTripMs);
    expect(session.roundTripMs).toBeGreaterThan(0);
    await SessionPeer.open(stage, server, { announced: false });
    await expect((await server.accept()).ping()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('never goes to a reference client, nor to a client that is busy talking', async () => {
    const server = await stage.serve({ keepAliveMs: 20, idleTimeoutMs: 200 });
    const reference = await SessionPeer.open(stage, server, { announced: false });
    await reference.raw.closed();
    expect(reference.raw.received.map(({ messageType }) => messageType)).toEqual([MessageType.SessionOpenAck]);
  });
});

describe('a PING of the client', () => {
  it('is answered, before and within sessions, each with one PONG', async () => {
    const server = await stage.serve();
    const raw = await stage.peer(server);
    raw.send(packetBytes(MessageType.Ping), packetBytes(MessageType.Ping));
    expect([described(await raw.next()), described(await raw.next())]).toEqual(['pong', 'pong']);
    const peer = await SessionPeer.openOn(raw);
    expect(await peer.answers()).toEqual([]);
  });

  it('needs no PONG of its own making: one that nobody asked for says nothing', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    peer.raw.send(packetBytes(MessageType.Pong), packetBytes(MessageType.Pong));
    expect(await peer.answers()).toEqual([]);
  });
});

describe('a connection that is silent', () => {
  it('with nothing in progress is closed after idleTimeoutMs: its sessions are told, then the peer', async () => {
    const server = await stage.serve({ idleTimeoutMs: 40 });
    const loss = lost(server);
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const sibling = await SessionPeer.openOn(peer.raw);
    const said: string[] = [];
    for (let count = 0; count < 3; count++) {
      const packet = await peer.packet();
      said.push(`${packet.sessionId} ${described(packet)}`);
    }
    expect(said).toEqual([
      `${peer.sessionId} close idle_timeout`,
      `${sibling.sessionId} close idle_timeout`,
      '0 close',
    ]);
    await peer.raw.closed();
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 40 });
    expect((await loss).error).toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
  });

  it('of a reference client just ends', async () => {
    const server = await stage.serve({ idleTimeoutMs: 40 });
    const peer = await SessionPeer.open(stage, server, { announced: false });
    await peer.raw.closed();
    expect(peer.raw.received.map(({ messageType }) => messageType)).toEqual([MessageType.SessionOpenAck]);
  });

  it('is not idle while it waits for an answer', async () => {
    const server = await stage.serve({ idleTimeoutMs: 40 });
    const busy = await SessionPeer.open(stage, server);
    const session = await server.accept();
    busy.submit(1);
    const operation = await session.receiveSubmit();
    // Another connection comes and goes in silence, so that the time has passed, twice.
    for (let count = 0; count < 2; count++) {
      const idle = await SessionPeer.open(stage, server, { announced: false });
      await idle.raw.closed();
    }
    expect(session.state).toBe('open');
    await operation.complete('at last');
    expect(await busy.next()).toBe('result 1 at last');
    // And is from then on.
    expect(await busy.next()).toBe('close idle_timeout');
  });

  it('may be silent for ever with idleTimeoutMs: 0', async () => {
    const server = await stage.serve({ idleTimeoutMs: 0, keepAliveMs: 10 });
    const peer = await SessionPeer.open(stage, server);
    for (let count = 0; count < 5; count++) {
      expect(await peer.next()).toBe('ping');
      peer.raw.send(packetBytes(MessageType.Pong));
    }
    expect(server.sessionCount).toBe(1);
  });
});

describe('a packet that takes too long to arrive', () => {
  it('costs the connection, which is told so', async () => {
    const server = await stage.serve({ packetTimeoutMs: 40 });
    const loss = lost(server);
    const peer = await SessionPeer.open(stage, server);
    peer.raw.send(peer.submitBytes(1, new Uint8Array(1000)).subarray(0, 500));
    expect(await peer.take(2)).toEqual(['error connection 0 limit_exceeded', 'close']);
    await peer.raw.closed();
    expect((await loss).error).toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
  });

  it('cannot be dragged out byte by byte', async () => {
    const server = await stage.serve({ packetTimeoutMs: 60 });
    const peer = await SessionPeer.open(stage, server);
    const bytes = peer.submitBytes(1, new Uint8Array(100_000));
    let at = 0;
    const dripping = setInterval(() => peer.raw.send(bytes.subarray(at, ++at)), 2);
    try {
      expect(await peer.next()).toBe('error connection 0 limit_exceeded');
    } finally {
      clearInterval(dripping);
    }
    expect(at).toBeLessThan(bytes.length);
  });

  it('leaves other connections alone', async () => {
    const server = await stage.serve({ packetTimeoutMs: 40 });
    const slow = await SessionPeer.open(stage, server);
    await server.accept();
    const quick = await SessionPeer.open(stage, server);
    const session = await server.accept();
    slow.raw.send(slow.submitBytes(1).subarray(0, 50));
    expect(await slow.next()).toBe('error connection 0 limit_exceeded');
    quick.submit(1);
    await (await session.receiveSubmit()).complete('x');
    expect(await quick.next()).toBe('result 1 x');
  });
});
