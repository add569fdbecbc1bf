import * as preview3 from 'nnrp-core/preview3';
import { Line } from '../../base/queues/line.js';
import { COPY_LIMIT } from '../../transport/stream/lent-packet.js';
import { giveLogChunkBack, type LogChunk, takeLogChunk } from './log-chunk.js';
import { LoggedPacket } from './logged-packet.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
const HEADER_BYTES = preview3.COMMON_HEADER_BYTES;

/** A packet as it lies in the bytes. */
export interface SentPacket {
  /** How many bytes were appended before it. */
  readonly place: number;
  readonly sessionId: number;
  readonly frameId: number;
  readonly messageType: number;
  readonly bodyLength: number;
  /** The packet in memory of its own. */
  copy(): LoggedPacket;
}

/**
 * What a transport has been given, byte for byte, from the last place on at which it was trimmed. Long bodies are copied too,
 * although their senders have lent them: to keep those alive until they have arrived costs more than the copy.
 */
export class SentBytes {
  private readonly chunks = new Line<LogChunk>();
  private last: LogChunk | undefined;
  private appended: number;
  /** Frames of which the transport has left out a packet, with its long body. */
  private leftOut: { readonly sessionId: number; readonly frameId: number }[] | undefined;

  /** @param begin - how many bytes were sent before what is kept here */
  constructor(private begin: number) {
    this.appended = begin;
  }

  append(bytes: Uint8Array): void {
    const { length } = bytes;
    for (let from = 0; from < length; ) {
      let chunk = this.last;
      if (chunk === undefined || chunk.used === chunk.bytes.length) chunk = this.nextChunk(length - from);
      const count = Math.min(length - from, chunk.bytes.length - chunk.used);
      chunk.bytes.set(count === length ? bytes : bytes.subarray(from, from + count), chunk.used);
      chunk.used += count;
      this.appended += count;
      from += count;
    }
  }

  /** Lets go of all before this place, which is the end of a packet. */
  trim(to: number): void {
    this.begin = to;
    const { chunks } = this;
    for (let { first } = chunks; first !== undefined && first.base + first.used <= to; first = chunks.first) {
      this.giveBack(chunks.take());
    }
  }

  /** The transport has left a packet of a frame out, because its body was transferred or resized: that frame fails. */
  leaveOut(sessionId: number, frameId: number): boolean {
    const isHere = [...this.packets()].some((packet) => isOf(packet, sessionId, frameId));
    if (isHere) {
      this.leftOut ??= [];
      this.leftOut.push({ sessionId, frameId });
    }
    return isHere;
  }

  /** Whole packets in order, from the place where it was trimmed on. */
  *packets(): Generator<SentPacket> {
    const reader = new ChunkReader([...this.chunks], this.begin);
    const leftOut = [...(this.leftOut ?? [])];
    for (;;) {
      const { place } = reader;
      const start = reader.read(HEADER_BYTES);
      if (start === undefined) return;
      const sessionId = start.readUInt32LE(AT.sessionId);
      const frameId = start.readUInt32LE(AT.frameId);
      const messageType = start[AT.messageType] as number;
      const metadataLength = start.readUInt32LE(AT.metaLen);
      const bodyLength = start.readUInt32LE(AT.bodyLen);
      const rest = reader.read(metadataLength + bodyLength);
      if (rest === undefined) return;
      const packet: SentPacket = {
        place,
        sessionId,
        frameId,
        messageType,
        bodyLength,
        copy: () => {
          const bytes = new Uint8Array(HEADER_BYTES + rest.length);
          bytes.set(start);
          bytes.set(rest, HEADER_BYTES);
          return new LoggedPacket(bytes, HEADER_BYTES + metadataLength, bodyLength, undefined);
        },
      };
      const left = leftOut.findIndex((frame) => isOf(packet, frame.sessionId, frame.frameId));
      if (left >= 0) leftOut.splice(left, 1);
      else yield packet;
    }
  }

  /** Lets go of everything. */
  clear(): void {
    for (const chunk of this.chunks.drain()) this.giveBack(chunk);
  }

  private nextChunk(bytes: number): LogChunk {
    const chunk = takeLogChunk(this.chunks.size === 0, bytes);
    chunk.base = this.appended;
    this.chunks.push(chunk);
    this.last = chunk;
    return chunk;
  }

  private giveBack(chunk: LogChunk): void {
    if (chunk === this.last) this.last = undefined;
    giveLogChunkBack(chunk);
  }
}

/** Whether it is one that a transport may leave out. */
function isOf(packet: SentPacket, sessionId: number, frameId: number): boolean {
  return packet.sessionId === sessionId && packet.frameId === frameId && packet.bodyLength > COPY_LIMIT;
}

/** Reads on over the ends of chunks. */
class ChunkReader {
  private chunk = 0;

  constructor(
    private readonly chunks: readonly LogChunk[],
    /** How many bytes lie before what is read next. */
    public place: number,
  ) {}

  /** A view where they lie together, else a copy; undefined when there are not so many. */
  read(count: number): Buffer | undefined {
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      this.moveOn();
      const chunk = this.chunks[this.chunk];
      if (chunk === undefined) return undefined;
      const start = this.place - chunk.base;
      const part = chunk.bytes.subarray(start, Math.min(start + missing, chunk.used));
      parts.push(part);
      this.place += part.length;
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  private moveOn(): void {
    for (let here = this.chunks[this.chunk]; here !== undefined; here = this.chunks[++this.chunk]) {
      if (this.place < here.base + here.used) return;
    }
  }
}
