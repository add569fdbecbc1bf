import { strictEqual, throws } from 'node:assert';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { ComplianceStage } from './compliance-stage.js';
import { assertTestPacket, TestPacket, UnwritablePacket } from './test-packet.js';

/** What `send` makes of the packet it is given. */
export function sendingCases(setup: ComplianceSetup): ComplianceCase[] {
  return [
    {
      name: 'sends nothing of a packet whose head cannot be written, and the next ones intact',
      run: () => ComplianceStage.use(setup, unwritable),
    },
    {
      name: 'reads the packet during send() only, so that one object can be sent again and again',
      run: () => ComplianceStage.use(setup, sameObject),
    },
    {
      name: 'says true to a sender that the peer keeps up with',
      run: () => ComplianceStage.use(setup, roomAlways),
    },
  ];
}

async function unwritable(stage: ComplianceStage): Promise<void> {
  const { client, serverSink } = await stage.started();
  const error = new Error('refused by the test');
  let number = 0;
  for (const bodyBytes of [0, 100, 100_000]) {
    const refused = new UnwritablePacket(error, new Uint8Array(bodyBytes));
    // First of its turn, then between two others.
    throws(() => client.send(refused), error);
    client.send(new TestPacket(++number, 300));
    throws(() => client.send(refused), error);
    client.send(new TestPacket(++number, 3000));
    await stage.settle(1);
    throws(() => client.send(refused), error);
    await stage.settle(1);
  }
  await serverSink.untilPackets(number);
  for (let index = 0; index < number; index++) {
    assertTestPacket(serverSink.packets[index], index + 1, index % 2 === 0 ? 300 : 3000);
  }
  strictEqual(serverSink.packets.length, number);
  strictEqual(serverSink.faults.length, 0, 'the refused packet has left bytes behind');
}

async function sameObject(stage: ComplianceStage): Promise<void> {
  const { client, serverSink } = await stage.started();
  const sizes = [0, 10, 5000, 1];
  let current = new TestPacket(0, 0);
  const reused = {
    headBytes: current.headBytes,
    body: current.body,
    writeHead: (view: DataView, start: number) => current.writeHead(view, start),
  };
  for (const [index, size] of sizes.entries()) {
    current = new TestPacket(index + 1, size);
    reused.body = current.body;
    client.send(reused);
  }
  reused.body = new Uint8Array(77);
  await serverSink.untilPackets(sizes.length);
  for (const [index, size] of sizes.entries()) assertTestPacket(serverSink.packets[index], index + 1, size);
}

async function roomAlways(stage: ComplianceStage): Promise<void> {
  const { client, serverSink } = await stage.started();
  for (let number = 1; number <= 100; number++) {
    strictEqual(client.send(new TestPacket(number, 1000)), true, `send() of packet ${number}`);
    await serverSink.untilPackets(number);
  }
}
