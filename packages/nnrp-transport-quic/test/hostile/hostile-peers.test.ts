import { randomBytes } from 'node:crypto';
import type { NnrpClientSession, NnrpServer } from 'nnrp-runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BareClient } from '../support/bare-client.js';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

const MAGIC = Buffer.from('NNRP');

const stage = new QuicStage();
const peers: BareClient[] = [];
const lost: string[] = [];
const violations: string[] = [];
let server: NnrpServer;
let bystander: NnrpClientSession;

beforeEach(async () => {
  lost.length = 0;
  violations.length = 0;
  server = await stage.echo({}, { handshakeTimeoutMs: 1000 });
  server.on('connectionLost', ({ error }) => lost.push(error.message));
  server.on('protocolViolation', ({ error }) => violations.push(error.message));
  bystander = await (await stage.connect(server.localAddress)).openSession();
});

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await stage.clear();
});

/** Handshake complete, nothing said. */
async function peer(): Promise<BareClient> {
  const connected = await BareClient.connected(server.localAddress);
  peers.push(connected);
  return connected;
}

async function expectUnharmed(): Promise<void> {
  await until(() => server.connectionCount === 1, 'only the bystander is left');
  const { body } = await (await bystander.submit('still there')).result();
  expect(Buffer.from(body).toString()).toBe('still there');
}

it('who sends garbage over a proper handshake is told, and loses its connection', async () => {
  for (let count = 0; count < 30; count++) (await peer()).write(randomBytes(200 + count * 100));
  await until(() => violations.length === 30, 'all of them have been found out');
  await until(() => peers.every(({ isOver }) => isOver), 'all are told');
  expect(peers.every(({ received }) => received > 0)).toBe(true);
  await expectUnharmed();
});

it('who breaks off inside a packet header is given up with the others that have no session', async () => {
  const silent = await peer();
  const preambleOnly = await peer();
  preambleOnly.write(MAGIC);
  const half = await peer();
  half.write(Buffer.concat([MAGIC, Buffer.alloc(10)]));
  await until(() => server.connectionCount === 4, 'all of them are connected');
  await until(() => silent.isOver && preambleOnly.isOver, 'they are given up');
  await until(() => half.isOver, 'they are given up');
  await expectUnharmed();
});

it('who ends its stream at once, or with its first bytes, is let go', async () => {
  (await peer()).write(Buffer.alloc(0), true);
  (await peer()).write(MAGIC, true);
  (await peer()).write(MAGIC.subarray(0, 2), true);
  await until(() => peers.every(({ isOver }) => isOver), 'they are gone');
  await expectUnharmed();
});

it('who resets its stream, or will not be answered, loses its connection', async () => {
  const reset = await peer();
  reset.write(MAGIC);
  await until(() => server.connectionCount === 2, 'it is connected');
  reset.module.exports.reset(reset.index, 42);
  reset.flush();
  await until(() => lost.length === 1, 'the reset has come');
  expect(lost[0]).toContain('given up sending');
  const deaf = await peer();
  deaf.write(MAGIC);
  await until(() => server.connectionCount === 2, 'it is connected');
  deaf.module.exports.stop(deaf.index, 43);
  // Garbage, which would be answered.
  deaf.write(randomBytes(100));
  await until(() => deaf.isOver, 'it is gone');
  await expectUnharmed();
});

// That it gets none in one direction, nor datagrams: tests of the crate.
it('who would like more streams than one gets none', async () => {
  const greedy = await peer();
  greedy.write(MAGIC);
  expect(greedy.module.openStream(greedy.index)).toBe(false);
  greedy.destroy();
  peers.length = 0;
});

it('says what a peer said at the end without what a terminal would obey, and not all of it', async () => {
  const rude = await peer();
  rude.write(MAGIC);
  await until(() => server.connectionCount === 2, 'it is connected');
  rude.close(0x1234_5678, `\x1b[2J\r\nbeep\x07${'x'.repeat(900)}`);
  await until(() => lost.length === 1, 'the end has come');
  expect(lost[0]).toContain("0x12345678, '\\x1b[2J\\r\\nbeep\\x07");
  expect(lost[0]?.length).toBeLessThan(400);
  await expectUnharmed();
});
