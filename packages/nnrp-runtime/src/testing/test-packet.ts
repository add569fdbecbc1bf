import { ok, strictEqual } from 'node:assert';
import { type Packet, writeHeader } from 'nnrp-core';
import { COMMON_HEADER_BYTES, FRAME_SUBMIT_BYTES, MessageType } from 'nnrp-core/preview3';
import type { OutboundPacket } from '../transport/contract/contract.js';

const SESSION = 0x7e57;

/**
 * A packet whose every byte follows from its number and its length, so that it can be checked long after it was sent.
 * Framing is all it is good for: its metadata means nothing.
 */
export class TestPacket implements OutboundPacket {
  readonly headBytes = COMMON_HEADER_BYTES + FRAME_SUBMIT_BYTES;
  readonly body: Uint8Array;

  constructor(
    readonly number: number,
    bodyBytes: number,
  ) {
    this.body = new Uint8Array(bodyBytes);
    fill(this.body, number);
  }

  writeHead(view: DataView, start: number): void {
    const { number, body } = this;
    writeHeader(view, start, MessageType.FrameSubmit, FRAME_SUBMIT_BYTES, body.length, SESSION, number);
    const metadataStart = start + COMMON_HEADER_BYTES;
    fill(new Uint8Array(view.buffer, view.byteOffset + metadataStart, FRAME_SUBMIT_BYTES), ~number);
  }
}

/** A packet that cannot be written. */
export class UnwritablePacket implements OutboundPacket {
  readonly headBytes = COMMON_HEADER_BYTES;

  constructor(
    readonly error: Error,
    readonly body: Uint8Array,
  ) {}

  writeHead(): void {
    throw this.error;
  }
}

/** @throws AssertionError when the packet is not, byte by byte, the {@link TestPacket} of this number and length */
export function assertTestPacket(packet: Packet | undefined, number: number, bodyBytes: number): void {
  ok(packet !== undefined, `packet ${number} is missing`);
  const { messageType, sessionId, frameId, flags, traceId } = packet;
  const header = [messageType, sessionId, frameId, flags, traceId, packet.metadataLength, packet.bodyLength];
  const expected = [MessageType.FrameSubmit, SESSION, number, 0, 0n, FRAME_SUBMIT_BYTES, bodyBytes];
  strictEqual(header.join(), expected.join(), `header of packet ${number}`);
  const sent = new TestPacket(number, bodyBytes);
  const metadata = new Uint8Array(FRAME_SUBMIT_BYTES);
  fill(metadata, ~number);
  ok(Buffer.compare(packet.metadata, metadata) === 0, `metadata of packet ${number} has changed on its way`);
  ok(Buffer.compare(packet.body, sent.body) === 0, `body of packet ${number} has changed on its way`);
}

/** Bytes that differ from place to place and from number to number. */
function fill(bytes: Uint8Array, number: number): void {
  let state = (number ^ 0x2545f491) | 1;
  for (let index = 0; index < bytes.length; index++) {
    state = (Math.imul(state, 0x0019660d) + 0x3c6ef35f) | 0;
    bytes[index] = state >>> 24;
  }
}
