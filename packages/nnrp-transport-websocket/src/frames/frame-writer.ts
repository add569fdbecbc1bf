import { COMMON_HEADER_BYTES } from 'nnrp-core/preview3';
import { FIN, headerBytes, MASK_BYTES, MAX_HEADER_BYTES, Opcode, writeHeader } from './frame-header.js';
import { applyMask } from './mask.js';
import { packetLength } from './packet-length.js';

/** Pieces up to this length are copied beside their frame header; longer ones are passed on as they are. */
const COPY_LIMIT = 16 * 1024;
/** Of the payload of a frame: reference peers refuse longer ones, so that a longer packet goes out in fragments. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** The most that the header of a frame adds to the smallest packet. */
const SMALL_HEADER_BYTES = 8;
const NO_BYTES = new Uint8Array(0);

/**
 * Puts packets into binary messages, one each, of one frame where that is not too long. It is given the bytes of packets in order, in any
 * pieces; a frame begins when the header of its packet is whole, and its payload goes out as it comes.
 *
 * A client masks: what it sends is a copy. A server passes long pieces on by reference: they must not change until they
 * are sent.
 */
export class FrameWriter {
  /** Bytes of the current packet that are still to come, and those of its current frame. */
  private left = 0;
  private leftOfFrame = 0;
  /** The header of the next packet, as far as it has come. */
  private readonly head = new Uint8Array(COMMON_HEADER_BYTES);
  private headFilled = 0;
  /** What is written into, how far it is full, and where the part begins that is no piece yet. */
  private buffer: Uint8Array = NO_BYTES;
  private end = 0;
  private begin = 0;
  private readonly mask = new Uint8Array(MASK_BYTES);
  private phase = 0;

  /** @param fillMask - fills four bytes with what the peer cannot foresee; left out by a server, which does not mask */
  constructor(private readonly fillMask?: (mask: Uint8Array) => void) {}

  /** Whether another frame may stand here: none has been begun that is not whole. */
  get isBetween(): boolean {
    return this.left === 0;
  }

  /** The frames of these bytes, as far as they are known. */
  packets(pieces: readonly Uint8Array[]): Uint8Array[] {
    const frames: Uint8Array[] = [];
    this.buffer = NO_BYTES;
    this.begin = 0;
    this.end = 0;
    for (const piece of pieces) this.add(piece, frames);
    this.cut(frames);
    this.buffer = NO_BYTES;
    return frames;
  }

  /** A control frame; to be sent only where `isBetween`. @param payload - 125 bytes at most */
  control(opcode: number, payload: Uint8Array): Uint8Array {
    const { fillMask } = this;
    const isMasked = fillMask !== undefined;
    const frame = new Uint8Array(headerBytes(payload.length, isMasked) + payload.length);
    const at = writeHeader(frame, 0, FIN | opcode, payload.length, isMasked);
    if (fillMask === undefined) frame.set(payload, at);
    else {
      const mask = frame.subarray(at - MASK_BYTES, at);
      fillMask(mask);
      applyMask(payload, 0, payload.length, frame, at, mask, 0);
    }
    return frame;
  }

  private add(piece: Uint8Array, frames: Uint8Array[]): void {
    let at = 0;
    while (at < piece.length) {
      if (this.left > 0) {
        if (this.leftOfFrame === 0) this.frame(Opcode.Continuation, frames, piece.length - at);
        const count = Math.min(this.leftOfFrame, piece.length - at);
        this.payload(piece, at, count, frames, piece.length - at);
        at += count;
      } else if (this.headFilled === 0 && piece.length - at >= COMMON_HEADER_BYTES) {
        this.left = packetLength(piece, at);
        this.frame(Opcode.Binary, frames, piece.length - at);
      } else {
        const count = Math.min(COMMON_HEADER_BYTES - this.headFilled, piece.length - at);
        this.head.set(piece.subarray(at, at + count), this.headFilled);
        this.headFilled += count;
        at += count;
        if (this.headFilled === COMMON_HEADER_BYTES) this.heldHead(frames);
      }
    }
  }

  /** The header of a packet has come in parts. */
  private heldHead(frames: Uint8Array[]): void {
    this.headFilled = 0;
    this.left = packetLength(this.head, 0);
    this.frame(Opcode.Binary, frames, COMMON_HEADER_BYTES);
    this.payload(this.head, 0, COMMON_HEADER_BYTES, frames, COMMON_HEADER_BYTES);
  }

  private frame(opcode: number, frames: Uint8Array[], ahead: number): void {
    const { fillMask } = this;
    const length = Math.min(this.left, MAX_FRAME_BYTES);
    const isLast = length === this.left;
    const isMasked = fillMask !== undefined;
    // Where the payload is passed on as it is, the header lies alone.
    const beside = isMasked || Math.min(length, ahead) <= COPY_LIMIT ? ahead : 0;
    this.room(headerBytes(length, isMasked), frames, beside);
    this.end = writeHeader(this.buffer, this.end, isLast ? FIN | opcode : opcode, length, isMasked);
    if (fillMask !== undefined) {
      fillMask(this.mask);
      this.buffer.set(this.mask, this.end - MASK_BYTES);
      this.phase = 0;
    }
    this.leftOfFrame = length;
  }

  private payload(piece: Uint8Array, at: number, count: number, frames: Uint8Array[], ahead: number): void {
    this.left -= count;
    this.leftOfFrame -= count;
    if (this.fillMask !== undefined) {
      this.room(count, frames, ahead);
      applyMask(piece, at, count, this.buffer, this.end, this.mask, this.phase);
      this.phase = (this.phase + count) & 3;
    } else if (count > COPY_LIMIT) {
      this.cut(frames);
      frames.push(count === piece.length ? piece : piece.subarray(at, at + count));
      return;
    } else {
      this.room(count, frames, ahead);
      this.buffer.set(count === piece.length ? piece : piece.subarray(at, at + count), this.end);
    }
    this.end += count;
  }

  /** @param ahead - bytes that are known to follow, for which room is made at once, with their headers */
  private room(count: number, frames: Uint8Array[], ahead: number): void {
    if (this.end + count <= this.buffer.length) return;
    this.cut(frames);
    const copied = this.fillMask === undefined ? Math.min(ahead, 4 * COPY_LIMIT) : ahead;
    const headers = MAX_HEADER_BYTES + Math.ceil(copied / COMMON_HEADER_BYTES) * SMALL_HEADER_BYTES;
    this.buffer = Buffer.allocUnsafe(Math.max(count, copied + Math.min(headers, 2 * COPY_LIMIT)));
    this.begin = 0;
    this.end = 0;
  }

  private cut(frames: Uint8Array[]): void {
    if (this.end > this.begin) frames.push(this.buffer.subarray(this.begin, this.end));
    this.begin = this.end;
  }
}
