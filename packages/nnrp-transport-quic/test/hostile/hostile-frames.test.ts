import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { NnrpClientSession, NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { varint } from '../fuzz/frames.js';
import { PacketKeys } from '../fuzz/packet-keys.js';
import { BareClient } from '../support/bare-client.js';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

const PING = Buffer.from([0x01]);
const PATH_CHALLENGE = Buffer.concat([Buffer.from([0x1a]), Buffer.alloc(8, 5)]);
const MAGIC = Buffer.from('NNRP');
const CRYPTO = 0x06;
/** With an offset and a length. */
const STREAM = [0x0e, 0];
/** Places of the victim's: more than a server follows to. */
const PORTS = 10;

const stage = new QuicStage();
const undo: (() => void)[] = [];
const lost: string[] = [];
const failures: string[] = [];
let server: NnrpServer;
let bystander: NnrpClientSession;

beforeEach(async () => {
  lost.length = 0;
  failures.length = 0;
  // A small window: it is full soon.
  server = await stage.echo({ maxDatagramBytes: 1200, onHandshakeFailure: (error) => failures.push(error.message) });
  server.on('connectionLost', ({ error }) => lost.push(error.message));
  bystander = await (await stage.connect(server.localAddress)).openSession();
});

afterEach(async () => {
  for (const end of undo.splice(0)) end();
  await stage.clear();
});

/** Its handshake is complete, its stream is open, and it does not hear the server any more. */
async function keyed(): Promise<BareClient> {
  const client = await BareClient.connected(server.localAddress);
  undo.push(() => client.destroy());
  client.write(MAGIC);
  await until(() => server.connectionCount === 2, 'it is connected');
  client.deaf = true;
  return client;
}

/** What was sent to the server before has been dealt with, and answered. */
async function expectUnharmed(): Promise<void> {
  expect((await bystander.request('still there')).text()).toBe('still there');
}

/** So many pieces of one byte behind a gap, each behind another one. */
function pieces(count: number, ...type: number[]): Buffer {
  const each = (_: unknown, place: number) => [...type.map(varint), varint(10 + 2 * (place % 900)), varint(1), PING];
  return Buffer.concat(Array.from({ length: count }, each).flat());
}

/** A socket on a host that the client only writes into its datagrams. @returns it, and what it hears */
async function victim(): Promise<{ readonly socket: Socket; readonly heard: number[] }> {
  const heard: number[] = [];
  const socket = createSocket('udp4').on('message', ({ length }) => void heard.push(length));
  undo.push(() => socket.close());
  socket.bind(0, '127.0.0.2');
  await once(socket, 'listening');
  return { socket, heard };
}

it('gives up a client that gives back connection ids and acknowledges none of the new ones', async () => {
  const client = await keyed();
  for (let id = 1; lost.length === 0 && id < 2000; id++) {
    client.sendFrames(Buffer.concat([Buffer.from([0x19]), varint(id)]));
    if (id % 16 === 0) await expectUnharmed();
  }
  expect(lost).toEqual([expect.stringContaining('connection ids given back faster than new ones can be sent')]);
  await expectUnharmed();
});

it('looks at no packet with very many pieces of the stream, and gives up its sender', async () => {
  const some = await keyed();
  some.sendFrames(pieces(100, ...STREAM));
  await expectUnharmed();
  expect(lost).toEqual([]);
  some.sendFrames(pieces(200, ...STREAM));
  await until(() => lost.length > 0, 'it is gone');
  expect(lost).toEqual([expect.stringContaining('too many small pieces of a stream in one packet')]);
  await expectUnharmed();
});

it('looks at no first packet of a stranger with very many pieces of a handshake', async () => {
  const { socket } = await victim();
  const { host, port } = parseAddress(server.localAddress);
  const id = Buffer.alloc(16, 3);
  const frames = pieces(8000, CRYPTO);
  const sealedBytes = Buffer.alloc(4);
  sealedBytes.writeInt32BE((4 + frames.length + 16) | (2 << 30));
  const header = Buffer.concat([Buffer.from('c30000000110', 'hex'), id, Buffer.alloc(2), sealedBytes]);
  socket.send(PacketKeys.initial(id, 'client').seal(header, 0, frames), port, host);
  await until(() => failures.length > 0, 'it is refused');
  expect(failures).toEqual([expect.stringContaining('too many small pieces of a stream in one packet')]);
  expect(stage.inside(server)).toEqual({ handshakes: 0, connections: 1, inModule: 1 });
  await expectUnharmed();
});

it.skipIf(process.platform === 'darwin')(
  'follows a client to three ports of another host, and no further',
  async () => {
    const client = await keyed();
    const victims = await Promise.all(Array.from({ length: PORTS }, victim));
    for (const { socket } of victims) {
      client.sendFrames(PING, socket);
      await expectUnharmed();
    }
    await expectUnharmed();
    expect(victims.flatMap(({ heard }) => heard)).toHaveLength(3);
  },
);

it.skipIf(process.platform === 'darwin')('answers a few questions from a place where the client is not', async () => {
  const client = await keyed();
  const [place, other] = [await victim(), await victim()];
  client.sendFrames(PING, place.socket);
  await expectUnharmed();
  for (let question = 0; question < 20; question++) {
    client.sendFrames(PATH_CHALLENGE, other.socket);
    await expectUnharmed();
  }
  expect(other.heard.length).toBeLessThanOrEqual(2);
});
