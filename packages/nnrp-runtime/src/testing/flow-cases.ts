import { ok, strictEqual } from 'node:assert';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { ComplianceStage, type ConnectedPair } from './compliance-stage.js';
import { assertTestPacket, TestPacket } from './test-packet.js';

const BODY_BYTES = 64 * 1024;
/** What both ends and the network between them may hold of a stream that is not read. */
const MOST_IN_FLIGHT = 32 * 1024 * 1024;

/** Backpressure, both ways of it. */
export function flowCases(setup: ComplianceSetup): ComplianceCase[] {
  return [
    {
      name: 'says false when the peer does not read, holds a bounded amount, and says drained once it reads',
      run: () => ComplianceStage.use(setup, fullAndDrained),
    },
    {
      name: 'delivers nothing while paused, and everything afterwards',
      run: () => ComplianceStage.use(setup, pauseAndResume),
    },
    {
      name: 'can be paused inside packet(), after which no other packet comes',
      run: () => ComplianceStage.use(setup, pauseInside),
    },
    {
      name: 'can be paused and resumed inside packet()',
      run: () => ComplianceStage.use(setup, resumeInside),
    },
    {
      name: 'goes on sending while it is paused',
      run: () => ComplianceStage.use(setup, sendWhilePaused),
    },
  ];
}

/** Sends until the peer, which does not read, has stopped everything. @returns the number of packets sent */
async function fill(stage: ComplianceStage, { client, clientSink }: ConnectedPair): Promise<number> {
  let sent = 0;
  for (;;) {
    let full = false;
    while (!full) {
      full = !client.send(new TestPacket(++sent, BODY_BYTES));
      ok(sent * BODY_BYTES <= MOST_IN_FLIGHT, `send() has taken ${MOST_IN_FLIGHT} bytes that are not read`);
    }
    const { drains } = clientSink;
    await stage.settle();
    if (clientSink.drains === drains) return sent;
  }
}

async function fullAndDrained(stage: ComplianceStage): Promise<void> {
  const pair = await stage.connect();
  const { client, server, clientSink, serverSink } = pair;
  client.start(clientSink);
  // It never started: the hardest way not to read.
  let sent = await fill(stage, pair);
  const { drains } = clientSink;
  server.start(serverSink);
  await clientSink.until(() => clientSink.drains > drains, 'drained() after the peer has begun to read');
  strictEqual(client.send(new TestPacket(++sent, 100)), true, 'send() after drained()');
  await serverSink.untilPackets(sent);
  for (let number = 1; number <= sent; number++) {
    assertTestPacket(serverSink.packets[number - 1], number, number === sent ? 100 : BODY_BYTES);
  }

  // The same again with a peer that stops in the middle.
  server.pause();
  const before = sent;
  for (let full = false; !full; ) full = !client.send(new TestPacket(++sent, BODY_BYTES));
  server.resume();
  await serverSink.untilPackets(sent);
  for (let number = before + 1; number <= sent; number++) {
    assertTestPacket(serverSink.packets[number - 1], number, BODY_BYTES);
  }
}

async function pauseAndResume(stage: ComplianceStage): Promise<void> {
  const { client, server, serverSink } = await stage.started();
  for (let round = 0; round < 5; round++) {
    server.pause();
    // Twice is as good as once.
    server.pause();
    const count = serverSink.packets.length;
    for (let number = count + 1; number <= count + 100; number++) client.send(new TestPacket(number, 2000));
    await stage.settle(5);
    strictEqual(serverSink.packets.length, count, 'packets delivered while paused');
    server.resume();
    server.resume();
    await serverSink.untilPackets(count + 100);
  }
  for (let number = 1; number <= 500; number++) assertTestPacket(serverSink.packets[number - 1], number, 2000);
}

async function pauseInside(stage: ComplianceStage): Promise<void> {
  const { client, server, serverSink } = await stage.started();
  serverSink.onPacket = () => server.pause();
  // Several chunks' worth: chunks that were read but not delivered must not change places.
  for (let number = 1; number <= 60; number++) client.send(new TestPacket(number, number % 3 === 0 ? 20_000 : 100));
  for (let number = 1; number <= 60; number++) {
    await serverSink.untilPackets(number);
    await stage.settle(number < 5 ? 5 : 1);
    strictEqual(serverSink.packets.length, number, 'packets delivered after pause() inside packet()');
    server.resume();
  }
  for (let number = 1; number <= 60; number++) {
    assertTestPacket(serverSink.packets[number - 1], number, number % 3 === 0 ? 20_000 : 100);
  }
}

async function resumeInside(stage: ComplianceStage): Promise<void> {
  const { client, server, serverSink } = await stage.started();
  serverSink.onPacket = () => {
    server.pause();
    server.resume();
  };
  for (let number = 1; number <= 500; number++) client.send(new TestPacket(number, 1000));
  await serverSink.untilPackets(500);
  for (let number = 1; number <= 500; number++) assertTestPacket(serverSink.packets[number - 1], number, 1000);
  strictEqual(serverSink.late.join(), '');
}

async function sendWhilePaused(stage: ComplianceStage): Promise<void> {
  const { client, server, clientSink } = await stage.started();
  server.pause();
  for (let number = 1; number <= 50; number++) {
    client.send(new TestPacket(number, 1000));
    server.send(new TestPacket(number, 1000));
  }
  await clientSink.untilPackets(50);
  for (let number = 1; number <= 50; number++) assertTestPacket(clientSink.packets[number - 1], number, 1000);
}
