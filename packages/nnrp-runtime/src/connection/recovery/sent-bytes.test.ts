import { buildPacket } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES, giveBack, takeChunk } from '../../transport/stream/chunk.js';
import { SentBytes } from './sent-bytes.js';

/** A packet of a session with a body of so many bytes, all of them `fill`. */
function packet(frameId: number, bodyBytes: number, fill = frameId): Uint8Array {
  const body = new Uint8Array(bodyBytes).fill(fill);
  return Buffer.concat(buildPacket({ messageType: MessageType.FrameSubmit, sessionId: 1, frameId }, METADATA, body));
}

const METADATA = new Uint8Array(72);
const HEAD_BYTES = packet(1, 0).length;

/** A chunk of the transport that holds this packet, and the piece that it is. */
function written(bytes: Uint8Array) {
  const chunk = takeChunk();
  chunk.bytes.set(bytes);
  return { chunk, piece: chunk.bytes.subarray(0, bytes.length) };
}

const all = () => true;
const kept = (bytes: SentBytes) =>
  bytes.packets(all).map(({ packet: { frameId, body } }) => [frameId, body.length, body[0], body.at(-1)]);

/** So much of the chunk that it is shared. */
const FULL = 60_000 - HEAD_BYTES;

describe('what was sent, in memory of the transport', () => {
  it('stays as it was until it is trimmed, although the transport has given the memory back', () => {
    const bytes = new SentBytes(0);
    const { chunk, piece } = written(packet(1, FULL));
    bytes.append(piece, [chunk]);
    giveBack([chunk]);
    const others = Array.from({ length: 200 }, () => takeChunk());
    expect(others).not.toContain(chunk);
    for (const other of others) other.bytes.fill(0xff);
    expect(kept(bytes)).toEqual([[1, FULL, 1, 1]]);
    bytes.trim(piece.length);
    expect(kept(bytes)).toEqual([]);
    expect(takeChunk()).toBe(chunk);
  });

  it('is used again only when both are done with it, whoever is first', () => {
    const bytes = new SentBytes(0);
    const { chunk, piece } = written(packet(1, FULL));
    bytes.append(piece, [chunk]);
    bytes.trim(piece.length);
    const next = takeChunk();
    expect(next).not.toBe(chunk);
    giveBack([chunk]);
    expect(takeChunk()).toBe(chunk);
  });

  it('counts wholly for as long as it is kept', () => {
    const bytes = new SentBytes(0);
    const { chunk, piece } = written(packet(1, FULL));
    bytes.append(piece, [chunk]);
    const small = packet(2, 10);
    bytes.append(small, [written(small).chunk]);
    expect(bytes.unusedBytes).toBe(CHUNK_BYTES - piece.length);
    bytes.trim(piece.length);
    expect(bytes.unusedBytes).toBe(0);
    bytes.append(piece, [chunk]);
    bytes.clear();
    expect(bytes.unusedBytes).toBe(0);
  });

  it('is copied when it fills little of it, and when it lies elsewhere', () => {
    const bytes = new SentBytes(0);
    const small = written(packet(1, 40_000));
    const elsewhere = packet(2, FULL);
    bytes.append(small.piece, [small.chunk]);
    bytes.append(elsewhere, [takeChunk()]);
    small.chunk.bytes.fill(0xff);
    elsewhere.fill(0xff);
    expect(kept(bytes)).toEqual([
      [1, 40_000, 1, 1],
      [2, FULL, 2, 2],
    ]);
  });

  it('keeps the order of what is copied and what is shared, wherever it is trimmed, and touches no memory of another log', () => {
    for (let trimmed = 0; trimmed <= 8; trimmed++) {
      const bytes = new SentBytes(0);
      const other = new SentBytes(0);
      const ends: number[] = [0];
      for (let frame = 1; frame <= 8; frame++) {
        const sent = packet(frame, frame % 2 === 0 ? FULL : 100 * frame);
        const { chunk, piece } = written(sent);
        bytes.append(piece, [chunk]);
        giveBack([chunk]);
        ends.push((ends.at(-1) as number) + piece.length);
      }
      bytes.trim(ends[trimmed] as number);
      // Takes what the first has let go of, and both go on.
      for (let frame = 20; frame < 24; frame++) other.append(packet(frame, 30_000));
      bytes.append(packet(9, 50));
      other.append(packet(24, 50));
      const frames = [1, 2, 3, 4, 5, 6, 7, 8].slice(trimmed);
      expect(kept(bytes)).toEqual([
        ...frames.map((frame) => [frame, frame % 2 === 0 ? FULL : 100 * frame, frame, frame]),
        [9, 50, 9, 9],
      ]);
      expect(kept(other)).toEqual([
        ...[20, 21, 22, 23].map((frame) => [frame, 30_000, frame, frame]),
        [24, 50, 24, 24],
      ]);
      bytes.clear();
      other.clear();
    }
  });
});
