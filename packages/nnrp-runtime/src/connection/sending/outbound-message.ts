import { writeHeader } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { EMPTY_BYTES, trueLength } from '../../base/bytes.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';

/** How one metadata structure is written. */
export interface MetadataCodec<T> {
  readonly bytes: number;
  readonly encode: (value: T, view: DataView, start: number) => number;
  /** Header and metadata of the value, to be copied; undefined when they are not at hand. */
  head?(value: T): Uint8Array | undefined;
}

const AT = preview3.COMMON_HEADER_OFFSETS;
const NO_METADATA: MetadataCodec<undefined> = { bytes: 0, encode: (_value, _view, start) => start };

/**
 * The packet a connection is sending. One object serves a whole connection: a transport reads it during `send` only,
 * so nothing needs to be allocated per packet.
 */
export class OutboundMessage implements NamedPacket {
  messageType = 0;
  headBytes = preview3.COMMON_HEADER_BYTES;
  body: Uint8Array = EMPTY_BYTES;
  bodyLength = 0;
  private sessionId = 0;
  private frameId = 0;
  private traceLow = 0;
  private traceHigh = 0;
  private routeId = 0;
  private codec: MetadataCodec<never> = NO_METADATA;
  private value: unknown;

  /**
   * @param value - read while the packet is written, so no code of the application may be in it
   * @param body - not copied unless it is small; it must not be changed until it has been sent
   */
  set<T>(
    messageType: number,
    sessionId: number,
    frameId: number,
    codec: MetadataCodec<T>,
    value: T,
    body: Uint8Array = EMPTY_BYTES,
    traceLow = 0,
    traceHigh = 0,
  ): this {
    this.messageType = messageType;
    this.sessionId = sessionId;
    this.frameId = frameId;
    this.traceLow = traceLow;
    this.traceHigh = traceHigh;
    this.routeId = 0;
    this.codec = codec as MetadataCodec<never>;
    this.value = value;
    this.body = body;
    this.bodyLength = body === EMPTY_BYTES ? 0 : trueLength(body);
    this.headBytes = preview3.COMMON_HEADER_BYTES + codec.bytes;
    return this;
  }

  /** Sets the route_id of the header, a u16. */
  withRoute(routeId: number): this {
    this.routeId = routeId;
    return this;
  }

  /** A message without metadata. */
  setPlain(messageType: number, sessionId: number, frameId: number, traceLow = 0, traceHigh = 0): this {
    return this.set(messageType, sessionId, frameId, NO_METADATA, undefined, EMPTY_BYTES, traceLow, traceHigh);
  }

  writeHead(view: DataView, start: number, bytes?: Uint8Array): void {
    const head = bytes === undefined ? undefined : this.codec.head?.(this.value as never);
    if (head !== undefined) {
      bytes?.set(head, start);
      view.setUint32(start + AT.bodyLen, this.bodyLength, true);
      view.setUint32(start + AT.sessionId, this.sessionId, true);
      view.setUint32(start + AT.frameId, this.frameId, true);
      view.setUint16(start + AT.routeId, this.routeId, true);
      view.setUint32(start + AT.traceId, this.traceLow, true);
      view.setUint32(start + AT.traceId + 4, this.traceHigh, true);
      return;
    }
    // Metadata first: it may be refused, and then nothing must have been written.
    this.codec.encode(this.value as never, view, start + preview3.COMMON_HEADER_BYTES);
    writeHeader(
      view,
      start,
      this.messageType,
      this.codec.bytes,
      this.bodyLength,
      this.sessionId,
      this.frameId,
      this.traceLow,
      this.traceHigh,
      this.routeId,
    );
  }

  /** Lets go of what was sent. */
  clear(): void {
    this.body = EMPTY_BYTES;
    this.bodyLength = 0;
    this.value = undefined;
  }
}
