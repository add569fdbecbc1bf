import { preview3 } from 'nnrp-core';
import type { BodyInput } from '../connection/body-bytes.js';

/** One unit of work from the client, as `receiveSubmit` hands it out. */
export interface NnrpSubmit {
  /** Identifies the work; every answer carries it. */
  readonly frameId: number;
  /** Decoded when first asked for. */
  readonly metadata: preview3.FrameSubmit;
  /** The body as it came, not copied: it keeps the chunk it lies in alive. */
  readonly body: Uint8Array;
  /** Header trace id; every answer carries it back. */
  readonly traceId: bigint;
  /** Bytes on the wire. */
  readonly byteLength: number;
}

/** The client gives up a frame; the runtime has answered with RESULT_DROP already. */
export interface NnrpCancel {
  readonly frameId: number;
}

/** The client wants to change parameters of its session; answered by `sendPatchAck`. */
export interface NnrpPatch {
  readonly metadata: preview3.SessionPatch;
  /** The profile's own data; empty when none was sent. Not copied. */
  readonly profilePatch: Uint8Array;
}

/** The client wants to move to another transport; answered by `sendMigrateAck`. */
export interface NnrpMigration {
  readonly metadata: preview3.SessionMigrate;
}

/** The client ends its session: what it sent. */
export interface NnrpClose {
  readonly metadata: preview3.SessionClose;
}

/** What a server keeps of a session. */
export interface RuntimeSessionRecord {
  readonly sessionId: number;
  readonly profileId: number;
  readonly schemaId: number;
  readonly schemaVersion: number;
  readonly resumeEnabled: boolean;
  readonly resumeTokenBytes: number;
  /** The highest frame id so far, 0 before the first. */
  readonly lastOperationId: number;
}

/** A message of a session, in the order of arrival. */
export type SessionEvent =
  | { readonly type: 'submit'; readonly submit: NnrpSubmit }
  | { readonly type: 'cancel'; readonly cancel: NnrpCancel }
  | { readonly type: 'patch'; readonly patch: NnrpPatch }
  | { readonly type: 'migrate'; readonly migration: NnrpMigration }
  | { readonly type: 'close'; readonly close: NnrpClose }
  | { readonly type: 'flow_update'; readonly update: preview3.FlowUpdate }
  | { readonly type: 'cache_put'; readonly put: preview3.CachePut; readonly ack: preview3.CacheAck }
  | { readonly type: 'cache_invalidate'; readonly invalidate: preview3.CacheInvalidate; readonly removed: number }
  /** `details`: what the client says for programs, plain JSON data; undefined as a rule. */
  | {
      readonly type: 'error';
      readonly error: preview3.ErrorMessage;
      readonly diagnostic: string;
      readonly details?: unknown;
    };

/** Metadata of a result; what is left out has the defaults of {@link resultMetadata}. */
export type ResultInit = Partial<preview3.ResultPush>;

/** What a handler gives as a result, partial or last: a body, or a body with metadata. */
export type ResultValue = BodyInput | { readonly body?: BodyInput; readonly metadata?: ResultInit };

/** Every field of RESULT_PUSH with its default; made by {@link resultMetadata}. */
class ResultMetadata implements preview3.ResultPush {
  statusCode: number = preview3.StatusCode.Success;
  resultFlags = 0;
  sectionCount = 0;
  tileCount = 0;
  activeProfileId: number = preview3.ProfileId.Token;
  inferenceMs = 0;
  queueMs = 0;
  serverTotalMs = 0;
  tileBaseId = 0;
  tileIndexBytes = 0;
  resultClass: preview3.ResultClass = preview3.ResultClass.Complete;
  appliedBudgetPolicy = 0;
  reusedFrameId = 0;
  coveredTileCount = 0;
  droppedTileCount = 0;
  payloadKindBitmap: number = preview3.PayloadKindFlags.TokenChunk;
  payloadFrameCount = 1;

  constructor(init: ResultInit) {
    Object.assign(this, init);
  }
}

/**
 * Complete metadata of a result: status success, complete, profile token, one token_chunk frame, all else 0, with
 * `init` on top. Keep the object and send it again and again where results are alike: it is written as it is.
 */
export function resultMetadata(init: ResultInit = {}): preview3.ResultPush {
  return init instanceof ResultMetadata ? init : new ResultMetadata(init);
}
