import { type Packet, preview3, type UsageError, writeHeader } from 'nnrp-core';
import type { OutboundPacket } from '../transport/contract.js';
import { COPY_LIMIT, changedBody, lent, unsentHead } from '../transport/lent-packet.js';

/** How one metadata structure is written. */
export interface MetadataCodec<T> {
  readonly bytes: number;
  readonly encode: (value: T, view: DataView, start: number) => number;
}

const NOTHING = new Uint8Array(0);
const NO_METADATA: MetadataCodec<undefined> = { bytes: 0, encode: (_value, _view, start) => start };

/**
 * The packet a connection is sending. One object serves a whole connection: a transport reads it during `send` only,
 * so nothing needs to be allocated per packet.
 */
export class OutboundMessage implements OutboundPacket {
  headBytes = preview3.COMMON_HEADER_BYTES;
  body: Uint8Array = NOTHING;
  private messageType = 0;
  private sessionId = 0;
  private frameId = 0;
  private traceLow = 0;
  private traceHigh = 0;
  private codec: MetadataCodec<never> = NO_METADATA;
  private value: unknown;

  /** @param body - not copied unless it is small; it must not be changed until it has been sent */
  set<T>(
    messageType: number,
    sessionId: number,
    frameId: number,
    codec: MetadataCodec<T>,
    value: T,
    body: Uint8Array = NOTHING,
    traceLow = 0,
    traceHigh = 0,
  ): this {
    this.messageType = messageType;
    this.sessionId = sessionId;
    this.frameId = frameId;
    this.traceLow = traceLow;
    this.traceHigh = traceHigh;
    this.codec = codec as MetadataCodec<never>;
    this.value = value;
    this.body = body;
    this.headBytes = preview3.COMMON_HEADER_BYTES + codec.bytes;
    return this;
  }

  /** A message without metadata. */
  setPlain(messageType: number, sessionId: number, frameId: number, traceLow = 0, traceHigh = 0): this {
    return this.set(messageType, sessionId, frameId, NO_METADATA, undefined, NOTHING, traceLow, traceHigh);
  }

  writeHead(view: DataView, start: number): void {
    // Metadata first: it may be refused, and then nothing must have been written.
    this.codec.encode(this.value as never, view, start + preview3.COMMON_HEADER_BYTES);
    writeHeader(
      view,
      start,
      this.messageType,
      this.codec.bytes,
      this.body.length,
      this.sessionId,
      this.frameId,
      this.traceLow,
      this.traceHigh,
    );
  }

  /** Lets go of what was sent. */
  clear(): void {
    this.body = NOTHING;
    this.value = undefined;
  }
}

/**
 * A packet that waits for room: its head is written already, so that the caller may reuse the metadata object. A short
 * body is copied beside it; a long one stays the sender's.
 */
export class WaitingPacket implements OutboundPacket {
  readonly headBytes: number;
  /** A long body; a short one lies behind the head. */
  private readonly long: Uint8Array | undefined;
  /** Length of the body when the head was written. */
  private readonly bodyLength: number;
  private readonly head: Uint8Array;

  /** @throws WireError when the metadata breaks a rule */
  constructor(
    packet: OutboundPacket,
    /** A partial result: what may be left out when the reader is too slow. */
    readonly partial: boolean,
  ) {
    const { headBytes, body } = packet;
    this.headBytes = headBytes;
    this.bodyLength = body.length;
    const copied = body.length <= COPY_LIMIT ? body.length : 0;
    this.head = new Uint8Array(headBytes + copied);
    packet.writeHead(new DataView(this.head.buffer), 0);
    if (copied > 0) this.head.set(body, headBytes);
    this.long = copied === body.length ? undefined : lent(body);
  }

  /** A view that is made when it is asked for: while the packet waits, it would cost more than most bodies. */
  get body(): Uint8Array {
    return this.long ?? this.head.subarray(this.headBytes);
  }

  get byteLength(): number {
    return this.headBytes + this.bodyLength;
  }

  /** Whether the body can be sent as the head says. */
  get isIntact(): boolean {
    return this.long === undefined || this.long.length === this.bodyLength;
  }

  /** Which operation it is a result of, for comparison; undefined for anything else. Not cheap. */
  get resultOf(): string | undefined {
    const { messageType, sessionId, frameId } = this.unsentHead();
    return messageType === preview3.MessageType.ResultPush ? `${sessionId}/${frameId}` : undefined;
  }

  /** What the sender of a body that has changed is told. */
  unsent(): { readonly head: Packet; readonly error: UsageError } {
    const head = this.unsentHead();
    return { head, error: changedBody(head, this.body.length) };
  }

  private unsentHead(): Packet {
    return unsentHead(this.head.subarray(0, this.headBytes), this.bodyLength);
  }

  writeHead(view: DataView, start: number): void {
    const { headBytes, head } = this;
    new Uint8Array(view.buffer, view.byteOffset + start, headBytes).set(
      head.length === headBytes ? head : head.subarray(0, headBytes),
    );
  }
}
