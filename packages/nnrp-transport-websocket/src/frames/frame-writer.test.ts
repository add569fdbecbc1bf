import { describe, expect, it } from 'vitest';
import { packet } from '../../test/packets.js';
import { FIN, headerBytesOf, MASKED, Opcode, payloadBytesOf } from './frame-header.js';
import { FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';

const MAX_FRAME_BYTES = 16 * 1024 * 1024;
const HEAD_BYTES = 40;

/** First byte and payload length of each frame. */
function framesIn(bytes: Uint8Array): [number, number][] {
  const frames: [number, number][] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = headerBytesOf(bytes[at + 1] as number);
    const length = payloadBytesOf(bytes.subarray(at, at + header));
    frames.push([bytes[at] as number, length]);
    at += header + length;
  }
  return frames;
}

function packetsIn(bytes: Uint8Array, isServer: boolean): Buffer {
  const parts: Uint8Array[] = [];
  const refuse = () => expect.fail('nothing but packets was written');
  new FrameReader(isServer, {
    packets: (part) => parts.push(part),
    ping: refuse,
    peerCloses: refuse,
    refused: refuse,
  }).push(bytes);
  return Buffer.concat(parts);
}

function written(all: Buffer, isMasked: boolean, pieceBytes: number): Buffer {
  const writer = new FrameWriter(isMasked ? (mask) => mask.set([1, 2, 3, 250]) : undefined);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < all.length; at += pieceBytes)
    frames.push(...writer.packets([all.subarray(at, at + pieceBytes)]));
  expect(writer.isBetween).toBe(true);
  return Buffer.concat(frames);
}

describe.each([true, false])(
  'a packet that is longer than a reference peer takes in one frame, masked: %s',
  (isMasked) => {
    const body = Buffer.alloc(2 * MAX_FRAME_BYTES + 1 - HEAD_BYTES);
    for (let at = 0; at < body.length; at += 1021) body[at] = at & 0xff;

    it.each([
      ['at once', Number.MAX_SAFE_INTEGER],
      ['a piece that ends within its header', 21],
      ['pieces that cross the frames', 10_000_019],
      ['pieces that end with the frames', MAX_FRAME_BYTES],
    ])('goes out in fragments of 16 MiB, given %s', (_name, pieceBytes) => {
      const all = Buffer.concat([packet(Buffer.from('before')), packet(body), packet(Buffer.from('behind'))]);
      // What is given in small pieces begins so alone: the rest would take long.
      const wire = pieceBytes > 1000 ? written(all, isMasked, pieceBytes) : beginsIn(all, isMasked, pieceBytes);
      expect(framesIn(wire)).toEqual([
        [FIN | Opcode.Binary, 46],
        [Opcode.Binary, MAX_FRAME_BYTES],
        [Opcode.Continuation, MAX_FRAME_BYTES],
        [FIN | Opcode.Continuation, 1],
        [FIN | Opcode.Binary, 46],
      ]);
      expect(((wire[1] as number) & MASKED) !== 0).toBe(isMasked);
      expect(packetsIn(wire, isMasked).equals(all)).toBe(true);
    });

    it('goes out in one where it has 16 MiB', () => {
      const all = packet(body.subarray(0, MAX_FRAME_BYTES - HEAD_BYTES));
      expect(framesIn(written(all, isMasked, all.length))).toEqual([[FIN | Opcode.Binary, MAX_FRAME_BYTES]]);
    });
  },
);

function beginsIn(all: Buffer, isMasked: boolean, pieceBytes: number): Buffer {
  const writer = new FrameWriter(isMasked ? (mask) => mask.set([1, 2, 3, 250]) : undefined);
  const firstPieces = 10 * pieceBytes;
  const frames: Uint8Array[] = [];
  for (let at = 0; at < firstPieces; at += pieceBytes)
    frames.push(...writer.packets([all.subarray(at, at + pieceBytes)]));
  frames.push(...writer.packets([all.subarray(firstPieces)]));
  return Buffer.concat(frames);
}
