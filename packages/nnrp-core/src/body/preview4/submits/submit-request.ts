import { viewOf } from '../../../bytes/view-of.js';
import { UsageError } from '../../../errors.js';
import { WireError } from '../../../faults/wire-error.js';
import { InputProfile, LossTolerancePolicy, SubmitMode, TileIndexMode } from '../../../generated/preview4/enums.js';
import { encodeFrameSubmit, FRAME_SUBMIT_BYTES, type FrameSubmit } from '../../../generated/preview4/frame-submit.js';
import { brokenRule } from '../../../rules/broken-rule.js';
import { shownValue, shownWord } from '../../../text/shown-value.js';

/** What a client asks for with a submit, whatever its body is. */
export type SubmitPolicy = Pick<
  FrameSubmit,
  | 'frameClass'
  | 'latencyBudgetMs'
  | 'targetFpsX100'
  | 'retryOfFrame'
  | 'budgetPolicy'
  | 'lossTolerancePolicy'
  | 'dependencyFrameId'
>;

/** The two names of an operation, and its policy. */
export interface SubmitRequest {
  /** Identity of the operation, a u64 other than 0. */
  readonly operationId: bigint;
  /** The frame that is bound to it, a u32 other than 0; it goes into the header. */
  readonly frameId: number;
  /** What is left out is 0; `lossTolerancePolicy` is then that of the session (255). */
  readonly policy?: Partial<SubmitPolicy> | undefined;
}

/** A submit that is ready to be sent. */
export interface BuiltSubmit {
  readonly metadata: FrameSubmit;
  /** The whole region body, in memory of its own. */
  readonly body: Uint8Array;
}

export const SUBMIT_WHERE = 'FRAME_SUBMIT';

const REQUEST: readonly string[] = ['operationId', 'frameId', 'policy'];
const POLICY: SubmitPolicy = /* @__PURE__ */ Object.freeze({
  frameClass: 0,
  latencyBudgetMs: 0,
  targetFpsX100: 0,
  retryOfFrame: 0,
  budgetPolicy: 0,
  lossTolerancePolicy: LossTolerancePolicy.InheritSession,
  dependencyFrameId: 0,
});

/**
 * Metadata without tensors, by the rules that hold for each builder.
 *
 * @param names - of the options that the builder has beside those of every request
 * @throws UsageError for what is no bag of options, and for options that there are not; WireError SUB-1 for an id of 0
 */
export function requestedMetadata(request: SubmitRequest, names: readonly string[]): FrameSubmit {
  requireOptions('submit', request, [...REQUEST, ...names]);
  const { operationId, frameId, policy = {} } = request;
  requireOptions('policy', policy, Object.keys(POLICY));
  if (typeof operationId !== 'bigint') {
    throw new UsageError(`submit: operationId takes a bigint, got ${shownValue(operationId)}`);
  }
  if (!Number.isInteger(frameId) || frameId < 0 || frameId > 0xffff_ffff) {
    throw new UsageError(`submit: frameId takes a u32, got ${shownValue(frameId)}`);
  }
  if (operationId === 0n || frameId === 0) throw new WireError(brokenRule('SUB-1'), SUBMIT_WHERE);
  return {
    ...POLICY,
    ...policy,
    operationId,
    srcWidth: 0,
    srcHeight: 0,
    tileWidth: 0,
    tileHeight: 0,
    tileCount: 0,
    sectionCount: 0,
    inputProfile: InputProfile.Unspecified,
    tileIndexMode: TileIndexMode.RawU16,
    tileBaseId: 0,
    cameraBytes: 0,
    tileIndexBytes: 0,
    submitMode: SubmitMode.Inline,
    objectRefMask: 0,
    payloadKindBitmap: 0,
    payloadFrameCount: 0,
  };
}

/** @throws WireError when a field does not hold its value */
export function builtSubmit(metadata: FrameSubmit, body: Uint8Array): BuiltSubmit {
  encodeFrameSubmit(metadata, viewOf(new Uint8Array(FRAME_SUBMIT_BYTES)));
  return { metadata, body };
}

/** @throws UsageError for what is no bag of options, and for a name that is none of them */
export function requireOptions(what: string, value: unknown, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new UsageError(`${what}: expected options, got ${shownValue(value)}`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`${what}: there is no option ${shownWord(unknown)}`);
}

/** @throws UsageError for what is no list */
export function requireList<T>(what: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw new UsageError(`${what}: expected a list, got ${shownValue(value)}`);
  return value;
}
