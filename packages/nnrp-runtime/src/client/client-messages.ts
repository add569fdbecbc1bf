import { preview3, shownValue, shownWord, UsageError } from 'nnrp-core';
import { checkOptions } from '../base/options.js';
import { isAbortSignal } from './abort-signals.js';

/** Metadata of a submit; what is left out has the defaults of {@link submitMetadata}. */
export type SubmitInit = Partial<preview3.FrameSubmit>;

/** How one submit is treated; what is left out has its default. */
export interface SubmitOptions {
  /** Cancels the work when it aborts, also while the submit waits for its turn. */
  readonly signal?: AbortSignal;
  /** What becomes of a submit that flow control forbids: it waits, or fails with FlowBlockedError; default wait. */
  readonly onBlocked?: 'wait' | 'fail';
  /** Trace id of the submit, a u64; a server that traces puts it on the results; default 0, none. */
  readonly traceId?: bigint;
  /**
   * Milliseconds the server may take, 0 to 2147483647, instead of `latencyBudgetMs` of the metadata; 0 = any time, also
   * where the session has a default; default that of the session. The server drops what takes longer. It is asked for
   * up to 65534 by one submit, and for more by the `defaultDeadlineMs` of the session; where that is shorter than what is
   * wanted, a server that knows how is asked for no deadline. A server that is asked for none sees no deadline, and gets
   * the client's cancel instead. The time runs from when the submit is sent, not while it waits for its turn; a signal
   * bounds that as well. The operation fails with DeadlineError when nothing has come by then, or `deadlineGraceMs` later
   * where the server keeps the time. Servers that have not announced themselves can be asked for
   * 65535 by one submit, which is also what 0 means to them under a default.
   */
  readonly deadlineMs?: number;
}

/** How a session is closed. */
export interface CloseOptions {
  /** Default client_shutdown. */
  readonly reason: preview3.CloseReason;
  /** What becomes of work in progress; default drain. */
  readonly inFlightPolicy: preview3.InFlightPolicy;
  /**
   * Milliseconds the server may take to finish work in progress, 0 = at once; default 5000 with the policy drain when
   * anything is in progress, else 0.
   */
  readonly drainTimeoutMs: number;
}

/**
 * Complete metadata: told from a wish by its mark, so that no field has to be looked at. What inherits from one, or stands
 * for one, has no mark: reading its fields may run code of the application, which must not happen while they are written.
 */
export class CompleteSubmit implements preview3.FrameSubmit {
  readonly #mark = true;
  readonly srcWidth: number;
  readonly srcHeight: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly tileCount: number;
  readonly sectionCount: number;
  readonly frameClass: number;
  readonly inputProfile: preview3.InputProfile;
  readonly tileIndexMode: preview3.TileIndexMode;
  readonly latencyBudgetMs: number;
  readonly targetFpsX100: number;
  readonly retryOfFrame: number;
  readonly tileBaseId: number;
  readonly cameraBytes: number;
  readonly tileIndexBytes: number;
  readonly submitMode: preview3.SubmitMode;
  readonly budgetPolicy: number;
  readonly lossTolerancePolicy: number;
  readonly objectRefMask: number;
  readonly dependencyFrameId: number;
  readonly payloadKindBitmap: number;
  readonly payloadFrameCount: number;

