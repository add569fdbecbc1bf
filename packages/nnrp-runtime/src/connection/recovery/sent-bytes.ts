import * as preview3 from 'nnrp-core/preview3';
import { concatBytes, viewOf } from '../../base/bytes.js';
import { Line } from '../../base/queues/line.js';
import { COPY_LIMIT } from '../../transport/stream/lent-packet.js';
import { giveLogChunkBack, type LogChunk, takeLogChunk } from './log-chunk.js';
import { LoggedPacket } from './logged-packet.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
const HEADER_BYTES = preview3.COMMON_HEADER_BYTES;

/** A packet, and where it was found. */
export interface SentPacket {
  /** How many bytes were appended before it. */
  readonly place: number;
  /** In memory of its own. */
  readonly packet: LoggedPacket;
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
    const isHere = this.packets((id) => id === sessionId).some(({ packet }) => isOf(packet, sessionId, frameId));
    if (isHere) {
      this.leftOut ??= [];
      this.leftOut.push({ sessionId, frameId });
    }
    return isHere;
  }

  /** Whole packets of sessions that are wanted, in order, from the place where it was trimmed on. */
  packets(isWanted: (sessionId: number) => boolean): SentPacket[] {
    const bytes = this.joined();
    const view = viewOf(bytes);
    const leftOut = [...(this.leftOut ?? [])];
    const found: SentPacket[] = [];
    let end = 0;
    for (let at = 0; bytes.length - at >= HEADER_BYTES; at = end) {
      const headEnd = at + HEADER_BYTES + view.getUint32(at + AT.metaLen, true);
      end = headEnd + view.getUint32(at + AT.bodyLen, true);
      if (end > bytes.length) break;
      if (!isWanted(view.getUint32(at + AT.sessionId, true))) continue;
      const packet = new LoggedPacket(new Uint8Array(bytes.subarray(at, end)), headEnd - at);
      const left = leftOut.findIndex(({ sessionId, frameId }) => isOf(packet, sessionId, frameId));
      if (left >= 0) leftOut.splice(left, 1);
      else found.push({ place: this.begin + at, packet });
    }
    return found;
  }

  /** Lets go of everything. */
  clear(): void {
    for (const chunk of this.chunks.drain()) this.giveBack(chunk);
  }

  private joined(): Uint8Array {
    const parts = [...this.chunks].map(({ bytes, base, used }) => bytes.subarray(Math.max(0, this.begin - base), used));
    return concatBytes(parts);
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
function isOf(packet: LoggedPacket, sessionId: number, frameId: number): boolean {
  return packet.sessionId === sessionId && packet.frameId === frameId && packet.bodyLength > COPY_LIMIT;
}
