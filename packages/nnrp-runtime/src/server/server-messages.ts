import { type Packet, preview3 } from 'nnrp-core';

/** One unit of work from the client. The metadata has been checked and is decoded when first asked for. */
export class NnrpSubmit {
  private decoded: preview3.FrameSubmit | undefined;

  constructor(private readonly packet: Packet) {}

  /** Identifies the work; every answer carries it. */
  get frameId(): number {
    return this.packet.frameId;
  }

  get metadata(): preview3.FrameSubmit {
    this.decoded ??= preview3.decodeFrameSubmit(this.packet.view, this.packet.metadataStart);
    return this.decoded;
  }

  /**
   * The body as it came, not copied: it stays valid while held, and keeps the chunk it lies in alive. Whether it is a
   * region body (see preview3.decodeBody) is between client and application.
   */
  get body(): Uint8Array {
    return this.packet.body;
  }

  /** Header trace id. */
  get traceId(): bigint {
    return this.packet.traceId;
  }

  /** Bytes on the wire. */
  get byteLength(): number {
    return this.packet.byteLength;
  }
}

/** The client ends its session: what it sent. */
export interface NnrpClose {
  readonly metadata: preview3.SessionClose;
}

/** Metadata of a result; what is left out has the defaults of {@link resultMetadata}. */
export type ResultInit = Partial<preview3.ResultPush>;

const RESULT_DEFAULTS: preview3.ResultPush = Object.freeze({
  statusCode: preview3.StatusCode.Success,
  resultFlags: 0,
  sectionCount: 0,
  tileCount: 0,
  activeProfileId: preview3.ProfileId.Token,
  inferenceMs: 0,
  queueMs: 0,
  serverTotalMs: 0,
  tileBaseId: 0,
  tileIndexBytes: 0,
  resultClass: preview3.ResultClass.Complete,
  appliedBudgetPolicy: 0,
  reusedFrameId: 0,
  coveredTileCount: 0,
  droppedTileCount: 0,
  payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk,
  payloadFrameCount: 1,
});

/**
 * Complete metadata of a result: status success, complete, profile token, one token_chunk frame, all else 0, with
 * `init` on top. Keep the object and send it again and again where results are alike.
 */
export function resultMetadata(init: ResultInit = {}): preview3.ResultPush {
  return { ...RESULT_DEFAULTS, ...init };
}