  constructor(init: SubmitInit, latencyBudgetMs: number = init.latencyBudgetMs ?? 0) {
    this.srcWidth = init.srcWidth ?? 0;
    this.srcHeight = init.srcHeight ?? 0;
    this.tileWidth = init.tileWidth ?? 0;
    this.tileHeight = init.tileHeight ?? 0;
    this.tileCount = init.tileCount ?? 0;
    this.sectionCount = init.sectionCount ?? 0;
    this.frameClass = init.frameClass ?? 0;
    this.inputProfile = init.inputProfile ?? preview3.InputProfile.Unspecified;
    this.tileIndexMode = init.tileIndexMode ?? preview3.TileIndexMode.DenseRange;
    this.latencyBudgetMs = latencyBudgetMs;
    this.targetFpsX100 = init.targetFpsX100 ?? 0;
    this.retryOfFrame = init.retryOfFrame ?? 0;
    this.tileBaseId = init.tileBaseId ?? 0;
    this.cameraBytes = init.cameraBytes ?? 0;
    this.tileIndexBytes = init.tileIndexBytes ?? 0;
    this.submitMode = init.submitMode ?? preview3.SubmitMode.Inline;
    this.budgetPolicy = init.budgetPolicy ?? 0;
    this.lossTolerancePolicy = init.lossTolerancePolicy ?? 0;
    this.objectRefMask = init.objectRefMask ?? 0;
    this.dependencyFrameId = init.dependencyFrameId ?? 0;
    this.payloadKindBitmap = init.payloadKindBitmap ?? preview3.PayloadKindFlags.TokenChunk;
    this.payloadFrameCount = init.payloadFrameCount ?? 1;
  }

  static made(init: SubmitInit): init is CompleteSubmit {
    return typeof init === 'object' && init !== null && #mark in init;
  }
}

/** One inline token_chunk frame, all else 0. */
const DEFAULT_SUBMIT = Object.freeze(new CompleteSubmit({}));
const SUBMIT_FIELDS: ReadonlySet<string> = new Set(Object.keys(DEFAULT_SUBMIT));
const SUBMIT_OPTIONS: ReadonlySet<string> = new Set(['signal', 'onBlocked', 'traceId', 'deadlineMs']);

/**
 * Complete metadata of a submit: one inline token_chunk frame, all else 0, with `init` on top. It may be kept and used
 * for any number of submits, which then need not complete it again. Its fields may be set anew between submits, and stay
 * plain values: the object is sealed.
 * @throws UsageError on a field that does not exist
 */
export function submitMetadata(init: SubmitInit = {}): preview3.FrameSubmit {
  checkOptions('submit metadata', init, SUBMIT_FIELDS);
  return Object.seal(new CompleteSubmit(init));
}

/**
 * The metadata to send; complete metadata is used as it is.
 * @param budgetMs - latency_budget_ms, when a deadline was asked for
 * @throws UsageError on a field or an option that does not exist, and on a wrong option
 */
export function completeSubmit(
  init: SubmitInit | undefined,
  options: SubmitOptions | undefined,
  budgetMs?: number,
): preview3.FrameSubmit {
  if (options !== undefined) checkSubmitOptions(options);
  if (init !== undefined && !CompleteSubmit.made(init)) checkOptions('submit metadata', init, SUBMIT_FIELDS);
  if (budgetMs !== undefined) return new CompleteSubmit(init ?? DEFAULT_SUBMIT, budgetMs);
  if (init === undefined) return DEFAULT_SUBMIT;
  return CompleteSubmit.made(init) ? init : new CompleteSubmit(init);
}

/** @throws UsageError unless every option exists and is of its kind; `deadlineMs` has been checked before */
function checkSubmitOptions(options: SubmitOptions): void {
  checkOptions('submit options', options, SUBMIT_OPTIONS);
  const { signal, onBlocked, traceId } = options;
  if (signal !== undefined && !isAbortSignal(signal)) throw new UsageError('signal: expected an AbortSignal');
  if (onBlocked !== undefined && onBlocked !== 'wait' && onBlocked !== 'fail') {
    throw new UsageError(`onBlocked takes wait or fail, got ${shownWord(onBlocked)}`);
  }
  if (traceId !== undefined) checkTraceId(traceId);
}

function checkTraceId(traceId: unknown): void {
  if (typeof traceId === 'bigint' && BigInt.asUintN(64, traceId) === traceId) return;
  throw new UsageError(`traceId: expected a bigint of 0 to 2^64-1, got ${shownValue(traceId)}`);
}
