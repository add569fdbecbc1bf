import { EMPTY_BYTES } from '../bytes/empty-bytes.js';
import { UsageError } from '../errors.js';
import { faultAt, type WireFault } from '../faults/fault.js';
import { COMMON_HEADER_OFFSETS as AT, COMMON_HEADER_BYTES } from '../generated/preview3/common-header.js';
import { PREVIEW3 } from '../revisions/preview3.js';
import type { Revision } from '../revisions/revision.js';
import { shownValue } from '../text/shown-value.js';
import { Packet } from './packet.js';
import { capacityFor } from './packet-room.js';
import { DEFAULT_MAX_PACKET_BYTES, type PacketSplitterOptions } from './splitter-options.js';

/** Chunks taken from the waiting list before it is moved together. */
const MIN_COMPACTION = 1024;

/** In place of an empty list: never added to. */
const NOTHING = /* @__PURE__ */ Object.freeze([]) as unknown as never[];
const NO_VIEW = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(0));

/**
 * Turns a byte stream into packets. A packet that lies in one chunk is not copied; one that spans chunks is assembled
 * once, in a buffer that grows with what has arrived. Lengths are bounded before anything is buffered.
 *
 * The ArrayBuffer of a chunk may be transferred away with its packets. So the incomplete packet at the end of a chunk
 * is moved out of it before the first packet of the chunk is handed over; whole packets that have not been handed over
 * yet are lost then, and `next` says so.
 *
 * Push chunks, then call `next` until it gives undefined; pushing more before that is fine. After a fault the stream
 * cannot be trusted any more: nothing further comes out and the splitter must be discarded.
 *
 * @see NNRP/1-preview3 section 3
 */
export class RevisionSplitter {
  /**
   * Asked about a packet above the limit whose header is well-formed: true skips its bytes as they come, without keeping
   * them; false, or no such function, breaks the stream. The packet is its header alone, in memory of its own: it says
   * how long its metadata and its body are, and neither can be read.
   */
  oversized: ((head: Packet, fault: WireFault) => boolean) | undefined;
  /** Memory of its own for a packet that spans chunks. It may hold anything: a packet is made of it when all is written. */
  allocate: (bytes: number) => Uint8Array = zeroed;
  /** Told of each chunk of which everything has been copied: no packet lies in it, and nothing reads it any more. */
  copied: ((chunk: Uint8Array) => void) | undefined;
  /** Bytes of a packet above the limit that are still to come. */
  private skipping = 0;
  private limit: number;
  /** Whose headers are taken. A change applies from the next header on. */
  revision: Revision;
  /** Chunks after the current one, from `waitingHead` on. */
  private waiting: Uint8Array[] = NOTHING;
  /** Their lengths when they came. */
  private waitingLengths: number[] = NOTHING;
  private waitingHead = 0;
  private chunk: Uint8Array = EMPTY_BYTES;
  private view: DataView = NO_VIEW;
  /** Length of the chunk when it came, without what has been moved out of its end. */
  private end = 0;
  private position = 0;
  /** Whether the end of the chunk has been looked at; and whether the partial packet below was moved out of it. */
  private scanned = false;
  private tailMoved = false;
  /** Whether a packet that was handed over lies in the chunk. */
  private isRead = false;
  /** The packet that spans chunks: its buffer, how much of it is filled and how much it needs (40 until its header is known). */
  private partial: Uint8Array = EMPTY_BYTES;
  private filled = 0;
  private needed = 0;
  private broken: WireFault | undefined;
  private foreign: Uint8Array | undefined;

