import * as preview3 from 'nnrp-core/preview3';
import { trueLength } from '../../base/bytes.js';
import type { OutboundPacket } from '../../transport/contract/contract.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import type { LentPiece } from '../../transport/contract/sent-pieces.js';
import { COPY_LIMIT, copyIntact, intact, lent } from '../../transport/stream/lent-packet.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
/** What a packet that is kept takes besides its bytes (measured, rounded up). */
const OBJECT_BYTES = 256;

/** A packet of a session that is kept until it can be sent again, or for the first time. */
export class LoggedPacket implements NamedPacket, LentPiece {
  /** Length of the body as the head says. */
  readonly bodyLength: number;

  /**
   * @param bytes - header and metadata, in memory of their own; behind them the body when that is not lent
   * @param lent - a long body, which is still the sender's
   */
  constructor(
    private readonly bytes: Uint8Array,
    readonly headBytes: number,
    bodyLength: number,
    /** The same as `body` where that is lent. */
    readonly lent: Uint8Array | undefined,
  ) {
    this.bodyLength = bodyLength;
  }

  /**
   * A packet that cannot be sent now. A short body is copied.
   * @throws WireError when the metadata breaks a rule, UsageError when the body has grown meanwhile
   */
  static of(packet: OutboundPacket): LoggedPacket {
    const { headBytes, body } = packet;
    const length = packet.bodyLength ?? trueLength(body);
    const copied = length <= COPY_LIMIT ? length : 0;
    const bytes = new Uint8Array(headBytes + copied);
    packet.writeHead(new DataView(bytes.buffer), 0, bytes);
    if (copied > 0) copyIntact(body, copied, bytes, headBytes);
    return new LoggedPacket(bytes, headBytes, length, copied === length ? undefined : intact(lent(body), length));
  }

  get body(): Uint8Array {
    return this.lent ?? this.bytes.subarray(this.headBytes);
  }

  /** Whether the body can be sent as the head says: it has not been transferred or resized meanwhile. */
  get isIntact(): boolean {
    return this.lent === undefined || this.lent.length === this.bodyLength;
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

  /** What is held while it is kept. */
  get heldBytes(): number {
    return this.headBytes + this.bodyLength + OBJECT_BYTES;
  }

  writeHead(view: DataView, start: number): void {
    new Uint8Array(view.buffer, view.byteOffset + start, this.headBytes).set(this.head);
  }

  private field(at: number): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes.subarray(at, at + 4);
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }
}
