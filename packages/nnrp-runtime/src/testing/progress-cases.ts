import { ok, strictEqual } from 'node:assert';
import type { FramedTransport } from '../transport/contract/contract.js';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { ComplianceStage } from './compliance-stage.js';
import { TestPacket } from './test-packet.js';

const BODY_BYTES = 256 * 1024;
/** More than any network between two ends keeps to itself. */
const MOST_BYTES = 64 * 1024 * 1024;
/** What a slow reader takes at once: less may not be seen at the other end, as the network tells of it in portions. */
const PORTION_BYTES = 8 * 1024 * 1024;
/** Milliseconds between two packets of a peer that only sends. */
const CHATTER_MS = 100;

/** What a peer has taken is all that counts for its patience, and nothing that it sends. */
export function progressCases(setup: ComplianceSetup): ComplianceCase[] {
  const { stallTimeoutMs } = setup;
  const always: ComplianceCase[] = [
    {
      name: 'close() resolves in bounded time although the peer goes on sending and takes nothing',
      run: () => ComplianceStage.use(setup, (stage) => closeToChatter(stage, true)),
    },
    {
      name: 'close() with nothing to send resolves in bounded time although the peer goes on sending and reads nothing',
      run: () => ComplianceStage.use(setup, (stage) => closeToChatter(stage, false)),
    },
  ];
  if (stallTimeoutMs === undefined) return always;
  return [
    ...always,
    {
      name: 'gives up a peer that takes nothing in time, although it goes on sending',
      run: () => ComplianceStage.use(setup, (stage) => givesUp(stage, stallTimeoutMs)),
    },
    {
      name: 'bears with a peer that takes something now and then, longer than any limit in all',
      run: () => ComplianceStage.use(setup, (stage) => bearsWith(stage, stallTimeoutMs)),
    },
  ];
}

/** Sends small packets until the work is done. */
async function whileSending(transport: FramedTransport, work: () => Promise<void>): Promise<void> {
  let number = 0;
  const timer = setInterval(() => transport.send(new TestPacket(++number, 10)), CHATTER_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}

/** Sends until the transport wants no more and the network has stopped. */
async function fill(transport: FramedTransport, stage: ComplianceStage): Promise<void> {
  for (let sent = 0; ; ) {
    for (let full = false; !full; ) {
      full = !transport.send(new TestPacket(1, BODY_BYTES));
      sent += BODY_BYTES;
      ok(sent <= MOST_BYTES, `send() has taken ${MOST_BYTES} bytes that are not read`);
    }
    const before = transport.unsentBytes ?? 0;
    await stage.settle();
    if ((transport.unsentBytes ?? 0) >= before) return;
  }
}

async function closeToChatter(stage: ComplianceStage, isFull: boolean): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.connect();
  client.start(clientSink);
  // It has its own end of the connection in hand, and does not see the other one's: it never reads.
  if (!isFull) {
    server.start(serverSink);
    client.send(new TestPacket(1, 10));
    await serverSink.untilPackets(1);
    server.pause();
  }
  await whileSending(server, async () => {
    if (isFull) await fill(client, stage);
    await stage.wait(client.close(), 'close() with a peer that only sends');
    await clientSink.untilClosed();
  });
  strictEqual(clientSink.closes.length, 1, 'closed() calls');
}

async function givesUp(stage: ComplianceStage, stallTimeoutMs: number): Promise<void> {
  const { client, server, clientSink } = await stage.connect();
  client.start(clientSink);
  await whileSending(server, async () => {
    await fill(client, stage);
    strictEqual(clientSink.closes.length, 0, 'closed() calls while the network filled');
    const stuckMs = performance.now();
    await clientSink.untilClosed();
    const tookMs = performance.now() - stuckMs;
    ok(tookMs <= stallTimeoutMs * 3, `given up after ${Math.round(tookMs)} ms with a limit of ${stallTimeoutMs}`);
  });
  ok(clientSink.closes[0] !== undefined, 'closed() without an error for a peer that was given up');
  strictEqual(client.hasStalled, true, 'hasStalled of a transport that has given its peer up');
}

async function bearsWith(stage: ComplianceStage, stallTimeoutMs: number): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.started();
  const total = 6 * PORTION_BYTES;
  let taken = 0;
  let portion = 0;
  serverSink.onPacket = () => {
    taken += BODY_BYTES;
    portion += BODY_BYTES;
    if (portion < PORTION_BYTES || taken >= total) return;
    portion = 0;
    server.pause();
    setTimeout(() => server.resume(), stallTimeoutMs / 2);
  };
  let sent = 0;
  const goOn = () => {
    while (sent < total) {
      sent += BODY_BYTES;
      if (!client.send(new TestPacket(1, BODY_BYTES))) return;
    }
  };
  clientSink.onDrained = goOn;
  const begunMs = performance.now();
  goOn();
  await serverSink.until(() => taken >= total || clientSink.closes.length > 0, 'everything');
  strictEqual(clientSink.closes.length, 0, 'closed() calls for a peer that is only slow');
  ok(performance.now() - begunMs > stallTimeoutMs, 'it took longer than the limit in all');
}
