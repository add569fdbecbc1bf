import { COMMON_HEADER_BYTES } from 'nnrp-core/preview3';
import { CloseCode, type CloseReason, isSendable } from './close-codes.js';
import {
  FIN,
  headerBytesOf,
  isShortestForm,
  MASK_BYTES,
  MASKED,
  MAX_CONTROL_BYTES,
  MAX_HEADER_BYTES,
  Opcode,
  payloadBytesOf,
  SHORT,
} from './frame-header.js';
import { applyMask } from './mask.js';
import { beginsLikePacket, packetLength } from './packet-length.js';

/** Payloads up to this length are moved together with what came before them in the same chunk. */
const MOVE_LIMIT = 4096;
const RESERVED_BITS = 0x70;
const WHOLE_MESSAGE = FIN | Opcode.Binary;
const LONG_FORM: CloseReason = {
  code: CloseCode.ProtocolError,
  text: 'a frame whose length is not written in the shortest form',
};
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** What a reader tells. Calls come inside of `push`, in order. */
export interface FrameEvents {
  /** Bytes of packets, in the memory of the chunk, which is not written to any more where they are. */
  packets(bytes: Uint8Array): void;
  /** @param payload - a copy */
  ping(payload: Uint8Array): void;
  /** The peer's close frame. Nothing is read after it. @param code - 1005 where it has none */
  peerCloses(code: number, reason: string): void;
  /** What came is not allowed. Nothing is read after it. */
  refused(reason: CloseReason): void;
}

/**
 * Takes the packets out of the frames of a peer. A packet need not be whole to be passed on, so that nothing is held here, and
 * limits are kept by the code that reads packets; but each message must be one packet of exactly its length. What does not
 * begin like a packet is passed on as it is: NNRP has words for it.
 *
 * Payloads are unmasked, and moved together, where they lie: the chunks must belong to the reader.
 */
export class FrameReader {
  private readonly header = new Uint8Array(MAX_HEADER_BYTES);
  private headerFilled = 0;
  private opcode = 0;
  private isFinal = false;
  /** Bytes of the payload of the frame that are still to come. */
  private left = 0;
  private inPayload = false;
  private phase = 0;
  private readonly mask = new Uint8Array(MASK_BYTES);
  private readonly control = new Uint8Array(MAX_CONTROL_BYTES);
  private controlFilled = 0;
  private inMessage = false;
  /** Bytes of the message so far, and of its packet, which is 0 until that is known. */
  private messageBytes = 0;
  private packetBytes = 0;
  private readonly packetHead = new Uint8Array(COMMON_HEADER_BYTES);
  /** What came is no packet: the connection will not get over it. */
  private isForeign = false;
  private isOver = false;
  /** Frames that have begun so far and are no packet: control frames, and parts of messages. */
  idleFrames = 0;
  /** Of the chunk: bytes that are ready to be passed on, and where the message in them begins that is not yet whole. */
  private chunk: Uint8Array = new Uint8Array(0);
  private runBegin = 0;
  private runEnd = 0;
  private messageBegin = 0;

  /** @param isServer - whether the peer must mask, or must not */
  constructor(
    private readonly isServer: boolean,
    private readonly events: FrameEvents,
  ) {}

  /** Whether the peer owes the rest of a frame or of a message. */
  get isInside(): boolean {
    return this.headerFilled > 0 || this.inPayload || this.inMessage;
  }

  /** Length of the packet that came last, as its header says; 0 before the first. */
  get lastPacketBytes(): number {
    return this.packetBytes;
  }

  /** Reads nothing more. */
  stop(): void {
    this.isOver = true;
  }

  /**
   * @param maxIdleFrames - where reading stops when `idleFrames` has got there
   * @returns how many bytes have been read: all of them, unless that was so
   */
  push(chunk: Uint8Array, maxIdleFrames = Number.POSITIVE_INFINITY): number {
    this.chunk = chunk;
    this.runBegin = 0;
    this.runEnd = 0;
    this.messageBegin = 0;
    let at = 0;
    while (!this.isOver && at < chunk.length && this.idleFrames < maxIdleFrames) {
      if (!this.inPayload) at = this.readMessage(at) || this.readHeader(at);
      else if (this.opcode < Opcode.Close) at = this.readData(at);
      else at = this.readControl(at);
    }
    this.flush(this.runEnd);
    return this.isOver ? chunk.length : at;
  }

