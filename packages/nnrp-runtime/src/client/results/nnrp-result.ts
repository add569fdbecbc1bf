import { INSPECT, type Inspect, inspected, type Packet, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type * as preview4 from 'nnrp-core/preview4';
import {
  type BodyBytes,
  bodyCopy,
  bodyFrames,
  bodyJson,
  bodyText,
  type OwnBytes,
} from '../../connection/body/body-reading.js';
import { traceIdOf } from '../../connection/body/trace-id.js';
import { PARTIAL_RESULT_TYPE } from '../../connection/codes/preview4-codes.js';
import { preview4Words } from '../../connection/controls/loaded-preview4.js';
import type { ResultStore } from './result-store.js';

const { Success, Degraded, Ok } = preview3.StatusCode;

/** Of partial results of preview4. */
const PART_METADATA: preview3.ResultPush = Object.freeze({
  statusCode: Success,
  resultFlags: preview3.ResultFlags.Partial,
  sectionCount: 0,
  tileCount: 0,
  activeProfileId: 0,
  inferenceMs: 0,
  queueMs: 0,
  serverTotalMs: 0,
  tileBaseId: 0,
  tileIndexBytes: 0,
  resultClass: preview3.ResultClass.Partial,
  appliedBudgetPolicy: 0,
  reusedFrameId: 0,
  coveredTileCount: 0,
  droppedTileCount: 0,
  payloadKindBitmap: 0,
  payloadFrameCount: 0,
});

function isPart({ messageType }: Packet): boolean {
  return messageType === PARTIAL_RESULT_TYPE;
}

/** One result of an operation. The metadata has been checked and is decoded when first asked for. */
export class NnrpResult {
  /** @internal Which packet of its session brought it, counted from 1; 0 where it is not needed. */
  position = 0;
  private readonly traceLow: number;
  private readonly traceHigh: number;
  private decoded: preview3.ResultPush | undefined;
  private viewed: BodyBytes | undefined;

  /** @internal */
  constructor(
    private packet: Packet,
    readonly frameId: number,
    /** Whether more results of the same operation follow. */
    readonly partial: boolean,
    private readonly isPreview4: boolean,
  ) {
    // Read now: by the time they are asked for, the application may have transferred the memory of the packet.
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
  get chunkBytes(): Uint8Array {
    return this.packet.bytes;
  }

  /** @internal Lets go of its chunk. The application has not seen the result yet. */
  moveTo(store: ResultStore): void {
    if (!this.packet.isDetached) this.packet = store.copy(this.packet);
  }

  /**
   * What PARTIAL_RESULT says of a partial result over preview4: its place among those of its operation, and the object that holds it.
   * Undefined for the last result, and in preview3.
   * @throws UsageError as `metadata`
   */
  get part(): preview4.PartialResult | undefined {
    const { packet } = this;
    if (!this.partial || !isPart(packet)) return undefined;
    if (packet.isDetached) throw new UsageError(`frame ${this.frameId}: the memory of the result is gone`);
    return preview4Words().decodePartialResult(packet.view, packet.metadataStart);
  }

  /**
   * A partial result of preview4 has none of its own: it says success, and partial.
   * @throws UsageError when the memory of the result was transferred to another thread before
   */
  get metadata(): preview3.ResultPush {
    if (this.decoded === undefined) {
      if (this.packet.isDetached) throw new UsageError(`frame ${this.frameId}: the memory of the result is gone`);
      this.decoded = isPart(this.packet)
        ? PART_METADATA
        : preview3.decodeResultPush(this.packet.view, this.packet.metadataStart);
    }
    return this.decoded;
  }

  /**
   * Whether the work succeeded, also with lower quality: the status is 0, 1 or 200. Any other is a result like this one, with
   * whatever body the server gave it; work that has no result at all rejects.
   * @throws UsageError as `metadata`
   */
  get isSuccess(): boolean {
    const { statusCode } = this.metadata;
    return statusCode === Success || statusCode === Degraded || statusCode === Ok;
  }

  /**
   * The body as it came, lent and not copied: it stays valid while held, and keeps the chunk it lies in alive. Other
   * packets may lie in that chunk, so it cannot be transferred to another thread: transfer a copy (`bytes()`).
   * It may begin at any byte of that chunk, also at an odd one: see `bytes` for what is to be read as numbers. Whether it is
   * a region body is between server and application; see `payloadFrames`.
   */
  get body(): BodyBytes {
    this.viewed ??= this.packet.body as BodyBytes;
    return this.viewed;
  }

  /** The body as text. Invalid UTF-8 becomes U+FFFD. For text that comes in parts see `ClientOperation.text`. */
  text(): string {
    return bodyText(this.body);
  }

  /**
   * The body as a value: `result.json<Answer>()`. The type is the caller's word, and is not checked.
   * @throws UsageError when it is no JSON, or one of more than a million objects, lists and members or 128 levels
   */
  json<Value = unknown>(): Value {
    return bodyJson(this.body, this.frameId).value as Value;
  }

  /**
   * A copy of the body: the caller's own, to be changed or transferred to another thread. It lies at the beginning of its
   * memory, so a typed array of any kind may lie over it, such as `new Float32Array(result.bytes().buffer)`.
   */
  bytes(): OwnBytes {
    return bodyCopy(this.body);
  }

  /**
   * The typed payload frames of a region body, not copied; decoded each time.
   * @throws WireError when the body is no region body or breaks its rules, UsageError as `metadata`
   * @see NNRP/1-preview3 section 10
   */
  get payloadFrames(): readonly preview3.TypedPayloadFrame[] {
    return bodyFrames(this.body, this.metadata, this.isPreview4 ? preview4Words().decodeBody : preview3.decodeBody);
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
