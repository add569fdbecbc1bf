import { randomBytes, randomInt } from 'node:crypto';
import { openPacket, packet, submitPacket } from './packets.js';
import type { Peer } from './peer.js';
import { TIMED } from './work.js';

type Attack = (peer: Peer) => Promise<void>;

/** What one attacking connection to a server of WebSocket does, from the upgrade on. */
export interface WebSocketAttack {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  readonly attack: Attack;
}

const FIN = 0x80;
const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const PING = 9;
const BURST_BYTES = 64 * 1024;
const DRIP_MS = 50;

const UPGRADE = Buffer.from(
  [
    'GET / HTTP/1.1',
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==',
    '',
    '',
  ].join('\r\n'),
);

/** A frame as a client sends it. @param isMasked - false breaks the rules */
function frame(firstByte: number, payload: Uint8Array, isMasked = true): Buffer {
  const { length } = payload;
  const head = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = firstByte;
  head[1] = (isMasked ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!isMasked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  const masked = Buffer.from(payload).map((byte, index) => byte ^ (mask[index % 4] as number));
  return Buffer.concat([head, mask, masked]);
}

/** What such a peer gets back is no packet: it is dropped. */
function upgrade(peer: Peer): void {
  peer.socket.removeAllListeners('data');
  peer.socket.on('data', () => {});
  peer.send(UPGRADE, 0);
}

/** The same frames again and again, as fast as they are taken, or until the server ends it. */
function flooding(frames: () => readonly Buffer[], first: readonly Buffer[] = []): Attack {
  return async (peer) => {
    upgrade(peer);
    for (const one of first) peer.send(one);
    const once = frames();
    const bytes = once.reduce((sum, { length }) => sum + length, 0);
    const times = Math.max(1, Math.floor(BURST_BYTES / bytes));
    const burst = Buffer.concat(Array.from({ length: times }, () => once).flat());
    while (!peer.isOver) await peer.flushed(burst, times * once.length);
  };
}

/** Frames of a client that works, each with one byte changed somewhere. */
const mutated: Attack = async (peer) => {
  upgrade(peer);
  const good = Buffer.concat([
    frame(FIN | BINARY, openPacket({ requestedSessionId: 1 })),
    frame(FIN | BINARY, submitPacket(1, 1, new Uint8Array(64).fill(TIMED))),
    frame(FIN | PING, Buffer.from('there?')),
  ]);
  const bytes = Buffer.from(good);
  bytes[randomInt(bytes.length)] = randomInt(256);
  await peer.flushed(bytes, 3);
  await peer.rest(1);
};

/** One message of many fragments, each of one byte. */
function fragments(): Buffer[] {
  const body = packet('PING', {});
  return [...body].map((_, at) => {
    const first = (at === body.length - 1 ? FIN : 0) | (at === 0 ? BINARY : CONTINUATION);
    return frame(first, body.subarray(at, at + 1));
  });
}

/** A message of 60 MiB without an end, in fragments of 64 KiB. */
const huge: Attack = async (peer) => {
  upgrade(peer);
  peer.send(frame(FIN | BINARY, openPacket({ requestedSessionId: 1 })));
  const submit = submitPacket(1, 1, new Uint8Array(BURST_BYTES).fill(TIMED));
  submit.writeUInt32LE(60 * 1024 * 1024, 16);
  peer.send(frame(BINARY, submit));
  const more = frame(CONTINUATION, new Uint8Array(BURST_BYTES));
  for (let sent = 0; sent < 59 * 1024 * 1024 && !peer.isOver; sent += BURST_BYTES) await peer.flushed(more, 0);
};

/** A request that never ends. */
const slow: Attack = async (peer) => {
  peer.socket.removeAllListeners('data');
  peer.socket.on('data', () => {});
  peer.send(UPGRADE.subarray(0, -2), 0);
  for (; !peer.isOver; await peer.rest(DRIP_MS)) peer.send(Buffer.from('x'), 0);
};

const silent: Attack = async (peer) => {
  upgrade(peer);
  await peer.ended();
};

/** It goes at once when the server ends it. */
function refused(bytes: Buffer): Attack {
  return async (peer) => {
    upgrade(peer);
    peer.send(bytes);
    await peer.ended();
  };
}

export const webSocketAttacks: readonly WebSocketAttack[] = [
  { name: 'mutated', title: 'frames of which a byte is wrong, by 16 at a time', connections: 16, attack: mutated },
  { name: 'fragments', title: 'packets in fragments of a byte', connections: 1, attack: flooding(fragments) },
  {
    name: 'empty',
    title: 'a packet in fragments without a byte',
    connections: 1,
    attack: flooding(
      () => [frame(CONTINUATION, new Uint8Array(0))],
      [frame(BINARY, packet('PING', {}).subarray(0, 20))],
    ),
  },
  { name: 'huge', title: 'messages of 60 MiB without an end', connections: 4, attack: huge },
  { name: 'slow', title: '500 upgrade requests that never end', connections: 500, attack: slow },
  { name: 'silent', title: '5,000 upgrades that never send', connections: 5000, attack: silent },
  {
    name: 'text',
    title: 'text frames, by 16 at a time',
    connections: 16,
    attack: refused(frame(FIN | TEXT, Buffer.from('hello'))),
  },
  {
    name: 'unmasked',
    title: 'frames without a mask, by 16 at a time',
    connections: 16,
    attack: refused(frame(FIN | BINARY, packet('PING', {}), false)),
  },
  {
    name: 'pings',
    title: 'WebSocket pings',
    connections: 1,
    attack: flooding(() => [frame(FIN | PING, Buffer.alloc(125))]),
  },
];
