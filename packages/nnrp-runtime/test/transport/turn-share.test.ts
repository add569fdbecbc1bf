import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { RecordingSink } from '../../src/testing/recording-sink.js';
import type { FramedTransport } from '../../src/transport/contract/contract.js';
import { TcpListener } from '../../src/transport/tcp/tcp.js';
import { packetBytes } from '../support/wire-packets.js';

const PING = packetBytes(0x20);
const FLOOD = 1500;
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

async function pairs(count: number): Promise<[Socket, FramedTransport][]> {
  const listener = await TcpListener.bind('127.0.0.1:0');
  cleanup.push(() => listener.close());
  const port = Number(listener.address.split(':')[1]);
  const made: [Socket, FramedTransport][] = [];
  for (let number = 0; number < count; number++) {
    const socket = createConnection(port, '127.0.0.1');
    await once(socket, 'connect');
    const transport = await listener.accept();
    cleanup.push(
      () => socket.destroy(),
      () => transport.abort(),
    );
    made.push([socket, transport]);
  }
  return made;
}

/** A packet that costs its receiver so much. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

describe('a connection that is sent to as fast as it can read', () => {
  it('lets others have their turn before it has read all', async () => {
    const [[flooding, flooded], [quiet, heard]] = (await pairs(2)) as [
      [Socket, FramedTransport],
      [Socket, FramedTransport],
    ];
    const many = new RecordingSink();
    many.onPacket = () => work(0.2);
    const one = new RecordingSink();
    let before = -1;
    one.onPacket = () => {
      before = many.packets.length;
    };
    flooding.write(Buffer.concat(Array.from({ length: FLOOD }, () => PING)));
    quiet.write(PING);
    flooded.start(many);
    heard.start(one);
    await many.untilPackets(FLOOD);
    expect(before).toBeGreaterThanOrEqual(0);
    expect(before).toBeLessThan(FLOOD / 4);
  });

  it('loses nothing when it is paused, ended and closed while it waits for its turn', async () => {
    const [[flooding, flooded]] = (await pairs(1)) as [[Socket, FramedTransport]];
    const sink = new RecordingSink();
    let pauses = 0;
    sink.onPacket = () => {
      work(0.1);
      if (sink.packets.length % 100 !== 0) return;
      pauses++;
      flooded.pause();
      setImmediate(() => flooded.resume());
    };
    flooding.end(Buffer.concat(Array.from({ length: FLOOD }, () => PING)));
    flooded.start(sink);
    await sink.untilClosed();
    expect([sink.packets.length, pauses, sink.faults, sink.closes]).toEqual([FLOOD, FLOOD / 100, [], [undefined]]);
  });

  it('says that its last packet is not whole', async () => {
    const [[flooding, flooded]] = (await pairs(1)) as [[Socket, FramedTransport]];
    const sink = new RecordingSink();
    sink.onPacket = () => work(0.1);
    flooding.end(Buffer.concat([...Array.from({ length: FLOOD }, () => PING), PING.subarray(0, 20)]));
    flooded.start(sink);
    await sink.untilClosed();
    expect(sink.packets.length).toBe(FLOOD);
    expect(String(sink.closes[0])).toContain('inside a packet');
  });
});
