import * as preview3 from 'nnrp-core/preview3';
import type * as preview4 from 'nnrp-core/preview4';
import { checkOptions, type Given } from '../../base/options.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import type { ControlEvent } from '../../connection/controls/control-events.js';
import { RESULT_FIELDS } from './result-fields.js';

/** One unit of work from the client, as `receiveSubmit` hands it out. */
export interface NnrpSubmit {
  /** Identifies the work; every answer carries it. */
  readonly frameId: number;
  /** Decoded when first asked for. */
  readonly metadata: preview3.FrameSubmit;
  /** The body as it came, not copied: it keeps the chunk it lies in alive. */
  readonly body: BodyBytes;
  /** Header trace id; every answer carries it back. */
  readonly traceId: bigint;
  /** Header route id, 0 = none. */
  readonly routeId: number;
  /** Bytes on the wire. */
  readonly byteLength: number;
}

/** The client gives up a frame; the runtime has answered with RESULT_DROP already. */
export interface NnrpCancel {
  readonly frameId: number;
  /** Over preview4, where the client has said why: ReasonCode, flags, and whether it wants the work aborted. */
  readonly request?: { readonly isAbort: boolean } & Pick<
    preview4.ControlRequest,
    'reasonCode' | 'flags' | 'sourceRole'
  >;
}

/** The client wants to change parameters of its session; answered by `sendPatchAck`. */
export interface NnrpPatch {
  readonly metadata: preview3.SessionPatch;
  /** The profile's own data; empty when none was sent. Not copied. */
  readonly profilePatch: BodyBytes;
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
export type ServerSessionEvent =
  | { readonly type: 'submit'; readonly submit: NnrpSubmit }
  | { readonly type: 'cancel'; readonly cancel: NnrpCancel }
  | { readonly type: 'patch'; readonly patch: NnrpPatch }
  | { readonly type: 'migrate'; readonly migration: NnrpMigration }
  | { readonly type: 'close'; readonly close: NnrpClose }
  | ControlEvent
  | { readonly type: 'flowUpdate'; readonly update: preview3.FlowUpdate }
  | { readonly type: 'cachePut'; readonly put: preview3.CachePut; readonly ack: preview3.CacheAck }
  | { readonly type: 'cacheInvalidate'; readonly invalidate: preview3.CacheInvalidate; readonly removed: number }
  /** `details`: what the client says for programs, plain JSON data; undefined as a rule. */
  | {
      readonly type: 'peerError';
      readonly error: preview3.ErrorMessage;
      readonly diagnostic: string;
      readonly details?: unknown;
    };

/** Metadata of a result; what is left out has the defaults of {@link resultMetadata}. */
export type ResultInit = Given<preview3.ResultPush>;

/** What a handler gives as a result, partial or last: a body, or a body with metadata. */
export type ResultValue =
  | BodyInput
  | { readonly body?: BodyInput | undefined; readonly metadata?: ResultInit | undefined };

const DEFAULTS: preview3.ResultPush = Object.freeze({
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
 * Every field of RESULT_PUSH: told from a wish by its mark, so that no field has to be looked at. What inherits from one, or
 * stands for one, has no mark: reading its fields may run code of the application, which must not happen while they are
 * written.
 */
class ResultMetadata implements preview3.ResultPush {
  readonly #mark = true;
  statusCode: number;
  resultFlags: number;
  sectionCount: number;
  tileCount: number;
  activeProfileId: number;
  inferenceMs: number;
  queueMs: number;
  serverTotalMs: number;
  tileBaseId: number;
  tileIndexBytes: number;
  resultClass: preview3.ResultClass;
  appliedBudgetPolicy: number;
  reusedFrameId: number;
  coveredTileCount: number;
  droppedTileCount: number;
  payloadKindBitmap: number;
  payloadFrameCount: number;

  constructor(init: ResultInit, defaults: preview3.ResultPush) {
    this.statusCode = init.statusCode ?? defaults.statusCode;
    this.resultFlags = init.resultFlags ?? defaults.resultFlags;
    this.sectionCount = init.sectionCount ?? defaults.sectionCount;
    this.tileCount = init.tileCount ?? defaults.tileCount;
    this.activeProfileId = init.activeProfileId ?? defaults.activeProfileId;
    this.inferenceMs = init.inferenceMs ?? defaults.inferenceMs;
    this.queueMs = init.queueMs ?? defaults.queueMs;
    this.serverTotalMs = init.serverTotalMs ?? defaults.serverTotalMs;
    this.tileBaseId = init.tileBaseId ?? defaults.tileBaseId;
    this.tileIndexBytes = init.tileIndexBytes ?? defaults.tileIndexBytes;
    this.resultClass = init.resultClass ?? defaults.resultClass;
    this.appliedBudgetPolicy = init.appliedBudgetPolicy ?? defaults.appliedBudgetPolicy;
    this.reusedFrameId = init.reusedFrameId ?? defaults.reusedFrameId;
    this.coveredTileCount = init.coveredTileCount ?? defaults.coveredTileCount;
    this.droppedTileCount = init.droppedTileCount ?? defaults.droppedTileCount;
    this.payloadKindBitmap = init.payloadKindBitmap ?? defaults.payloadKindBitmap;
    this.payloadFrameCount = init.payloadFrameCount ?? defaults.payloadFrameCount;
  }

  static made(init: ResultInit): init is ResultMetadata {
    return typeof init === 'object' && init !== null && #mark in init;
  }
}

const DEFAULT_RESULT: preview3.ResultPush = Object.freeze(new ResultMetadata({}, DEFAULTS));

/**
 * Complete metadata of a result: status success, complete, profile token, one token_chunk frame, all else 0, with
 * `init` on top; frozen. Keep the object and send it again and again where results are alike: it is encoded once.
 *
 * @throws UsageError on a field that does not exist or fit
 */
export function resultMetadata(init: ResultInit = DEFAULT_RESULT): preview3.ResultPush {
  return ResultMetadata.made(init) ? init : Object.freeze(completeResult(init, DEFAULTS));
}

/** The same on top of other defaults; complete metadata is used as it is. @throws UsageError on a field that does not exist or fit */
export function completeResult(init: ResultInit, defaults: preview3.ResultPush): preview3.ResultPush {
  return ResultMetadata.made(init)
    ? init
    : new ResultMetadata(checkOptions('result metadata', init, RESULT_FIELDS), defaults);
}
