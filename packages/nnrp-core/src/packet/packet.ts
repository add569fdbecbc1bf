import { COMMON_HEADER_OFFSETS as AT, COMMON_HEADER_BYTES } from '../generated/preview3/common-header.js';
import { INSPECT, type Inspect, inspected } from '../text/inspected.js';

/**
 * One packet inside bytes that somebody else owns: header, metadata and body are read in place and nothing is copied.
 * It stays valid while it is held, because a transport never reuses bytes it has handed over; holding it keeps the
 * whole chunk alive, so copy what is to be kept for long.
 *
 * Several packets may lie in one chunk. When somebody transfers its ArrayBuffer to another thread, all of them are gone:
 * body and metadata are empty then, and the fields of the header throw a TypeError.
 *
 * The layout of the common header is the same in every revision.
 *
 * @see NNRP/1-preview3 section 3
 */
export class Packet {
  constructor(
    /** The chunk that holds the packet. */
    readonly bytes: Uint8Array,
    /** The same bytes as `bytes`; offsets agree. */
    readonly view: DataView,
    /** Offset of the header in `view`. */
    readonly start: number,
    /** Metadata bytes. */
    readonly metadataLength: number,
    /** Body bytes. */
    readonly bodyLength: number,
  ) {}

  get messageType(): number {
    return this.view.getUint8(this.start + AT.messageType);
  }

  /** Header flags, see HeaderFlags. */
  get flags(): number {
    return this.view.getUint32(this.start + AT.flags, true);
  }

  /** The session, 0 = the connection itself. */
  get sessionId(): number {
    return this.view.getUint32(this.start + AT.sessionId, true);
  }

  /** The unit of work inside the session, 0 = none. */
  get frameId(): number {
    return this.view.getUint32(this.start + AT.frameId, true);
  }

  get viewId(): number {
    return this.view.getUint16(this.start + AT.viewId, true);
  }

  get routeId(): number {
    return this.view.getUint16(this.start + AT.routeId, true);
  }

  get traceId(): bigint {
    return this.view.getBigUint64(this.start + AT.traceId, true);
  }

  /** The low half of the trace id, without making a bigint. */
  get traceLow(): number {
    return this.view.getUint32(this.start + AT.traceId, true);
  }

  /** The high half of the trace id. */
  get traceHigh(): number {
    return this.view.getUint32(this.start + AT.traceId + 4, true);
  }

  /** Offset of the metadata in `view`: where `checkX`, `decodeX` and `XView.at` of the message start. */
  get metadataStart(): number {
    return this.start + COMMON_HEADER_BYTES;
  }

  /** Whether the memory of the packet was transferred away. */
  get isDetached(): boolean {
    return this.bytes.length === 0;
  }

  /** A packet of the same bytes in memory of its own. */
  copy(): Packet {
    const end = this.start + this.byteLength;
    // Not slice(): a byte array of Node shares its memory with what it returns.
    const bytes = new Uint8Array(this.bytes.subarray(this.start, end));
    return new Packet(bytes, new DataView(bytes.buffer), 0, this.metadataLength, this.bodyLength);
  }

  /** Bytes of memory that the packet keeps from being given back, once it has {@link settled}. */
  get settledBytes(): number {
    const { byteLength } = this;
    const keptBytes = this.bytes.buffer.byteLength;
    return byteLength * 2 < keptBytes ? byteLength : keptBytes;
  }

  /** For a packet that is kept for long: a copy when it uses less than half of the memory that it keeps, else itself. */
  settled(): Packet {
    return this.byteLength * 2 < this.bytes.buffer.byteLength ? this.copy() : this;
  }

  /** The metadata, not copied. */
  get metadata(): Uint8Array {
    return this.part(this.metadataStart, this.metadataLength);
  }

  /** The body, not copied. */
  get body(): Uint8Array {
    return this.part(this.metadataStart + this.metadataLength, this.bodyLength);
  }

  /** Length of the whole packet in bytes. */
  get byteLength(): number {
    return COMMON_HEADER_BYTES + this.metadataLength + this.bodyLength;
  }

  /** The facts of the header, as logs show them: of metadata and body the lengths only. */
  toJSON(): Record<string, unknown> {
    const { messageType, flags, sessionId, frameId, viewId, routeId, metadataLength, bodyLength } = this;
    const traceId = String(this.traceId);
    return { messageType, flags, sessionId, frameId, viewId, routeId, traceId, metadataLength, bodyLength };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('Packet', this.toJSON(), depth, options, inspect);
  }

  private part(start: number, length: number): Uint8Array {
    // It was transferred away, or has not come: of some packets there is the header alone. Shared, it could be transferred too.
    if (this.bytes.length < start + length) return new Uint8Array(0);
    // By the view: V8 takes twice as long for subarray(), and for the buffer of an array.
    return new Uint8Array(this.view.buffer, this.view.byteOffset + start, length);
  }
}