  /**
   * As nearly always, a frame that is here as a whole, and is one packet.
   *
   * @returns where it ends; 0 when it is anything else, which is looked at bit by bit
   */
  private readMessage(at: number): number {
    const { chunk, mask, isServer } = this;
    const second = chunk[at + 1] as number;
    const length = second & 0x7f;
    const start = at + (length < SHORT ? 2 : 4) + (isServer ? MASK_BYTES : 0);
    if (chunk[at] !== WHOLE_MESSAGE || second >= MASKED !== isServer || length > SHORT) return 0;
    if (this.inMessage || this.isForeign || this.headerFilled > 0 || start > chunk.length) return 0;
    const count = length < SHORT ? length : ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
    const end = start + count;
    if (end > chunk.length || count < COMMON_HEADER_BYTES || count > MOVE_LIMIT) return 0;
    if (length === SHORT && count < SHORT) return 0;
    if (isServer)
      for (let index = 0; index < MASK_BYTES; index++) mask[index] = chunk[start - MASK_BYTES + index] as number;
    const head = isServer ? this.packetHead : chunk;
    const headAt = isServer ? 0 : start;
    if (isServer) applyMask(chunk, start, COMMON_HEADER_BYTES, head, 0, mask, 0);
    if (!beginsLikePacket(head, headAt, COMMON_HEADER_BYTES) || packetLength(head, headAt) !== count) return 0;
    // Nothing is ready: it may stay where it is.
    if (this.runBegin === this.runEnd) {
      this.runBegin = start;
      this.runEnd = start;
    }
    if (isServer) applyMask(chunk, start, count, chunk, this.runEnd, mask, 0);
    else if (this.runEnd !== start) chunk.copyWithin(this.runEnd, start, end);
    this.runEnd += count;
    this.messageBegin = this.runEnd;
    this.packetBytes = count;
    return end;
  }

  private readHeader(from: number): number {
    const { chunk, header } = this;
    let at = from;
    let needed = this.headerFilled < 2 ? 2 : headerBytesOf(header[1] as number);
    while (at < chunk.length && this.headerFilled < needed) {
      header[this.headerFilled++] = chunk[at++] as number;
      if (this.headerFilled === 2) needed = headerBytesOf(header[1] as number);
    }
    if (this.headerFilled === needed) this.beginFrame(needed);
    return at;
  }

  private beginFrame(headerBytes: number): void {
    const { header } = this;
    const first = header[0] as number;
    const second = header[1] as number;
    const isMasked = (second & MASKED) !== 0;
    this.headerFilled = 0;
    this.opcode = first & 0x0f;
    this.isFinal = (first & FIN) !== 0;
    this.left = payloadBytesOf(header);
    this.phase = 0;
    this.controlFilled = 0;
    const fault = isShortestForm(second, this.left) ? this.faultOf(first, isMasked) : LONG_FORM;
    if (fault !== undefined) {
      this.refuse(fault.code, fault.text);
      return;
    }
    // What is foreign is read and dropped, for as long as the answer takes to leave.
    if (first !== WHOLE_MESSAGE || this.isForeign) this.idleFrames++;
    if (isMasked) this.mask.set(header.subarray(headerBytes - MASK_BYTES, headerBytes));
    if (this.opcode === Opcode.Binary) this.beginMessage();
    this.inPayload = true;
    if (this.left === 0) this.endFrame();
  }

  private faultOf(first: number, isMasked: boolean): CloseReason | undefined {
    const { opcode } = this;
    if ((first & RESERVED_BITS) !== 0) return broken('a reserved bit is set, and no extension was agreed on');
    if (isMasked !== this.isServer)
      return broken(isMasked ? 'a server must not mask its frames' : 'a client must mask its frames');
    switch (opcode) {
      case Opcode.Continuation:
        return this.inMessage ? undefined : broken('a continuation without a message');
      case Opcode.Binary:
        return this.inMessage ? broken('a message inside another one') : undefined;
      case Opcode.Text:
        return { code: CloseCode.UnsupportedData, text: 'expected binary messages, each one NNRP packet, got text' };
      case Opcode.Close:
      case Opcode.Ping:
      case Opcode.Pong:
        if (!this.isFinal) return broken('a control frame in fragments');
        return this.left > MAX_CONTROL_BYTES ? broken(`a control frame of ${this.left} bytes`) : undefined;
      default:
        return broken(`opcode ${opcode} is reserved`);
    }
  }

  private beginMessage(): void {
    this.inMessage = true;
    this.messageBytes = 0;
    this.packetBytes = 0;
    this.messageBegin = this.runEnd;
  }

