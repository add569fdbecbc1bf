import { ok, strictEqual } from 'node:assert';
import { isNnrpError } from 'nnrp-core';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { ComplianceStage } from './compliance-stage.js';
import type { RecordingSink } from './recording-sink.js';
import { assertTestPacket, TestPacket } from './test-packet.js';

/** Memory that goes away while it is lent, and receivers that throw: each costs as little as it can. */
export function lendingCases(setup: ComplianceSetup): ComplianceCase[] {
  return [
    {
      name: 'bears with a receiver that transfers the memory of a packet away in the middle of delivery',
      run: () => ComplianceStage.use(setup, receivedGoesAway),
    },
    {
      name: 'sends a body that is transferred away after send() whole or not at all, and everything else intact',
      run: () => ComplianceStage.use(setup, sentGoesAway),
    },
    {
      name: 'sends a body that shrinks or grows after send() as it was, or not at all, and everything else intact',
      run: () => ComplianceStage.use(setup, sentIsResized),
    },
    ...(['packet', 'drained', 'closed'] as const).map((call) => ({
      name: `ends its own connection alone when ${call}() throws`,
      run: () => ComplianceStage.use(setup, (stage) => throwsIn(stage, call)),
    })),
  ];
}

/** Transfers memory away by every way there is; some are refused, by some versions of Node. */
function transferAway(bytes: Uint8Array): void {
  const buffer = bytes.buffer as ArrayBuffer & { transfer?(): ArrayBuffer };
  for (const transfer of [() => structuredClone(buffer, { transfer: [buffer] }), () => buffer.transfer?.()]) {
    try {
      transfer();
    } catch {
      // Refused: nothing has happened.
    }
  }
}

async function receivedGoesAway(stage: ComplianceStage): Promise<void> {
  for (const victim of [1, 2, 5]) {
    const { client, server, clientSink, serverSink } = await stage.started();
    let intact = 0;
    serverSink.onPacket = (packet) => {
      assertTestPacket(packet, ++intact, sizeOf(intact));
      if (packet.frameId === victim) transferAway(packet.bytes);
    };
    for (let number = 1; number <= 10; number++) client.send(new TestPacket(number, sizeOf(number)));
    await serverSink.until(
      () => serverSink.packets.length === 10 || serverSink.closes.length > 0,
      'packets, or the end',
    );
    strictEqual(serverSink.packets.length, intact, 'packets delivered otherwise than they were sent');
    ok(intact >= victim);
    if (intact === 10) {
      // Nothing was lost; so the connection goes on.
      server.send(new TestPacket(99, 10));
      await clientSink.untilPackets(1);
    } else {
      ok(isNnrpError(serverSink.closes[0], 'NNRP_ERR_TRANSPORT'), 'the end does not say why');
      await clientSink.untilClosed();
    }
  }
  await stage.settle(1);
}

/** The sixth is so long that it spans chunks. */
function sizeOf(number: number): number {
  return number === 6 ? 200_000 : 100;
}

async function sentGoesAway(stage: ComplianceStage): Promise<void> {
  await spoiling(stage, (bytes) => ({ body: bytes, spoil: () => transferAway(bytes) }));
}

async function sentIsResized(stage: ComplianceStage): Promise<void> {
  for (const change of [-10, 10]) {
    await spoiling(stage, (bytes) => {
      const options = { maxByteLength: bytes.length + 10 };
      const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer;
      const buffer = new Resizable(bytes.length, options) as ArrayBuffer & { resize(bytes: number): void };
      const body = new Uint8Array(buffer);
      body.set(bytes);
      return { body, spoil: () => buffer.resize(bytes.length + change) };
    });
  }
}

