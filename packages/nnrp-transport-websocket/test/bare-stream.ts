import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { FIN, headerBytes, MASK_BYTES, Opcode, writeHeader } from '../src/frames/frame-header.js';
import { FrameReader } from '../src/frames/frame-reader.js';
import { applyMask } from '../src/frames/mask.js';
import { beginsLikePacket, packetLength } from '../src/frames/packet-length.js';

const MASK = Uint8Array.of(0x12, 0x34, 0x56, 0x78);
const HEADER_BYTES = 40;

/** One frame. @param isMasked - as a client sends it */
export function frame(firstByte: number, payload: Uint8Array, isMasked: boolean): Buffer {
  const bytes = Buffer.alloc(headerBytes(payload.length, isMasked) + payload.length);
  const at = writeHeader(bytes, 0, firstByte, payload.length, isMasked);
  if (!isMasked) bytes.set(payload, at);
  else {
    bytes.set(MASK, at - MASK_BYTES);
    applyMask(payload, 0, payload.length, bytes, at, MASK, 0);
  }
  return bytes;
}

/** A message of one frame. */
export function message(payload: Uint8Array, isMasked = true): Buffer {
  return frame(FIN | Opcode.Binary, payload, isMasked);
}

/** A close frame. */
export function closeFrame(code: number, reason = '', isMasked = true): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame(FIN | Opcode.Close, payload, isMasked);
}

/**
 * The bytes of packets over an upgraded socket as a stream that sends whatever it is given at once, half packets
 * included: a fragment for each piece, the last of a packet being final. What is no packet goes out as messages.
 */
export class BareStream extends Duplex {
  private left = 0;
  private head = Buffer.alloc(0);
  private inMessage = false;

  constructor(
    private readonly socket: Socket,
    private readonly isServer: boolean,
  ) {
    super({ allowHalfOpen: false });
    const reader = new FrameReader(isServer, {
      packets: (bytes) => {
        if (!this.push(bytes)) socket.pause();
      },
      ping: () => {},
      peerCloses: () => {
        if (socket.writable) socket.write(closeFrame(1000, '', !isServer));
        this.push(null);
      },
      refused: ({ text }) => this.destroy(new Error(text)),
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    socket.pause();
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.socket.destroyed) {
      callback();
      return;
    }
    const frames: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) at = this.add(chunk, at, frames);
    this.socket.write(Buffer.concat(frames), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.socket.writable) this.socket.end(closeFrame(1000, '', !this.isServer));
    callback();
  }

  /** At once and, unless the other side takes nothing, in order. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const { socket } = this;
    if (socket.writableLength > 0) socket.destroy();
    else {
      if (socket.writable) socket.write(closeFrame(1000, '', !this.isServer));
      socket.destroySoon();
    }
    callback(error);
  }

  /**
   * Without a close frame, which is disorder enough. `resetAndDestroy` of a socket whose own end is on its way fails with
   * EINVAL, and Node then keeps its handle for ever.
   */
  reset(): void {
    this.socket.destroy();
    this.destroy();
  }

  private add(chunk: Buffer, from: number, frames: Buffer[]): number {
    if (this.left === 0) {
      const more = chunk.subarray(from, from + HEADER_BYTES - this.head.length);
      this.head = Buffer.concat([this.head, more]);
      if (!beginsLikePacket(this.head, 0, this.head.length)) {
        this.head = Buffer.alloc(0);
        return this.fragment(chunk.subarray(from), true, frames, from);
      }
      if (this.head.length < HEADER_BYTES) return this.fragment(more, false, frames, from);
      this.left = packetLength(this.head, 0) - HEADER_BYTES + more.length;
      this.head = Buffer.alloc(0);
    }
    const part = chunk.subarray(from, from + this.left);
    this.left -= part.length;
    return this.fragment(part, this.left === 0, frames, from);
  }

  private fragment(payload: Uint8Array, isFinal: boolean, frames: Buffer[], from: number): number {
    const opcode = this.inMessage ? Opcode.Continuation : Opcode.Binary;
    frames.push(frame((isFinal ? FIN : 0) | opcode, payload, !this.isServer));
    this.inMessage = !isFinal;
    return from + payload.length;
  }
}
