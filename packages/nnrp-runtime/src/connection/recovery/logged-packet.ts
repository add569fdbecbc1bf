import * as preview3 from 'nnrp-core/preview3';
import { trueLength } from '../../base/bytes.js';
import type { OutboundPacket } from '../../transport/contract/contract.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import { copyIntact } from '../../transport/stream/lent-packet.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
/** What a packet that is kept takes besides its bytes (measured, rounded up). */
const OBJECT_BYTES = 256;

/**
 * A packet of a session that is kept until it can be sent again, or for the first time. Its body is a copy: the
 * sender is told that it was taken, and may change its own.
 */
export class LoggedPacket implements NamedPacket {
  /** Length of the body as the head says. */
  readonly bodyLength: number;

  /**
   * @param bytes - header, metadata and body, in memory of their own
   */
  constructor(
    private readonly bytes: Uint8Array,
    readonly headBytes: number,
  ) {
    this.bodyLength = bytes.length - headBytes;
  }

  /**
   * A packet that cannot be sent now.
   * @throws WireError when the metadata breaks a rule, UsageError when the body has grown meanwhile
   */
  static of(packet: OutboundPacket): LoggedPacket {
    const { headBytes, body } = packet;
    const length = packet.bodyLength ?? trueLength(body);
    const bytes = new Uint8Array(headBytes + length);
    packet.writeHead(new DataView(bytes.buffer), 0, bytes);
    copyIntact(body, length, bytes, headBytes);
    return new LoggedPacket(bytes, headBytes);
  }

  get body(): Uint8Array {
    return this.bytes.subarray(this.headBytes);
  }

  get messageType(): number {
    return this.bytes[AT.messageType] ?? 0;
  }

  get sessionId(): number {
    return this.field(AT.sessionId);
  }

  get frameId(): number {
    return this.field(AT.frameId);
  }

  /** Header and metadata. */
  get head(): Uint8Array {
    return this.bytes.subarray(0, this.headBytes);
  }

  /** Memory that stays in use while it is kept. */
  get retainedBytes(): number {
    return this.headBytes + this.bodyLength + OBJECT_BYTES;
  }

  writeHead(view: DataView, start: number): void {
    new Uint8Array(view.buffer, view.byteOffset + start, this.headBytes).set(this.head);
  }

  private field(at: number): number {
    const { bytes } = this;
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    return (low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
  }
}