/** Sends bodies of many lengths, into a stream that is free and into one that is full, and spoils every other one. */
async function spoiling(
  stage: ComplianceStage,
  make: (bytes: Uint8Array) => { readonly body: Uint8Array; spoil(): void },
): Promise<void> {
  const sizes = [1000, 17_000, 70_000, 400_000, 3_000_000, 20_000, 100];
  for (const fill of [false, true]) {
    const { client, server, clientSink, serverSink } = await stage.started();
    if (fill) {
      server.pause();
      await stage.settle(1);
    }
    let number = 0;
    const expected = new Map<number, number>();
    const spoils: (() => void)[] = [];
    for (let round = 0; round < (fill ? 3 : 1); round++) {
      for (const size of sizes) {
        const spoilt = new TestPacket(++number, size);
        const { body, spoil } = make(spoilt.body);
        client.send({ headBytes: spoilt.headBytes, body, writeHead: (view, at) => spoilt.writeHead(view, at) });
        spoils.push(spoil);
        expected.set(number, size);
        client.send(new TestPacket(++number, size));
        expected.set(number, size);
        if (!fill) spoil();
      }
    }
    await stage.settle(3);
    for (const spoil of spoils) spoil();
    server.resume();
    await serverSink.until(() => serverSink.packets.at(-1)?.frameId === number, 'the last packet');
    let at = 0;
    for (const [sent, size] of expected) {
      const packet = serverSink.packets[at];
      const isMissing = packet?.frameId !== sent;
      if (!isMissing) assertTestPacket(serverSink.packets[at++], sent, size);
      else await clientSink.until(() => clientSink.unsentFrames.includes(sent), `unsent() for packet ${sent}`);
      ok(!isMissing || sent % 2 === 1, `packet ${sent} is missing, and was not spoilt`);
    }
    strictEqual(at, serverSink.packets.length, 'packets that were not sent');
    for (const error of clientSink.unsentErrors) ok(isNnrpError(error, 'NNRP_ERR_USAGE'));
    strictEqual(clientSink.unsentFrames.length + at, number, 'packets that arrived or were reported');
  }
}

async function throwsIn(stage: ComplianceStage, call: 'packet' | 'drained' | 'closed'): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.started();
  const error = new Error('thrown by the test');
  const fail = () => {
    throw error;
  };
  // What a sink throws at the very end can only go to the process, as a warning.
  const quiet = (warning: Error) => warning.name === 'NnrpWarning' || process.emit('warning', warning);
  const listeners = call === 'closed' ? process.rawListeners('warning') : [];
  for (const listener of listeners) process.off('warning', listener as (warning: Error) => void);
  if (call === 'closed') process.on('warning', quiet);
  try {
    serverSink.onPacket = call === 'packet' ? fail : undefined;
    serverSink.onClosed = call === 'closed' ? fail : undefined;
    serverSink.onDrained = call === 'drained' ? fail : undefined;
    if (call === 'drained') await fillAndDrain(server, clientSink, client);
    else if (call === 'packet') for (let number = 1; number <= 3; number++) client.send(new TestPacket(number, 10));
    else await stage.wait(client.close(), 'close()');
    await serverSink.untilClosed();
    await clientSink.untilClosed();
    await stage.settle(2);
  } finally {
    process.off('warning', quiet);
    for (const listener of listeners) process.on('warning', listener as (warning: Error) => void);
  }
  strictEqual(serverSink.closes.length, 1, 'closed() calls');
  strictEqual(serverSink.late.join(), '', 'calls after closed()');
  if (call === 'closed') return;
  if (call === 'packet')
    strictEqual(serverSink.packets.length, 1, 'packets after the one at which the receiver failed');
  const closed = serverSink.closes[0];
  ok(isNnrpError(closed, 'NNRP_ERR_TRANSPORT'), 'the end does not say why');
  strictEqual(closed.cause, error, 'cause of the end');
}

/** Fills the way to a peer that does not read, which then does. */
async function fillAndDrain(
  sender: { send(packet: TestPacket): boolean },
  sink: RecordingSink,
  peer: { pause(): void; resume(): void },
): Promise<void> {
  peer.pause();
  for (let number = 1; sender.send(new TestPacket(number, 100_000)); number++)
    ok(number < 1000, 'send() never says false');
  peer.resume();
  await sink.until(() => sink.packets.length > 0 || sink.closes.length > 0, 'a packet');
}