  private readData(at: number): number {
    const { chunk } = this;
    const count = Math.min(this.left, chunk.length - at);
    if (this.runEnd !== at && count > MOVE_LIMIT) {
      this.flush(this.runEnd);
      if (this.isOver) return at;
      this.runBegin = at;
      this.runEnd = at;
      this.messageBegin = at;
    }
    if (this.isServer) applyMask(chunk, at, count, chunk, this.runEnd, this.mask, this.phase);
    else if (this.runEnd !== at) chunk.copyWithin(this.runEnd, at, at + count);
    this.phase = (this.phase + count) & 3;
    this.left -= count;
    this.measure(count);
    if (this.isOver) return at;
    this.runEnd += count;
    if (this.left === 0) this.endFrame();
    return at + count;
  }

  /** More of a message has come, at the end of the run. */
  private measure(count: number): void {
    const { chunk, packetHead, runEnd } = this;
    const before = this.messageBytes;
    this.messageBytes += count;
    if (this.isForeign) return;
    if (before < COMMON_HEADER_BYTES) {
      const more = Math.min(COMMON_HEADER_BYTES - before, count);
      for (let index = 0; index < more; index++) packetHead[before + index] = chunk[runEnd + index] as number;
      if (!beginsLikePacket(packetHead, 0, before + more)) {
        this.isForeign = true;
        return;
      }
      if (before + more === COMMON_HEADER_BYTES) this.packetBytes = packetLength(packetHead, 0);
    }
    const { messageBytes, packetBytes } = this;
    const atLeast = messageBytes + this.left;
    if (packetBytes === 0) {
      if (this.isFinal && atLeast < COMMON_HEADER_BYTES) this.refuseLength(atLeast);
    } else if (atLeast > packetBytes || (this.isFinal && atLeast < packetBytes)) this.refuseLength(atLeast);
  }

  private refuseLength(messageBytes: number): void {
    const text =
      this.packetBytes === 0
        ? `a message of ${messageBytes} bytes is no NNRP packet: its header alone has ${COMMON_HEADER_BYTES}`
        : `a message of ${messageBytes}${this.isFinal ? '' : ' or more'} bytes holds a packet of ${this.packetBytes}`;
    this.refuse(CloseCode.InvalidPayload, text);
  }

  private readControl(at: number): number {
    const { chunk } = this;
    const count = Math.min(this.left, chunk.length - at);
    if (this.isServer) applyMask(chunk, at, count, this.control, this.controlFilled, this.mask, this.phase);
    else this.control.set(chunk.subarray(at, at + count), this.controlFilled);
    this.phase = (this.phase + count) & 3;
    this.controlFilled += count;
    this.left -= count;
    if (this.left === 0) this.endFrame();
    return at + count;
  }

  private endFrame(): void {
    this.inPayload = false;
    if (this.opcode >= Opcode.Close) this.endControl();
    else if (this.isFinal) this.endMessage();
  }

  private endMessage(): void {
    // The last frame may have been an empty one.
    const isWhole = this.packetBytes > 0 && this.messageBytes === this.packetBytes;
    if (!isWhole && !this.isForeign) {
      this.refuseLength(this.messageBytes);
      return;
    }
    this.inMessage = false;
    this.messageBegin = this.runEnd;
  }

  private endControl(): void {
    const payload = this.control.subarray(0, this.controlFilled);
    if (this.opcode === Opcode.Ping) this.events.ping(payload.slice());
    else if (this.opcode === Opcode.Close) this.endClose(payload);
  }

  private endClose(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.close(1005, '');
      return;
    }
    const code = payload.length === 1 ? 0 : ((payload[0] as number) << 8) | (payload[1] as number);
    if (!isSendable(code)) {
      this.refuse(CloseCode.ProtocolError, payload.length === 1 ? 'a close code of one byte' : `close code ${code}`);
      return;
    }
    let reason: string;
    try {
      reason = UTF8.decode(payload.subarray(2));
    } catch {
      this.refuse(CloseCode.InvalidPayload, 'the reason of a close frame is not UTF-8');
      return;
    }
    this.close(code, reason);
  }

  private close(code: number, reason: string): void {
    this.isOver = true;
    this.flush(this.runEnd);
    this.events.peerCloses(code, reason);
  }

  /** Packets before the fault are passed on; the message that is wrong is not, as far as it is still here. */
  private refuse(code: number, text: string): void {
    this.isOver = true;
    if (this.inMessage) this.runEnd = this.messageBegin;
    this.flush(this.runEnd);
    this.events.refused({ code, text });
  }

  private flush(end: number): void {
    const { chunk, runBegin } = this;
    if (end <= runBegin) return;
    this.runBegin = end;
    this.messageBegin = Math.max(this.messageBegin, end);
    this.events.packets(chunk.subarray(runBegin, end));
  }
}

function broken(text: string): CloseReason {
  return { code: CloseCode.ProtocolError, text };
}
