import * as preview3 from 'nnrp-core/preview3';
import { viewOf } from '../../base/bytes.js';
import { Line } from '../../base/queues/line.js';
import type { SentMemory } from '../../transport/contract/sent-pieces.js';
import { COPY_LIMIT } from '../../transport/stream/lent-packet.js';
import { holdShared, type LogChunk, releaseShared, takeLogChunk } from './log-chunk.js';
import { LoggedPacket } from './logged-packet.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
const HEADER_BYTES = preview3.COMMON_HEADER_BYTES;

/** Memory of the transport is kept as it is when a piece fills so much of it. */
const SHARED_PART = 0.75;

/** A stretch of what was sent. */
interface Stretch {
  /** Where it begins in its memory, and how long it is. */
  readonly start: number;
  length: number;
  /** How many bytes were sent before it. */
  readonly base: number;
  readonly memory: SentMemory;
  /** Whether the memory is the transport's. */
  readonly isShared: boolean;
}

/** A packet, and where it was found. */
export interface SentPacket {
  /** How many bytes were appended before it. */
  readonly place: number;
  /** In memory of its own. */
  readonly packet: LoggedPacket;
}

/**
 * What a transport has been given, byte for byte, from the last place on at which it was trimmed. Full memory of the transport
 * is kept where it is; the rest is copied, also long bodies that senders have lent: to keep those alive until they have
 * arrived costs more than the copy.
 */
export class SentBytes {
  private readonly stretches = new Line<Stretch>();
  /** The last stretch, as long as it is kept. */
  private last: Stretch | undefined;
  /** What is copied into, as long as a stretch lies in it. */
  private chunk: LogChunk | undefined;
  private appended: number;
  private unused = 0;
  /** Frames of which the transport has left out a packet, with its long body. */
  private leftOut: { readonly sessionId: number; readonly frameId: number }[] | undefined;

  /** @param begin - how many bytes were sent before what is kept here */
  constructor(private begin: number) {
    this.appended = begin;
  }

  /** Bytes of memory of the transport that are kept besides what was sent. */
  get unusedBytes(): number {
    return this.unused;
  }

  /** @param memory - in which it may lie */
  append(bytes: Uint8Array, memory?: readonly SentMemory[]): void {
    const own = memory === undefined ? undefined : fullMemory(bytes, memory);
    if (own === undefined) this.copy(bytes);
    else this.share(bytes, own);
  }

  /** Lets go of all before this place, which is the end of a packet. */
  trim(to: number): void {
    this.begin = to;
    const { stretches } = this;
    for (let { first } = stretches; first !== undefined && first.base + first.length <= to; first = stretches.first) {
      this.letGo(stretches.take());
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
    const pieces = this.pieces();
    let piece = 0;
    let offset = 0;
    /** The next bytes become those of the target, from `begin` to `end`, where there is one. */
    const pass = (begin: number, end: number, target?: Uint8Array) => {
      for (let at = begin; at < end; ) {
        const all = pieces[piece] as Uint8Array;
        const part = all.subarray(offset, offset + end - at);
        target?.set(part, at);
        at += part.length;
        offset += part.length;
        if (offset < all.length) continue;
        piece++;
        offset = 0;
      }
    };
    const header = new Uint8Array(HEADER_BYTES);
    const view = viewOf(header);
    const leftOut = [...(this.leftOut ?? [])];
    const found: SentPacket[] = [];
    let length = 0;
    for (let place = this.begin; place + HEADER_BYTES <= this.appended; place += length) {
      pass(0, HEADER_BYTES, header);
      const headBytes = HEADER_BYTES + view.getUint32(AT.metaLen, true);
      length = headBytes + view.getUint32(AT.bodyLen, true);
      if (place + length > this.appended) break;
      const bytes = isWanted(view.getUint32(AT.sessionId, true)) ? new Uint8Array(length) : undefined;
      bytes?.set(header);
      pass(HEADER_BYTES, length, bytes);
      if (bytes === undefined) continue;
      const packet = new LoggedPacket(bytes, headBytes);
      const left = leftOut.findIndex(({ sessionId, frameId }) => isOf(packet, sessionId, frameId));
      if (left >= 0) leftOut.splice(left, 1);
      else found.push({ place, packet });
    }
    return found;
  }

  /** Lets go of everything. */
  clear(): void {
    for (const stretch of this.stretches.drain()) this.letGo(stretch);
  }

  private pieces(): Uint8Array[] {
    return [...this.stretches].map(({ memory, start, length, base }) =>
      memory.bytes.subarray(start + Math.max(0, this.begin - base), start + length),
    );
  }

  private share(bytes: Uint8Array, memory: SentMemory): void {
    const { length } = bytes;
    holdShared(memory);
    this.unused += memory.bytes.length - length;
    const start = bytes.byteOffset - memory.bytes.byteOffset;
    this.push({ start, length, base: this.appended, memory, isShared: true });
    this.appended += length;
  }

  private copy(bytes: Uint8Array): void {
    const { length } = bytes;
    for (let from = 0; from < length; ) {
      const { stretch, chunk } = this.open(length - from);
      const count = Math.min(length - from, chunk.bytes.length - chunk.used);
      chunk.bytes.set(count === length ? bytes : bytes.subarray(from, from + count), chunk.used);
      chunk.used += count;
      stretch.length += count;
      this.appended += count;
      from += count;
    }
  }

  /** What the next bytes are copied into. @param bytes - that are at hand */
  private open(bytes: number): { readonly stretch: Stretch; readonly chunk: LogChunk } {
    const { last } = this;
    let { chunk } = this;
    if (chunk !== undefined && chunk.used < chunk.bytes.length) {
      if (last?.memory === chunk) return { stretch: last, chunk };
      // What lies between is not in it.
      chunk.hold();
    } else {
      chunk = takeLogChunk(this.stretches.size === 0, bytes);
      this.chunk = chunk;
    }
    const stretch = { start: chunk.used, length: 0, base: this.appended, memory: chunk, isShared: false };
    this.push(stretch);
    return { stretch, chunk };
  }

  private push(stretch: Stretch): void {
    this.stretches.push(stretch);
    this.last = stretch;
  }

  private letGo(stretch: Stretch): void {
    const { memory, length, isShared } = stretch;
    if (stretch === this.last) this.last = undefined;
    if (isShared) {
      this.unused -= memory.bytes.length - length;
      releaseShared(memory);
      return;
    }
    memory.release();
    // Nothing of it is left here: it may be another log's.
    if (memory === this.chunk && !this.chunk.isRetained) this.chunk = undefined;
  }
}

/** The memory that a piece nearly fills. */
function fullMemory({ buffer, length }: Uint8Array, memory: readonly SentMemory[]): SentMemory | undefined {
  for (const one of memory) {
    if (one.bytes.buffer === buffer) return length >= one.bytes.length * SHARED_PART ? one : undefined;
  }
  return undefined;
}

/** Whether it is one that a transport may leave out. */
function isOf(packet: LoggedPacket, sessionId: number, frameId: number): boolean {
  return packet.sessionId === sessionId && packet.frameId === frameId && packet.bodyLength > COPY_LIMIT;
}
