import { describe, expect, it } from 'vitest';
import { closeFrame, frame, message } from '../../test/bare-stream.js';
import { packet } from '../../test/packets.js';
import { FIN, Opcode } from './frame-header.js';
import { FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';

/** What a reader says about bytes that come in chunks of this length. */
function read(bytes: Uint8Array, isServer = true, chunkBytes = bytes.length): string[] & { packets: Buffer } {
  const said: string[] = [];
  const parts: Uint8Array[] = [];
  const reader = new FrameReader(isServer, {
    packets: (part) => parts.push(part),
    ping: (payload) => said.push(`ping ${Buffer.from(payload)}`),
    peerCloses: (code, reason) => said.push(`close ${code} ${reason}`),
    refused: ({ code, text }) => said.push(`refused ${code} ${text}`),
  });
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    reader.push(new Uint8Array(bytes.subarray(at, at + chunkBytes)));
  }
  return Object.assign(said, { packets: Buffer.concat(parts) });
}

const bodies = [0, 1, 50, 85, 86, 200, 5000, 65_495, 65_496, 200_000].map((length) =>
  Buffer.alloc(length).map((_, index) => (index * 7 + length) & 0xff),
);
const packets = bodies.map((body) => packet(body));

describe.each([true, false])('messages to a server: %s', (isServer) => {
  const wire = Buffer.concat(packets.map((bytes) => message(bytes, isServer)));

  it.each([1, 3, 41, 1000, 65_536, Number.MAX_SAFE_INTEGER])('are packets, in chunks of %i bytes', (chunkBytes) => {
    const said = read(wire, isServer, Math.min(chunkBytes, wire.length));
    expect(said.length).toBe(0);
    expect(said.packets.equals(Buffer.concat(packets))).toBe(true);
  });

  it.each([1, 39, 40, 41, 100, 65_536, 1_000_000])('are written from pieces of %i bytes', (pieceBytes) => {
    const all = Buffer.concat(packets);
    const writer = new FrameWriter(isServer ? (mask) => mask.set([1, 2, 3, 250]) : undefined);
    const frames: Uint8Array[] = [];
    for (let at = 0; at < all.length; at += pieceBytes)
      frames.push(...writer.packets([all.subarray(at, at + pieceBytes)]));
    expect(writer.isBetween).toBe(true);
    const said = read(Buffer.concat(frames), isServer);
    expect(said.length).toBe(0);
    expect(said.packets.equals(all)).toBe(true);
  });

  it('may come in fragments, with control frames in between', () => {
    const bytes = packet(Buffer.from('fragments'));
    const said = read(
      Buffer.concat([
        frame(Opcode.Binary, bytes.subarray(0, 3), isServer),
        frame(FIN | Opcode.Ping, Buffer.from('there?'), isServer),
        frame(Opcode.Continuation, bytes.subarray(3, 44), isServer),
        frame(Opcode.Continuation, Buffer.alloc(0), isServer),
        frame(FIN | Opcode.Pong, Buffer.from('x'), isServer),
        frame(FIN | Opcode.Continuation, bytes.subarray(44), isServer),
        message(bytes, isServer),
        closeFrame(1001, 'bye', isServer),
        message(bytes, isServer),
      ]),
      isServer,
    );
    expect([...said]).toEqual(['ping there?', 'close 1001 bye']);
    expect(said.packets.equals(Buffer.concat([bytes, bytes]))).toBe(true);
  });
});

describe('a writer', () => {
  it('does not touch what it is given', () => {
    const bytes = packet(Buffer.alloc(100_000, 7));
    const before = Buffer.from(bytes);
    new FrameWriter((mask) => mask.fill(0xff)).packets([bytes]);
    expect(bytes.equals(before)).toBe(true);
  });

  it('gives a server long bodies as they are, without a copy', () => {
    const bytes = packet(Buffer.alloc(100_000, 7));
    const frames = new FrameWriter().packets([bytes]);
    expect(frames.at(-1)?.buffer).toBe(bytes.buffer);
  });
});

/** A message whose frame says its length in so many bytes, the first of which is given. The mask is zero. */
function lengthIn(lengthBytes: 2 | 8, bytes: Buffer, firstByte = 0): Buffer {
  const header = Buffer.alloc(2 + lengthBytes + 4);
  header.set([FIN | Opcode.Binary, 0x80 | (lengthBytes === 2 ? 126 : 127)]);
  header.writeUInt16BE(bytes.length, lengthBytes);
  if (firstByte !== 0) header[2] = firstByte;
  return Buffer.concat([header, bytes]);
}

