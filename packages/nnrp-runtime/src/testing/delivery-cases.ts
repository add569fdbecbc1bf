import { notStrictEqual, strictEqual } from 'node:assert';
import type { Packet } from 'nnrp-core';
import type { FramedTransport } from '../transport/contract/contract.js';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { ComplianceStage } from './compliance-stage.js';
import { assertTestPacket, TestPacket } from './test-packet.js';

/** Lengths around everything that a framing or a buffer could trip over. */
const BODY_SIZES = [0, 1, 39, 40, 41, 65_535, 65_536, 65_537, 5 * 1024 * 1024];

/** What arrives, and in which order. */
export function deliveryCases(setup: ComplianceSetup): ComplianceCase[] {
  return [
    {
      name: 'delivers packets whole and in order, in both directions at once',
      run: () => ComplianceStage.use(setup, bothDirections),
    },
    ...BODY_SIZES.map((bytes) => ({
      name: `delivers a body of ${bytes} bytes unchanged, between two others`,
      run: () => ComplianceStage.use(setup, (stage) => bodyOf(stage, bytes)),
    })),
    {
      name: 'loses nothing that was sent before the peer started',
      run: () => ComplianceStage.use(setup, beforeStart),
    },
    {
      name: 'never reuses bytes that it has handed over',
      run: () => ComplianceStage.use(setup, heldBytes),
    },
    {
      name: 'delivers 10,000 packets of one turn',
      run: () => ComplianceStage.use(setup, oneTurn),
    },
  ];
}

/** Sizes that put packet boundaries everywhere in a chunk. */
const sizeOf = (number: number) => (number * 7919) % 3001;

async function bothDirections(stage: ComplianceStage): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.started();
  for (let number = 1; number <= 500; number++) {
    client.send(new TestPacket(number, sizeOf(number)));
    server.send(new TestPacket(number + 500, sizeOf(number)));
    if (number % 50 === 0) await stage.settle(1);
  }
  await serverSink.untilPackets(500);
  await clientSink.untilPackets(500);
  for (let number = 1; number <= 500; number++) {
    assertTestPacket(serverSink.packets[number - 1], number, sizeOf(number));
    assertTestPacket(clientSink.packets[number - 1], number + 500, sizeOf(number));
  }
}

async function bodyOf(stage: ComplianceStage, bytes: number): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.started();
  for (const [from, sink] of [
    [client, serverSink],
    [server, clientSink],
  ] as const) {
    from.send(new TestPacket(1, 10));
    from.send(new TestPacket(2, bytes));
    from.send(new TestPacket(3, 10));
    await sink.untilPackets(3);
    for (const [index, size] of [10, bytes, 10].entries()) assertTestPacket(sink.packets[index], index + 1, size);
  }
}

async function beforeStart(stage: ComplianceStage): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.connect();
  // One side has started and the other has not; then the other way round.
  client.start(clientSink);
  sendTwenty(client);
  await stage.settle();
  server.start(serverSink);
  await serverSink.untilPackets(20);
  for (let number = 1; number <= 20; number++) assertTestPacket(serverSink.packets[number - 1], number, 1000);

  const other = await stage.connect();
  other.server.start(other.serverSink);
  sendTwenty(other.server);
  await stage.settle();
  other.client.start(other.clientSink);
  await other.clientSink.untilPackets(20);
  for (let number = 1; number <= 20; number++) assertTestPacket(other.clientSink.packets[number - 1], number, 1000);
}

function sendTwenty(transport: FramedTransport): void {
  for (let number = 1; number <= 20; number++) transport.send(new TestPacket(number, 1000));
}

async function heldBytes(stage: ComplianceStage): Promise<void> {
  const { client, serverSink } = await stage.started();
  const sizes = [0, 1, 100, 2048, 2049, 30_000];
  const held: [packet: Packet, number: number, bodyBytes: number][] = [];
  let number = 0;
  for (let round = 0; round < 20; round++) {
    for (const size of sizes) client.send(new TestPacket(++number, size));
    await serverSink.untilPackets(number);
    for (const [index, size] of sizes.entries()) {
      const packet = serverSink.packets[number - sizes.length + index];
      assertTestPacket(packet, number - sizes.length + index + 1, size);
      if (packet !== undefined) held.push([packet, number - sizes.length + index + 1, size]);
    }
  }
  for (const [packet, sent, size] of held) assertTestPacket(packet, sent, size);
}

async function oneTurn(stage: ComplianceStage): Promise<void> {
  const { client, serverSink } = await stage.started();
  for (let number = 1; number <= 10_000; number++) client.send(new TestPacket(number, number % 50));
  strictEqual(serverSink.packets.length, 0, 'send() must not deliver before it returns');
  await serverSink.untilPackets(10_000);
  for (let number = 1; number <= 10_000; number++)
    assertTestPacket(serverSink.packets[number - 1], number, number % 50);
  notStrictEqual(serverSink.packets[0], serverSink.packets[1]);
}
