import type { Packet, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { trueLength } from '../../base/bytes.js';
import { latin1Bytes, latin1Text, newMemory } from '../../platform/platform.js';
import type { OutboundPacket } from '../../transport/contract/contract.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import { COPY_LIMIT, changedBody, copyIntact, intact, lent, unsentHead } from '../../transport/stream/lent-packet.js';
import { isResult } from '../body/result-kind.js';

/** What a short packet that waits holds besides its bytes: it is a piece of text, and has a place in a lane (measured). */
export const TEXT_BYTES = 32;
/** The same of a longer one, which is an object with an array of bytes (measured, rounded up). */
export const OBJECT_BYTES = 512;
/** Up to this length a packet waits as text. */
const TEXT_LIMIT = 1024;
/** In front of the packet, its text says how long the head is, and whether it is a partial result. */
const PREFIX = 2;
/** Where a packet is written before it becomes text. Nothing else runs meanwhile. */
const SCRATCH = newMemory(PREFIX + TEXT_LIMIT);
const SCRATCH_VIEW = new DataView(SCRATCH.buffer);

/**
 * A packet that waits for room: its head is written already, so that the caller may reuse the metadata object. A short
 * body is copied beside it; a long one stays the sender's. A short packet is a `text`, one character for each byte: that is
 * all that has to be kept of it, a sixth of what an array of bytes takes (measured).
 */
export class WaitingPacket implements NamedPacket {
  readonly headBytes: number;
  /** A partial result: what may be left out when the reader is too slow. */
  readonly partial: boolean;
  /** The whole of a short packet. */
  readonly text: string | undefined;
  /** A long body; a short one lies behind the head. */
  private readonly long: Uint8Array | undefined;
  /** Length of the body when the head was written. */
  readonly bodyLength: number;
  private bytes: Uint8Array | undefined;

  /**
   * @param packet - or the text of one that waited
   * @throws WireError when the metadata breaks a rule, UsageError when the body has grown meanwhile
   */
  constructor(packet: OutboundPacket | string, partial = false) {
    if (typeof packet === 'string') {
      this.headBytes = packet.charCodeAt(0);
      this.partial = packet.charCodeAt(1) === 1;
      this.bodyLength = packet.length - PREFIX - this.headBytes;
      this.text = packet;
      return;
    }
    const { headBytes, body } = packet;
    this.headBytes = headBytes;
    this.partial = partial;
    this.bodyLength = packet.bodyLength ?? trueLength(body);
    if (headBytes + this.bodyLength <= TEXT_LIMIT) {
      packet.writeHead(SCRATCH_VIEW, PREFIX);
      SCRATCH[0] = headBytes;
      SCRATCH[1] = partial ? 1 : 0;
      copyIntact(body, this.bodyLength, SCRATCH, PREFIX + headBytes);
      this.text = latin1Text(SCRATCH, 0, PREFIX + headBytes + this.bodyLength);
      return;
    }
    const copied = this.bodyLength <= COPY_LIMIT ? this.bodyLength : 0;
    this.bytes = new Uint8Array(headBytes + copied);
    packet.writeHead(new DataView(this.bytes.buffer), 0);
    if (copied > 0) copyIntact(body, copied, this.bytes, headBytes);
    else this.long = intact(lent(body), this.bodyLength);
  }

  get messageType(): number {
    const at = preview3.COMMON_HEADER_OFFSETS.messageType;
    return this.text === undefined ? (this.copied()[at] ?? 0) : this.text.charCodeAt(PREFIX + at);
  }

  /** Made when it is asked for. */
  get body(): Uint8Array {
    return this.long ?? this.copied().subarray(this.headBytes);
  }

  /** Not cheap. */
  get sessionId(): number {
    return this.unsentHead().sessionId;
  }

  /** What is held while it waits. */
  get retainedBytes(): number {
    return this.headBytes + this.bodyLength + (this.text === undefined ? OBJECT_BYTES : TEXT_BYTES);
  }

  /** Whether the body can be sent as the head says. */
  get isIntact(): boolean {
    return this.long === undefined || this.long.length === this.bodyLength;
  }

  /** Which operation it is a result of, for comparison; empty for anything else. Not cheap. */
  get resultOf(): string {
    const { messageType, sessionId, frameId } = this.unsentHead();
    return isResult(messageType) ? `${sessionId}/${frameId}` : '';
  }

  /** What the sender of a body that has changed is told. */
  unsent(): { readonly head: Packet; readonly error: UsageError } {
    const head = this.unsentHead();
    return { head, error: changedBody(head, this.body.length) };
  }

  writeHead(view: DataView, start: number): void {
    const { headBytes } = this;
    new Uint8Array(view.buffer, view.byteOffset + start, headBytes).set(this.copied().subarray(0, headBytes));
  }

  private copied(): Uint8Array {
    this.bytes ??= latin1Bytes(this.text ?? '').subarray(PREFIX);
    return this.bytes;
  }

  private unsentHead(): Packet {
    return unsentHead(this.copied().subarray(0, this.headBytes), this.bodyLength);
  }
}
