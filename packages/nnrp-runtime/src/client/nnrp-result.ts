import { INSPECT, type Inspect, inspected, type Packet, preview3 } from 'nnrp-core';
import { isPartial } from '../connection/result-kind.js';

/** One result of an operation. The metadata has been checked and is decoded when first asked for. */
export class NnrpResult {
  private decoded: preview3.ResultPush | undefined;
  /** Whether more results of the same operation follow. */
  readonly partial: boolean;

  /** @internal */
  constructor(private readonly packet: Packet) {
    const { view, metadataStart } = packet;
    this.partial = isPartial(
      view.getUint8(metadataStart + preview3.RESULT_PUSH_OFFSETS.resultClass),
      view.getUint16(metadataStart + preview3.RESULT_PUSH_OFFSETS.resultFlags, true),
    );
  }

  get frameId(): number {
    return this.packet.frameId;
  }

  /** Trace id of the result: that of its submit, when the server passes it on; 0 = none. */
  get traceId(): bigint {
    return this.packet.traceId;
  }

  get metadata(): preview3.ResultPush {
    this.decoded ??= preview3.decodeResultPush(this.packet.view, this.packet.metadataStart);
    return this.decoded;
  }

  /**
   * The body as it came, not copied: it stays valid while held, and keeps the chunk it lies in alive. Whether it is a
   * region body (see preview3.decodeBody) is between client and application.
   */
  get body(): Uint8Array {
    return this.packet.body;
  }

  /** Bytes on the wire. */
  get byteLength(): number {
    return this.packet.byteLength;
  }
  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { frameId, partial, byteLength } = this;
    return { frameId, partial, statusCode: this.metadata.statusCode, bodyLength: this.packet.bodyLength, byteLength };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpResult', this.toJSON(), depth, options, inspect);
  }
}