describe('a reader refuses', () => {
  const good = packet(Buffer.from('good'));
  const short = packet(Buffer.from('short')).subarray(0, 44);
  const long = Buffer.concat([packet(Buffer.from('long')), Buffer.of(0)]);

  it.each<[string, Buffer, RegExp]>([
    ['text', frame(FIN | Opcode.Text, Buffer.from('{}'), true), /^refused 1003 .*binary.*text/],
    ['an empty message', message(Buffer.alloc(0)), /^refused 1007 a message of 0 bytes/],
    ['a message without a whole header', message(good.subarray(0, 39)), /^refused 1007 a message of 39 bytes .* 40$/],
    ['a message that is too short', message(short), /^refused 1007 a message of 44 bytes holds a packet of 45$/],
    ['a message that is too long', message(long), /^refused 1007 a message of 45 bytes holds a packet of 44$/],
    ['two packets in one message', message(Buffer.concat([good, good])), /^refused 1007 a message of 88/],
    [
      'fragments that are too short',
      Buffer.concat([frame(Opcode.Binary, good.subarray(0, 41), true), frame(FIN, Buffer.alloc(0), true)]),
      /^refused 1007 a message of 41 bytes holds/,
    ],
    [
      'fragments that are too long',
      Buffer.concat([frame(Opcode.Binary, good, true), frame(0, Buffer.of(1), true)]),
      /^refused 1007 a message of 45 or more bytes holds/,
    ],
    ['a frame without a mask', message(good, false), /^refused 1002 a client must mask/],
    ['reserved bits', frame(FIN | 0x40 | Opcode.Binary, good, true), /^refused 1002 a reserved bit/],
    ['a reserved opcode', frame(FIN | 3, good, true), /^refused 1002 opcode 3/],
    ['a reserved control opcode', frame(FIN | 0xb, Buffer.alloc(0), true), /^refused 1002 opcode 11/],
    ['a continuation of nothing', frame(FIN, good, true), /^refused 1002 a continuation/],
    [
      'a message in a message',
      Buffer.concat([frame(Opcode.Binary, good.subarray(0, 20), true), message(good)]),
      /^refused 1002 a message inside/,
    ],
    ['a length of 44 in two bytes', lengthIn(2, good), /^refused 1002 .*shortest form/],
    ['a length of 44 in eight bytes', lengthIn(8, good), /^refused 1002 .*shortest form/],
    ['a length of 1000 in eight bytes', lengthIn(8, packet(Buffer.alloc(960))), /^refused 1002 .*shortest form/],
    ['a length of 64 bits', lengthIn(8, good, 0x80), /^refused 1002 .*shortest form/],
    ['a fragmented ping', frame(Opcode.Ping, Buffer.alloc(0), true), /^refused 1002 a control frame in fragments/],
    ['a long ping', frame(FIN | Opcode.Ping, Buffer.alloc(126), true), /^refused 1002 a control frame of 126/],
    ['a close code of one byte', frame(FIN | Opcode.Close, Buffer.of(3), true), /^refused 1002 .*one byte/],
    ['close code 1005', closeFrame(1005), /^refused 1002 close code 1005/],
    ['close code 999', closeFrame(999), /^refused 1002 close code 999/],
    ['a reason that is no UTF-8', frame(FIN | Opcode.Close, Buffer.of(3, 232, 0xff), true), /^refused 1007 .*UTF-8/],
  ])('%s, and keeps what came before it', (_, bytes, expected) => {
    for (const chunkBytes of [1, 7, 1000]) {
      const said = read(Buffer.concat([message(good), bytes, message(good)]), true, chunkBytes);
      expect(said.length).toBe(1);
      expect(said[0]).toMatch(expected);
      expect(said.packets.subarray(0, good.length).equals(good)).toBe(true);
      // Whole packets: what is wrong is not handed on, as far as it has come at once.
      if (chunkBytes === 1000) expect(said.packets.equals(good)).toBe(true);
    }
  });

  it('masked frames of a server', () => {
    expect(read(message(good, true), false)[0]).toMatch(/^refused 1002 a server must not mask/);
  });

  it('nothing that does not begin like a packet: NNRP has words for it', () => {
    const said = read(Buffer.concat([message(Buffer.from('GET / HTTP/1.1')), message(good)]));
    expect(said.length).toBe(0);
    expect(said.packets.toString('latin1')).toMatch(/^GET/);
  });
});

describe('close codes', () => {
  it.each([1000, 1001, 1003, 1011, 1014, 3000, 4999])('%i is read', (code) => {
    expect([...read(closeFrame(code, 'why'))]).toEqual([`close ${code} why`]);
  });

  it('may be left out', () => {
    expect([...read(frame(FIN | Opcode.Close, Buffer.alloc(0), true))]).toEqual(['close 1005 ']);
  });
});
