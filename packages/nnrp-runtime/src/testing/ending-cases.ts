import { ok, strictEqual } from 'node:assert';
import { TransportError } from 'nnrp-core';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { ComplianceStage, type ConnectedPair } from './compliance-stage.js';
import type { RecordingSink } from './recording-sink.js';
import { assertTestPacket, TestPacket } from './test-packet.js';

/** How a connection ends, in good order and otherwise. */
export function endingCases(setup: ComplianceSetup): ComplianceCase[] {
  return [
    {
      name: 'close() delivers what was queued, then closed() once on both ends and nothing after it',
      run: () => ComplianceStage.use(setup, closeDelivers),
    },
    {
      name: 'close() may be called inside packet(), on both ends at once, and again',
      run: () => ComplianceStage.use(setup, closeEverywhere),
    },
    {
      name: 'close() before start() is told to the sink of a later start(), on both ends',
      run: () => ComplianceStage.use(setup, closeBeforeStart),
    },
    {
      name: 'close() delivers what was queued to a peer that is paused, once it resumes',
      run: () => ComplianceStage.use(setup, closeToPaused),
    },
    {
      name: 'close() resolves in bounded time although the peer never reads',
      run: () => ComplianceStage.use(setup, closeToSilent),
    },
    {
      name: 'abort() ends both ends promptly, and hands its error to its own',
      run: () => ComplianceStage.use(setup, abortEnds),
    },
    {
      name: 'does not leave an end that waits for room, and reads nothing until then, waiting for a peer that is gone',
      run: () => ComplianceStage.use(setup, goneWhileFull),
    },
    {
      name: 'tells its sink of the end after close() or abort(), although packets of a peer that is gone were not read',
      run: () => ComplianceStage.use(setup, leaveUnread),
    },
    {
      name: 'does nothing when told to send, pause, resume, close or abort after the end',
      run: () => ComplianceStage.use(setup, afterTheEnd),
    },
  ];
}

function assertClosedOnce(sink: RecordingSink, end: string): void {
  strictEqual(sink.closes.length, 1, `closed() calls on the ${end}`);
  strictEqual(sink.late.join(), '', `calls after closed() on the ${end}`);
}

async function closeDelivers(stage: ComplianceStage): Promise<void> {
  // Either end may be the one to close.
  for (const closing of ['client', 'server'] as const) {
    const pair = await stage.started();
    const sink = closing === 'client' ? pair.serverSink : pair.clientSink;
    for (let number = 1; number <= 40; number++) pair[closing].send(new TestPacket(number, 50_000));
    const closed = pair[closing].close();
    pair[closing].send(new TestPacket(99, 10));
    await stage.wait(closed, 'close()');
    await pair.clientSink.untilClosed();
    await pair.serverSink.untilClosed();
    strictEqual(sink.packets.length, 40, 'packets delivered before closed()');
    for (let number = 1; number <= 40; number++) assertTestPacket(sink.packets[number - 1], number, 50_000);
    strictEqual(sink.closes[0]?.message, undefined, 'error of an orderly end');
    await stage.settle();
    assertClosedOnce(pair.clientSink, 'client');
    assertClosedOnce(pair.serverSink, 'server');
  }
}

async function closeEverywhere(stage: ComplianceStage): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.started();
  serverSink.onPacket = () => void server.close();
  for (let number = 1; number <= 10; number++) client.send(new TestPacket(number, 1000));
  await serverSink.untilClosed();
  await clientSink.untilClosed();
  strictEqual(serverSink.packets.length, 1, 'packets delivered although packet() has closed the connection');

  const other = await stage.started();
  const all = [other.client.close(), other.server.close(), other.client.close(), other.server.close()];
  await stage.wait(Promise.all(all), 'close() on both ends');
  await stage.wait(other.client.close(), 'close() after the end');
  await stage.settle();
  for (const sink of [clientSink, other.clientSink]) assertClosedOnce(sink, 'client');
  for (const sink of [serverSink, other.serverSink]) assertClosedOnce(sink, 'server');
}

async function closeBeforeStart(stage: ComplianceStage): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.connect();
  client.send(new TestPacket(1, 100));
  const closed = client.close();
  await stage.settle();
  server.start(serverSink);
  await serverSink.untilClosed();
  strictEqual(serverSink.packets.length, 1);
  await stage.wait(closed, 'close() before start()');
  client.start(clientSink);
  await clientSink.untilClosed();
  await stage.settle();
  assertClosedOnce(clientSink, 'client');
  assertClosedOnce(serverSink, 'server');
}

