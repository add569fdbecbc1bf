import { faultAt, type WireFault } from '../bytes/fault.js';
import { UsageError } from '../errors.js';
import { COMMON_HEADER_OFFSETS as AT, COMMON_HEADER_BYTES } from '../generated/preview3/common-header.js';
import { Packet } from './packet.js';
import { PREVIEW3 } from './preview3-revision.js';
import type { Revision } from './revision.js';

/** Largest packet taken by default: 64 MiB, header and metadata included. */
export const DEFAULT_MAX_PACKET_BYTES = 64 * 1024 * 1024;

/** Smallest buffer for a packet that spans chunks. */
const MIN_CAPACITY = 4096;
/**
 * How far the buffer of a packet that spans chunks may run ahead of what has arrived. A peer that announces 64 MiB and
 * sends 100 bytes costs 4 KiB.
 */
const GROWTH = 8;
/** Who has sent this much of a packet gets room for a megabyte more, so that an honest one is copied once (measured). */
const EARNEST_BYTES = 48 * 1024;
const EARNEST_ROOM = 1024 * 1024;

/** Chunks taken from the waiting list before it is moved together. */
const MIN_COMPACTION = 1024;

const NOTHING = /* @__PURE__ */ new Uint8Array(0);
const NO_VIEW = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(0));

export interface PacketSplitterOptions {
  /** Largest packet in bytes, header included; default {@link DEFAULT_MAX_PACKET_BYTES}. */
  readonly maxPacketBytes?: number;
  /** Default preview3. */
  readonly revision?: Revision;
}

/**
 * Turns a byte stream into packets. A packet that lies in one chunk is not copied; one that spans chunks is assembled
 * once, in a buffer that grows with what has arrived. Lengths are bounded before anything is buffered.
 *
 * Push chunks, then call `next` until it gives undefined; pushing more before that is fine. After a fault the stream
 * cannot be trusted any more: nothing further comes out and the splitter must be discarded.
 *
 * @see NNRP/1-preview3 section 3
 */
export class PacketSplitter {
  private limit: number;
  private readonly revision: Revision;
  /** Chunks after the current one, from `waitingHead` on. */
  private waiting: Uint8Array[] = [];
  private waitingHead = 0;
  private chunk: Uint8Array = NOTHING;
  private view: DataView = NO_VIEW;
  private position = 0;
  /** The packet that spans chunks: its buffer, how much of it is filled and how much it needs (40 until its header is known). */
  private partial: Uint8Array = NOTHING;
  private filled = 0;
  private needed = 0;
  private broken: WireFault | undefined;

  constructor(options: PacketSplitterOptions = {}) {
    const { maxPacketBytes = DEFAULT_MAX_PACKET_BYTES, revision = PREVIEW3 } = options;
    this.limit = DEFAULT_MAX_PACKET_BYTES;
    this.maxPacketBytes = maxPacketBytes;
    this.revision = revision;
  }

  /** Largest packet in bytes, header included. A change applies from the next header on. */
  get maxPacketBytes(): number {
    return this.limit;
  }

  /** @throws UsageError unless it is an integer of at least 40 */
  set maxPacketBytes(bytes: number) {
    if (!(Number.isSafeInteger(bytes) && bytes >= COMMON_HEADER_BYTES)) {
      throw new UsageError(`maxPacketBytes: expected an integer of at least 40, got ${bytes}`);
    }
    this.limit = bytes;
  }

  /** Why the stream was given up; undefined while it is well. */
  get fault(): WireFault | undefined {
    return this.broken;
  }

  /** Bytes held that no packet has been made of yet. */
  get bufferedBytes(): number {
    let bytes = this.chunk.length - this.position + this.filled;
    for (let index = this.waitingHead; index < this.waiting.length; index++) bytes += this.waiting[index]?.length ?? 0;
    return bytes;
  }

  /** @param chunk - any length, also 0; it must not be changed afterwards, packets read it in place */
  push(chunk: Uint8Array): void {
    if (this.broken !== undefined || chunk.length === 0) return;
    // Also behind a chunk that is used up: others may wait before this one.
    if (this.position < this.chunk.length || this.waiting.length > 0) this.waiting.push(chunk);
    else this.load(chunk);
  }

  /** The next whole packet, or undefined when more bytes are needed or the stream is broken. */
  next(): Packet | undefined {
    while (this.broken === undefined) {
      if (this.position === this.chunk.length) {
        const chunk = this.takeWaiting();
        if (chunk === undefined) {
          // An idle connection must not keep its last chunk alive.
          if (this.position !== 0) this.load(NOTHING);
          return undefined;
        }
        this.load(chunk);
      }
      const packet = this.needed === 0 ? this.inPlace() : this.assemble();
      if (packet !== undefined) return packet;
    }
    return undefined;
  }

