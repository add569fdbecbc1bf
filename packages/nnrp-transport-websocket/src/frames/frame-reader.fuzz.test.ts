import { describe, expect, it } from 'vitest';
import { closeFrame, frame, message } from '../../test/bare-stream.js';
import { packet } from '../../test/packets.js';
import { FIN, Opcode } from './frame-header.js';
import { FrameReader } from './frame-reader.js';

const ROUNDS = 20_000;
const FRAMES = 5;
/** Any number will do; the same one gives the same bytes. */
const SEED = 20261128;

/** Numbers that look like chance, and come again with the same seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * sides);
  };
}

/** What a reader says, and the packets that it gives. */
function read(wire: Uint8Array, isServer: boolean, chunkBytes: number): { said: string; packets: Buffer } {
  const said: string[] = [];
  const parts: Uint8Array[] = [];
  const reader = new FrameReader(isServer, {
    packets: (part) => parts.push(part),
    ping: (payload) => said.push(`ping ${Buffer.from(payload).toString('hex')}`),
    peerCloses: (code, reason) => said.push(`close ${code} ${reason}`),
    refused: ({ code, text }) => said.push(`refused ${code} ${text}`),
  });
  // It writes into what it is given.
  for (let at = 0; at < wire.length; at += chunkBytes) reader.push(Buffer.from(wire.subarray(at, at + chunkBytes)));
  return { said: said.join('\n'), packets: Buffer.concat(parts) };
}

function frames(roll: (sides: number) => number, isServer: boolean): Buffer {
  const bytes = packet(Buffer.alloc(roll(200), roll(256)));
  const cut = 1 + roll(bytes.length - 1);
  const kinds = [
    () => message(bytes, isServer),
    () => message(bytes, isServer),
    () => frame(FIN | Opcode.Ping, Buffer.alloc(roll(10), 1), isServer),
    () =>
      Buffer.concat([
        frame(Opcode.Binary, bytes.subarray(0, cut), isServer),
        frame(FIN | Opcode.Continuation, bytes.subarray(cut), isServer),
      ]),
    () => closeFrame(1000 + roll(20), 'bye', isServer),
  ];
  return Buffer.concat(Array.from({ length: FRAMES }, () => (kinds[roll(kinds.length)] as () => Buffer)()));
}

describe.each([true, false])('100,000 frames with wrong bytes in them, to a server: %s,', (isServer) => {
  it('are read alike in whatever pieces they come, and no frame makes the reader fail', () => {
    const roll = dice(SEED);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      const wire = frames(roll, isServer);
      for (let changes = roll(3); changes >= 0; changes--) wire[roll(wire.length)] = roll(256);
      const whole = read(wire, isServer, wire.length);
      const pieces = read(wire, isServer, 1 + roll(9));
      expect(pieces.said).toBe(whole.said);
      // Of a message that turns out to be wrong, the beginning may have been handed on.
      expect(pieces.packets.subarray(0, whole.packets.length).equals(whole.packets)).toBe(true);
      const [, outcome = 'read'] = /(refused \d+|close)/.exec(whole.said) ?? [];
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].sort()).toEqual(['close', 'read', 'refused 1002', 'refused 1003', 'refused 1007']);
  });
});

describe('frames that are no packet', () => {
  it('are read up to a number of them, and then from where that was', () => {
    const pings = Buffer.concat(Array.from({ length: 10 }, () => frame(FIN | Opcode.Ping, Buffer.of(1), true)));
    const wire = Buffer.concat([message(packet()), pings, message(packet())]);
    let pinged = 0;
    let bytes = 0;
    const reader = new FrameReader(true, {
      packets: ({ length }) => {
        bytes += length;
      },
      ping: () => pinged++,
      peerCloses: () => {},
      refused: () => {},
    });
    const read = reader.push(wire, 4);
    // The fourth has begun.
    expect([pinged, bytes, reader.idleFrames]).toEqual([3, 40, 4]);
    expect(reader.push(wire.subarray(read), 100)).toBe(wire.length - read);
    expect([pinged, bytes]).toEqual([10, 80]);
  });
});