async function closeToPaused(stage: ComplianceStage): Promise<void> {
  const { client, server, serverSink } = await stage.started();
  serverSink.onPacket = () => server.pause();
  for (let number = 1; number <= 5; number++) client.send(new TestPacket(number, 300));
  const closed = client.close();
  for (let number = 1; number <= 5; number++) {
    await serverSink.untilPackets(number);
    await stage.settle(2);
    strictEqual(serverSink.packets.length, number);
    if (number < 5) strictEqual(serverSink.closes.length, 0, 'closed() before everything was delivered');
    server.resume();
  }
  await serverSink.untilClosed();
  for (let number = 1; number <= 5; number++) assertTestPacket(serverSink.packets[number - 1], number, 300);
  await stage.wait(closed, 'close()');
}

async function closeToSilent(stage: ComplianceStage): Promise<void> {
  const { client, clientSink } = await stage.connect();
  client.start(clientSink);
  for (let number = 1; number <= 200; number++) client.send(new TestPacket(number, 100_000));
  await stage.wait(client.close(), 'close() with a peer that never reads');
  await clientSink.untilClosed();
  assertClosedOnce(clientSink, 'client');
}

async function abortEnds(stage: ComplianceStage): Promise<void> {
  for (const aborting of ['client', 'server'] as const) {
    const pair = await stage.started();
    const error = new TransportError('aborted by the test');
    pair[aborting].send(new TestPacket(1, 5_000_000));
    pair[aborting].abort(error);
    // It may end at once, but not before abort() has returned to a caller in the middle of something.
    const [own, other] = sinksFrom(pair, aborting);
    await own.untilClosed();
    await other.untilClosed();
    strictEqual(own.closes[0], error, 'error of abort()');
    await stage.settle();
    assertClosedOnce(own, 'end that aborted');
    assertClosedOnce(other, 'other end');
    ok(other.packets.length <= 1);
  }
}

async function goneWhileFull(stage: ComplianceStage): Promise<void> {
  for (const ending of ['abort', 'close'] as const) {
    const { client, server, serverSink } = await stage.started();
    client.pause();
    // As an outbox does: it asks for nothing more while its answers wait.
    serverSink.onPacket = () => {
      if (serverSink.packets.length > 1) return;
      server.pause();
      for (let full = false; !full; ) full = !server.send(new TestPacket(1, 500_000));
    };
    serverSink.onDrained = () => server.resume();
    for (let number = 1; number <= 3; number++) client.send(new TestPacket(number, 300));
    await serverSink.untilPackets(1);
    await stage.settle();
    if (ending === 'abort') client.abort();
    else await stage.wait(client.close(), 'close() with unread packets');
    await serverSink.untilClosed();
    assertClosedOnce(serverSink, 'end that waited for room');
  }
}

async function leaveUnread(stage: ComplianceStage): Promise<void> {
  for (const gone of ['client', 'server'] as const) {
    for (const leaving of ['abort', 'close'] as const) {
      const pair = await stage.started();
      const [, sink] = sinksFrom(pair, gone);
      const left = gone === 'client' ? pair.server : pair.client;
      sink.onPacket = () => left.pause();
      for (let number = 1; number <= 3; number++) pair[gone].send(new TestPacket(number, 300));
      await sink.untilPackets(1);
      await stage.wait(pair[gone].close(), 'close() to a peer that is paused');
      await stage.settle();
      if (leaving === 'abort') left.abort();
      else await stage.wait(left.close(), 'close() with unread packets');
      await sink.untilClosed();
      await stage.settle();
      assertClosedOnce(sink, 'end that left');
      strictEqual(sink.packets.length, 1, 'packets delivered');
    }
  }
}

function sinksFrom(pair: ConnectedPair, end: 'client' | 'server'): [own: RecordingSink, other: RecordingSink] {
  return end === 'client' ? [pair.clientSink, pair.serverSink] : [pair.serverSink, pair.clientSink];
}

async function afterTheEnd(stage: ComplianceStage): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.started();
  client.send(new TestPacket(1, 100));
  void client.close();
  await serverSink.untilClosed();
  await clientSink.untilClosed();
  for (const transport of [client, server]) {
    for (let number = 0; number < 50; number++) {
      strictEqual(transport.send(new TestPacket(number, 100_000)), true, 'send() after the end');
    }
    transport.pause();
    transport.resume();
    transport.abort(new TransportError('too late'));
    await stage.wait(transport.close(), 'close() after the end');
  }
  await stage.settle();
  assertClosedOnce(clientSink, 'client');
  assertClosedOnce(serverSink, 'server');
  strictEqual(serverSink.packets.length, 1);
}