  /** Not `shift`, which moves the whole queue for each chunk. */
  private takeWaiting(): Uint8Array | undefined {
    const chunk = this.waiting[this.waitingHead];
    if (chunk === undefined) return undefined;
    this.waiting[this.waitingHead++] = NOTHING;
    if (this.waitingHead === this.waiting.length) {
      this.waiting = [];
      this.waitingHead = 0;
    } else if (this.waitingHead >= MIN_COMPACTION && this.waitingHead * 2 >= this.waiting.length) {
      this.waiting = this.waiting.slice(this.waitingHead);
      this.waitingHead = 0;
    }
    return chunk;
  }

  private load(chunk: Uint8Array): void {
    this.chunk = chunk;
    this.view = chunk === NOTHING ? NO_VIEW : new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.position = 0;
  }

  /** A packet at the current position; starts assembling when the chunk ends before it does. */
  private inPlace(): Packet | undefined {
    const { chunk, view, position } = this;
    const available = chunk.length - position;
    if (available < COMMON_HEADER_BYTES) {
      this.startPartial(COMMON_HEADER_BYTES);
      return undefined;
    }
    const total = this.packetLength(view, position);
    if (total === 0) return undefined;
    if (available < total) {
      this.startPartial(total);
      return undefined;
    }
    this.position = position + total;
    return this.packet(chunk, view, position);
  }

  /** Moves what the chunk has into the partial packet; gives the packet when it is whole. */
  private assemble(): Packet | undefined {
    this.fill();
    if (this.filled < this.needed) {
      if (this.needed === COMMON_HEADER_BYTES) this.checkMagicEarly();
      return undefined;
    }
    const { partial } = this;
    const view = new DataView(partial.buffer, 0, this.filled);
    const total = this.packetLength(view, 0);
    if (total === 0) return undefined;
    if (this.filled < total) {
      this.needed = total;
      return undefined;
    }
    this.partial = NOTHING;
    this.filled = 0;
    this.needed = 0;
    return this.packet(partial, view, 0);
  }

  private startPartial(needed: number): void {
    this.needed = needed;
    this.filled = 0;
    this.fill();
    if (needed === COMMON_HEADER_BYTES) this.checkMagicEarly();
  }

  private fill(): void {
    const count = Math.min(this.needed - this.filled, this.chunk.length - this.position);
    const filled = this.filled + count;
    if (filled > this.partial.length) {
      const earned = filled < EARNEST_BYTES ? 0 : filled + EARNEST_ROOM;
      const capacity = Math.min(this.needed, Math.max(MIN_CAPACITY, filled * GROWTH, earned));
      const grown = new Uint8Array(capacity);
      grown.set(this.partial.subarray(0, this.filled));
      this.partial = grown;
    }
    this.partial.set(this.chunk.subarray(this.position, this.position + count), this.filled);
    this.filled = filled;
    this.position += count;
  }

  /** Total length of the packet whose header starts at `start`; 0 after a fault. */
  private packetLength(view: DataView, start: number): number {
    const broken = this.revision.checkHeader(view, start);
    if (broken >= 0) return this.fail(faultAt(this.revision.headerRules, broken, view, start));
    const lengths = view.getUint32(start + AT.metaLen, true) + view.getUint32(start + AT.bodyLen, true);
    if (lengths > 0xffffffff) return this.fail({ kind: 'message_length_overflow' });
    const total = COMMON_HEADER_BYTES + lengths;
    if (total > this.limit) {
      return this.fail({ kind: 'packet_too_large', limit: this.limit, declared: total });
    }
    return total;
  }

  private packet(bytes: Uint8Array, view: DataView, start: number): Packet {
    const metadataLength = view.getUint32(start + AT.metaLen, true);
    const bodyLength = view.getUint32(start + AT.bodyLen, true);
    return new Packet(bytes, view, start, metadataLength, bodyLength);
  }

  /** Something that is not NNRP at all need not send 40 bytes to be refused. */
  private checkMagicEarly(): void {
    for (let index = 0; index < Math.min(this.filled, 4); index++) {
      if (this.partial[index] !== 'NNRP'.charCodeAt(index)) this.fail({ kind: 'invalid_magic' });
    }
  }

  private fail(fault: WireFault): 0 {
    this.broken = fault;
    this.waiting = [];
    this.waitingHead = 0;
    this.load(NOTHING);
    this.partial = NOTHING;
    this.filled = 0;
    this.needed = 0;
    return 0;
  }
}