  constructor(options: PacketSplitterOptions, defaultRevision: Revision) {
    const { maxPacketBytes = DEFAULT_MAX_PACKET_BYTES, revision = defaultRevision } = options;
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
      throw new UsageError(`maxPacketBytes: expected an integer of at least 40, got ${shownValue(bytes)}`);
    }
    this.limit = bytes;
  }

  /** Why the stream was given up; undefined while it is well. */
  get fault(): WireFault | undefined {
    return this.broken;
  }

  /** The first bytes of what should have been a packet and does not begin like one: 40 at most, a copy. Undefined otherwise. */
  get foreignBytes(): Uint8Array | undefined {
    return this.foreign;
  }

  /** Bytes held that no packet has been made of yet. */
  get bufferedBytes(): number {
    let bytes = this.end - this.position + this.filled;
    for (let index = this.waitingHead; index < this.waiting.length; index++) bytes += this.waitingLengths[index] ?? 0;
    return bytes;
  }

  /** Memory held for packets to come: chunks that are not used up, and the whole buffer of one that spans chunks. */
  get heldBytes(): number {
    let bytes = this.chunk.length + this.partial.length;
    for (let index = this.waitingHead; index < this.waiting.length; index++) bytes += this.waitingLengths[index] ?? 0;
    return bytes;
  }

  /** Whether a packet above the limit is being skipped. */
  get isSkipping(): boolean {
    return this.skipping > 0;
  }

  /** @param chunk - any length, also 0; it must not be changed afterwards, packets read it in place */
  push(chunk: Uint8Array): void {
    if (this.broken !== undefined || chunk.length === 0) return;
    // Also behind a chunk that is used up: others may wait before this one.
    if (this.waiting.length > 0) {
      this.waiting.push(chunk);
      this.waitingLengths.push(chunk.length);
    } else if (this.position < this.end || this.tailMoved) {
      this.waiting = [chunk];
      this.waitingLengths = [chunk.length];
    } else this.load(chunk, chunk.length);
  }

  /**
   * The next whole packet, or undefined when more bytes are needed or the stream is broken.
   * @throws UsageError when the memory of a chunk was transferred away before all of its packets were taken; nothing
   * can be read after that
   */
  next(): Packet | undefined {
    while (this.broken === undefined) {
      if (this.position === this.end) {
        if (this.tailMoved) {
          this.startTail();
          continue;
        }
        if (!this.loadWaiting()) {
          // An idle connection must not keep its last chunk alive.
          if (this.position !== 0) this.leave(EMPTY_BYTES, 0);
          return undefined;
        }
      }
      if (this.chunk.length === 0 && this.end > this.position) this.throwDetached();
      if (this.skipping > 0) {
        this.skip();
        continue;
      }
      const packet = this.needed === 0 ? this.inPlace() : this.assemble();
      if (packet !== undefined) return packet;
    }
    return undefined;
  }

  private skip(): void {
    const count = Math.min(this.skipping, this.end - this.position);
    this.skipping -= count;
    this.position += count;
  }

  /** Not `shift`, which moves the whole queue for each chunk. @returns whether there was one */
  private loadWaiting(): boolean {
    const chunk = this.waiting[this.waitingHead];
    if (chunk === undefined) return false;
    const length = this.waitingLengths[this.waitingHead] ?? 0;
    this.waiting[this.waitingHead++] = EMPTY_BYTES;
    if (this.waitingHead === this.waiting.length) {
      this.waiting = NOTHING;
      this.waitingLengths = NOTHING;
      this.waitingHead = 0;
    } else if (this.waitingHead >= MIN_COMPACTION && this.waitingHead * 2 >= this.waiting.length) {
      this.waiting = this.waiting.slice(this.waitingHead);
      this.waitingLengths = this.waitingLengths.slice(this.waitingHead);
      this.waitingHead = 0;
    }
    this.leave(chunk, length);
    return true;
  }

  /** The chunk has been gone through to its end: the next one follows. */
  private leave(next: Uint8Array, length: number): void {
    const { chunk, isRead } = this;
    this.load(next, length);
    if (!isRead && chunk.length > 0) this.copied?.(chunk);
  }

  /** @param length - of the chunk when it came */
  private load(chunk: Uint8Array, length: number): void {
    if (chunk.length !== length) this.throwDetached();
    this.chunk = chunk;
    this.view = chunk === EMPTY_BYTES ? NO_VIEW : new DataView(chunk.buffer, chunk.byteOffset, length);
    this.end = length;
    this.position = 0;
    this.scanned = false;
    this.isRead = false;
  }

  /** What is lost can be replaced by nothing, so the stream ends here. */
  private throwDetached(): never {
    this.fail({ kind: 'source_too_short', expected: COMMON_HEADER_BYTES, actual: 0 });
    throw new UsageError(
      'the memory of a received chunk was transferred away while packets in it were still to be read',
    );
  }

  /** A packet at the current position; starts assembling when the chunk ends before it does. */
  private inPlace(): Packet | undefined {
    const { chunk, view, position } = this;
    const available = this.end - position;
    if (available < COMMON_HEADER_BYTES) {
      this.startPartial(COMMON_HEADER_BYTES);
      return undefined;
    }
    const total = this.packetLength(view, position);
    // What is skipped begins here.
    if (total === 0) return undefined;
    if (available < total) {
      this.startPartial(total);
      return undefined;
    }
    this.position = position + total;
    this.isRead = true;
    if (!this.scanned) this.moveTail();
    return packetAt(chunk, view, position, total);
  }

  /**
   * Copies the incomplete packet at the end of the chunk. Its header is checked when its turn comes, not here: packets
   * before it may change the limit. The lengths alone are read, so a broken header may lead astray: nothing is delivered
   * beyond it.
   */
  private moveTail(): void {
    this.scanned = true;
    const { chunk, view, end } = this;
    let { position } = this;
    let needed = COMMON_HEADER_BYTES;
    while (end - position >= COMMON_HEADER_BYTES) {
      needed =
        COMMON_HEADER_BYTES + view.getUint32(position + AT.metaLen, true) + view.getUint32(position + AT.bodyLen, true);
      if (end - position < needed) break;
      position += needed;
      needed = COMMON_HEADER_BYTES;
    }
    const filled = end - position;
    if (filled === 0) return;
    this.partial = this.allocate(capacityFor(filled, needed));
    this.partial.set(chunk.subarray(position, end));
    this.filled = filled;
    this.end = position;
    this.tailMoved = true;
  }

  /** The packets before it have been taken: what was moved out of the end of the chunk goes on as a partial packet. */
  private startTail(): void {
    this.tailMoved = false;
    this.load(EMPTY_BYTES, 0);
    this.needed = COMMON_HEADER_BYTES;
    if (this.filled < COMMON_HEADER_BYTES) this.checkMagicEarly();
    else {
      this.needed = this.packetLength(new DataView(this.partial.buffer, 0, this.filled), 0);
      if (this.skipping > 0) this.dropPartial();
    }
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
    if (total === 0) {
      if (this.skipping > 0) this.dropPartial();
      return undefined;
    }
    if (this.filled < total) {
      this.needed = total;
      return undefined;
    }
    this.partial = EMPTY_BYTES;
    this.filled = 0;
    this.needed = 0;
    return packetAt(partial, view, 0, total);
  }

  /** It is above the limit, and skipped: what has come of it is not kept. */
  private dropPartial(): void {
    this.skipping -= this.filled;
    this.partial = EMPTY_BYTES;
    this.filled = 0;
    this.needed = 0;
  }

  private startPartial(needed: number): void {
    this.needed = needed;
    this.filled = 0;
    this.fill();
    if (needed === COMMON_HEADER_BYTES) this.checkMagicEarly();
  }

  private fill(): void {
    const count = Math.min(this.needed - this.filled, this.end - this.position);
    const filled = this.filled + count;
    if (filled > this.partial.length) {
      const grown = this.allocate(capacityFor(filled, this.needed));
      grown.set(this.partial.subarray(0, this.filled));
      this.partial = grown;
    }
    this.partial.set(this.chunk.subarray(this.position, this.position + count), this.filled);
    this.filled = filled;
    this.position += count;
  }

  /** Total length of the packet whose header starts at `start`; 0 after a fault, and for a packet that is skipped. */
  private packetLength(view: DataView, start: number): number {
    const broken = this.revision.checkHeader(view, start);
    if (broken >= 0) {
      const fault = faultAt(this.revision.headerRules, broken, view, start);
      if (fault.kind === 'invalid_magic') this.foreign = bytesOf(view, start).slice();
      return this.fail(fault);
    }
    const lengths = view.getUint32(start + AT.metaLen, true) + view.getUint32(start + AT.bodyLen, true);
    if (lengths > 0xffffffff) return this.fail({ kind: 'message_length_overflow' });
    const total = COMMON_HEADER_BYTES + lengths;
    if (total > this.limit) {
      const fault: WireFault = { kind: 'packet_too_large', limit: this.limit, declared: total };
      if (this.oversized?.(headOf(view, start), fault) !== true) return this.fail(fault);
      this.skipping = total;
      return 0;
    }
    return total;
  }

  /** Something that is not NNRP at all need not send 40 bytes to be refused. */
  private checkMagicEarly(): void {
    for (let index = 0; index < Math.min(this.filled, 4); index++) {
      if (this.partial[index] === 'NNRP'.charCodeAt(index)) continue;
      this.foreign = this.partial.slice(0, this.filled);
      this.fail({ kind: 'invalid_magic' });
      return;
    }
  }

  private fail(fault: WireFault): 0 {
    this.broken = fault;
    this.waiting = NOTHING;
    this.waitingLengths = NOTHING;
    this.waitingHead = 0;
    this.load(EMPTY_BYTES, 0);
    this.partial = EMPTY_BYTES;
    this.tailMoved = false;
    this.filled = 0;
    this.needed = 0;
    return 0;
  }
}

function zeroed(bytes: number): Uint8Array {
  return new Uint8Array(bytes);
}

function packetAt(bytes: Uint8Array, view: DataView, start: number, length: number): Packet {
  const metadataLength = view.getUint32(start + AT.metaLen, true);
  return new Packet(bytes, view, start, metadataLength, length - COMMON_HEADER_BYTES - metadataLength);
}

function headOf(view: DataView, start: number): Packet {
  const bytes = bytesOf(view, start).slice();
  const head = new DataView(bytes.buffer);
  return new Packet(bytes, head, 0, head.getUint32(AT.metaLen, true), head.getUint32(AT.bodyLen, true));
}

/** The bytes of a header. */
function bytesOf(view: DataView, start: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, COMMON_HEADER_BYTES);
}

/** {@link RevisionSplitter} of preview3, unless its options name another revision. */
export class PacketSplitter extends RevisionSplitter {
  constructor(options: PacketSplitterOptions = {}) {
    super(options, PREVIEW3);
  }
}
