import { INSPECT, type Inspect, inspected, type Packet, preview3, UsageError } from 'nnrp-core';
import { isPartialResult } from '../connection/result-kind.js';
import { traceIdOf } from '../connection/trace-id.js';
import type { ResultStore } from './result-store.js';

/** One result of an operation. The metadata has been checked and is decoded when first asked for. */
export class NnrpResult {
  readonly frameId: number;
  /** Whether more results of the same operation follow. */
  readonly partial: boolean;
  private readonly traceLow: number;
  private readonly traceHigh: number;
  private decoded: preview3.ResultPush | undefined;
  private viewed: Uint8Array | undefined;

  /** @internal */
  constructor(
    private packet: Packet,
    frameId = packet.frameId,
  ) {
    // Read now: by the time they are asked for, somebody may have transferred the memory of the packet.
    this.frameId = frameId;
    this.partial = isPartialResult(packet);
    this.traceLow = packet.traceLow;
    this.traceHigh = packet.traceHigh;
  }

  /** Trace id of the result: that of its submit, when the server passes it on; 0 = none. */
  get traceId(): bigint {
    return traceIdOf(this.traceLow, this.traceHigh);
  }

  /** Bytes on the wire. */
  get byteLength(): number {
    return this.packet.byteLength;
  }

  /** @internal The bytes that it lies in, the same array for all packets of a chunk. */
  get bytes(): Uint8Array {
    return this.packet.bytes;
  }

  /** @internal Lets go of its chunk. Nobody has seen the result yet. */
  moveTo(store: ResultStore): void {
    if (!this.packet.isDetached) this.packet = store.copy(this.packet);
  }

  /** @throws UsageError when the memory of the result was transferred to another thread before */
  get metadata(): preview3.ResultPush {
    if (this.decoded === undefined) {
      if (this.packet.isDetached) throw new UsageError(`frame ${this.frameId}: the memory of the result is gone`);
      this.decoded = preview3.decodeResultPush(this.packet.view, this.packet.metadataStart);
    }
    return this.decoded;
  }

  /**
   * The body as it came, lent and not copied: it stays valid while held, and keeps the chunk it lies in alive. Other
   * packets may lie in that chunk, so it cannot be transferred to another thread: transfer a copy (`body.slice()`).
   * Whether it is a region body (see preview3.decodeBody) is between client and application.
   */
  get body(): Uint8Array {
    this.viewed ??= this.packet.body;
    return this.viewed;
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { frameId, partial, byteLength, packet } = this;
    const { bodyLength } = packet;
    const statusCode = this.decoded === undefined && packet.isDetached ? undefined : this.metadata.statusCode;
    return { frameId, partial, statusCode, bodyLength, byteLength };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpResult', this.toJSON(), depth, options, inspect);
  }
}
