import type { Socket } from 'node:net';

/*
 * NNRP's packets without NNRP: a header of 40 bytes, metadata of 72 bytes (a request) or 64 (an answer) and a body, read
 * and written with as little as a Node program can do. What is left out is everything a protocol is for: checks,
 * sessions, limits, backpressure towards the application.
 */

const SUBMIT = 0x10;
const RESULT = 0x12;
const HEADER_BYTES = 40;
const AT = { type: 6, metadataBytes: 12, bodyBytes: 16, frameId: 24 } as const;
/** Where the metadata says that more results follow: offset of result_class, and its value partial. */
const RESULT_CLASS = HEADER_BYTES + 44;
const PARTIAL = 1;

export const SUBMIT_HEAD = head(SUBMIT, 72);
export const RESULT_HEAD = head(RESULT, 64);
export const PARTIAL_HEAD = head(RESULT, 64);
PARTIAL_HEAD[RESULT_CLASS] = PARTIAL;

function head(type: number, metadataBytes: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + metadataBytes);
  bytes.set([0x4e, 0x4e, 0x52, 0x50, 1, 0, type, HEADER_BYTES]);
  bytes[AT.metadataBytes] = metadataBytes;
  return bytes;
}

/** Bodies up to this length are copied beside their head; larger ones are pieces of their own in one writev. */
const COPY_LIMIT = 4096;
const SCRATCH_BYTES = 64 * 1024;

/**
 * Joins the packets of one turn. One for a whole process: a turn belongs to one socket and ends with `flush`, so the
 * buffer is used again as soon as the kernel has taken what was in it.
 */
class PacketWriter {
  private bytes = new Uint8Array(SCRATCH_BYTES);
  private view = new DataView(this.bytes.buffer);
  private end = 0;

  packet(socket: Socket, head: Uint8Array, frameId: number, body: Uint8Array): void {
    const { length } = body;
    const copied = length <= COPY_LIMIT ? length : 0;
    if (this.end + head.length + copied > SCRATCH_BYTES) this.flush(socket);
    const at = this.end;
    this.bytes.set(head, at);
    this.view.setUint32(at + AT.bodyBytes, length, true);
    this.view.setUint32(at + AT.frameId, frameId, true);
    this.end = at + head.length;
    if (copied === length) {
      this.bytes.set(body, this.end);
      this.end += length;
    } else {
      socket.cork();
      socket.write(this.bytes.slice(0, this.end));
      socket.write(body);
      socket.uncork();
      this.end = 0;
    }
  }

  /** @returns false when the socket wants its drain awaited */
  flush(socket: Socket): boolean {
    if (this.end === 0) return !socket.writableNeedDrain;
    const room = socket.write(this.bytes.subarray(0, this.end));
    this.end = 0;
    if (socket.writableLength > 0) {
      this.bytes = new Uint8Array(SCRATCH_BYTES);
      this.view = new DataView(this.bytes.buffer);
    }
    return room;
  }
}

export const writer = new PacketWriter();

/** What an application gets of a packet, as from any other system: the body as bytes that are not used again. */
export type PacketHandler = (frameId: number, partial: boolean, body: Uint8Array) => void;

/** Splits the chunks of one socket. Packets inside a chunk are read in place; one that spans chunks is put together. */
export class PacketReader {
  private partial: Uint8Array | undefined;
  private filled = 0;

  constructor(private readonly handler: PacketHandler) {}

  push(chunk: Buffer): void {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = this.partial === undefined ? 0 : this.complete(bytes);
    while (bytes.length - at >= HEADER_BYTES) {
      const end =
        at + HEADER_BYTES + view.getUint32(at + AT.metadataBytes, true) + view.getUint32(at + AT.bodyBytes, true);
      if (end > bytes.length) break;
      this.packet(bytes, view, at, end);
      at = end;
    }
    if (at < bytes.length) this.begin(bytes, view, at);
  }

  private packet(bytes: Uint8Array, view: DataView, at: number, end: number): void {
    const partial = view.getUint8(at + AT.type) === RESULT && view.getUint8(at + RESULT_CLASS) === PARTIAL;
    const start = end - view.getUint32(at + AT.bodyBytes, true);
    this.handler(view.getUint32(at + AT.frameId, true), partial, bytes.subarray(start, end));
  }

  /** The rest of a chunk. When even its header is cut, it gets room for a header first. */
  private begin(bytes: Uint8Array, view: DataView, at: number): void {
    const rest = bytes.subarray(at);
    const total =
      rest.length < HEADER_BYTES
        ? HEADER_BYTES
        : HEADER_BYTES + view.getUint32(at + AT.metadataBytes, true) + view.getUint32(at + AT.bodyBytes, true);
    this.partial = new Uint8Array(total);
    this.partial.set(rest);
    this.filled = rest.length;
  }

  /** @returns how many bytes of the chunk were taken */
  private complete(bytes: Uint8Array): number {
    let taken = 0;
    while (this.partial !== undefined && taken < bytes.length) {
      const count = Math.min(this.partial.length - this.filled, bytes.length - taken);
      this.partial.set(bytes.subarray(taken, taken + count), this.filled);
      this.filled += count;
      taken += count;
      if (this.filled === this.partial.length) this.filledUp(this.partial);
    }
    return taken;
  }

  private filledUp(partial: Uint8Array): void {
    const view = new DataView(partial.buffer);
    const total = HEADER_BYTES + view.getUint32(AT.metadataBytes, true) + view.getUint32(AT.bodyBytes, true);
    if (total === partial.length) {
      this.partial = undefined;
      this.packet(partial, view, 0, total);
    } else {
      this.partial = new Uint8Array(total);
      this.partial.set(partial);
    }
  }
}
