import { CancelledError, shownPlain, shownWord, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { checkSignal, reasonOf } from '../../base/application/abort-signals.js';
import { U16 } from '../../base/option-kinds.js';
import { checkArgument, checkOptions, type Given } from '../../base/options.js';
import { unixMs } from '../controls/controlled-operation.js';
import { SUBMIT_FIELDS } from './submit-fields.js';

/** The last frame id: one more would not fit the header. */
export const MAX_FRAME_ID = 0xfffffffe;

/** Metadata of a submit; what is left out has the defaults of {@link submitMetadata}. */
export type SubmitInit = Given<preview3.FrameSubmit>;

/** How one submit is treated; what is left out, or undefined, has its default. */
export interface SubmitOptions {
  /** Cancels the work when it aborts, also while the submit waits for its turn. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds that the server may take, 0 to 2147483647, in place of `latencyBudgetMs` of the metadata. 0 = any time, also
   * where the session has a default; default that of the session. The time runs from when the submit is sent, not while it
   * waits for its turn; a signal bounds that too. When it is over, the server drops the work, and the operation fails with
   * DeadlineError, at the latest `deadlineGraceMs` later. Up to 65534 goes with the submit. For more, the server keeps the
   * `defaultDeadlineMs` of the session where that is long enough; else the client alone keeps the time, tells a server that
   * knows how to keep none, and cancels when it is over. For servers that have not announced themselves 65535 is the longest
   * under a shorter default, and what 0 means.
   */
  readonly deadlineMs?: number | undefined;
  /**
   * Fields of FRAME_SUBMIT, by the protocol's names; default those of {@link submitMetadata}. Complete metadata, as it makes
   * them, is used as it is.
   */
  readonly metadata?: SubmitInit | undefined;
  /** Trace id of the submit, a u64; a server that traces puts it on the results; default 0, none. */
  readonly traceId?: bigint | undefined;
  /** Route id of the submit, a u16: what the two sides agree on, such as a [route](llm.md#routes) of calls; default 0, none. */
  readonly routeId?: number | undefined;
  /**
   * Id of the operation, a u64 other than 0 that the session has not used before; preview4 alone; default counted up, above all
   * that were used.
   */
  readonly operationId?: bigint | undefined;
  /**
   * Tells the server of a deadline by the clock before the submit, so that it is there when the work begins: a date, or milliseconds
   * since 1970. Preview4 alone, and servers of the reference from 4.23 on; default none. A submit that still waits
   * for its turn by then fails with DeadlineError, and nothing is sent.
   */
  readonly deadlineAt?: Date | number | undefined;
  /** What becomes of a submit that flow control forbids: it waits, or fails with FlowBlockedError; default wait. */
  readonly onBlocked?: 'wait' | 'fail' | undefined;
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
const SUBMIT_OPTIONS: ReadonlySet<string> = new Set([
  'signal',
  'deadlineMs',
  'metadata',
  'traceId',
  'routeId',
  'operationId',
  'deadlineAt',
  'onBlocked',
]);

/**
 * Complete metadata of a submit: one inline token_chunk frame, all else 0, with `init` on top. It may be kept and used
 * for any number of submits, which then need not complete it again. Its fields may be set anew between submits, and stay
 * plain values: the object is sealed.
 * @throws UsageError on a field that does not exist or fit
 */
export function submitMetadata(init: SubmitInit = {}): preview3.FrameSubmit {
  checkMetadata(init);
  return Object.seal(new CompleteSubmit(init));
}

/**
 * The metadata to send; complete metadata is used as it is.
 * @param budgetMs - latency_budget_ms, when a deadline was asked for
 * @throws UsageError on a field or an option that does not exist or fit
 */
export function completeSubmit(options: SubmitOptions | undefined, budgetMs?: number): preview3.FrameSubmit {
  if (options === undefined) return DEFAULT_SUBMIT;
  checkSubmitOptions(options);
  const { metadata } = options;
  if (metadata !== undefined && !CompleteSubmit.made(metadata)) checkMetadata(metadata);
  if (budgetMs !== undefined) return new CompleteSubmit(metadata ?? DEFAULT_SUBMIT, budgetMs);
  if (metadata === undefined) return DEFAULT_SUBMIT;
  return CompleteSubmit.made(metadata) ? metadata : new CompleteSubmit(metadata);
}

/** @throws CancelledError when the signal is aborted already */
export function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new CancelledError('the submit was cancelled before it was sent', { cause: reasonOf(signal) });
}

function checkMetadata(init: SubmitInit): void {
  checkOptions('submit metadata', init, SUBMIT_FIELDS, besideMetadata);
}

function besideMetadata(name: string): string {
  return SUBMIT_OPTIONS.has(name) ? `; it is an option of the submit: { ${name} }, beside metadata` : '';
}

/** @throws UsageError unless every option exists and is of its kind; `deadlineMs` has been checked before */
function checkSubmitOptions(options: SubmitOptions): void {
  checkOptions('submit options', options, SUBMIT_OPTIONS, insideMetadata);
  const { signal, onBlocked, traceId, routeId, operationId, deadlineAt } = options;
  checkSignal(signal);
  if (onBlocked !== undefined && onBlocked !== 'wait' && onBlocked !== 'fail') {
    throw new UsageError(`onBlocked takes wait or fail, got ${shownWord(onBlocked)}`);
  }
  if (traceId !== undefined) checkWord('traceId', traceId, 0n);
  if (operationId !== undefined) checkWord('operationId', operationId, 1n);
  if (deadlineAt !== undefined) unixMs(deadlineAt);
  if (routeId !== undefined) checkArgument('submit options', 'routeId', routeId, U16);
}

function insideMetadata(name: string): string {
  return SUBMIT_FIELDS.has(name) ? `; it is a field of the metadata: { metadata: { ${name} } }` : '';
}

function checkWord(name: string, word: unknown, least: bigint): void {
  if (typeof word === 'bigint' && word >= least && BigInt.asUintN(64, word) === word) return;
  throw new UsageError(`${name} takes a bigint of ${least} to 2^64-1, got ${shownPlain(word)}`);
}
