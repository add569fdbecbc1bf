import { preview3 } from 'nnrp-core';

/** Metadata of a submit; what is left out has the defaults of {@link submitMetadata}. */
export type SubmitInit = Partial<preview3.FrameSubmit>;

/** How a session is closed. */
export interface CloseOptions {
  /** Default client_shutdown. */
  readonly reason: preview3.CloseReason;
  /** What becomes of work in progress; default drain. */
  readonly inFlightPolicy: preview3.InFlightPolicy;
  /** Milliseconds the server may take to finish work in progress, 0 = at once; default 0. */
  readonly drainTimeoutMs: number;
}

const SUBMIT_DEFAULTS: preview3.FrameSubmit = Object.freeze({
  srcWidth: 0,
  srcHeight: 0,
  tileWidth: 0,
  tileHeight: 0,
  tileCount: 0,
  sectionCount: 0,
  frameClass: 0,
  inputProfile: preview3.InputProfile.Unspecified,
  tileIndexMode: preview3.TileIndexMode.DenseRange,
  latencyBudgetMs: 0,
  targetFpsX100: 0,
  retryOfFrame: 0,
  tileBaseId: 0,
  cameraBytes: 0,
  tileIndexBytes: 0,
  submitMode: preview3.SubmitMode.Inline,
  budgetPolicy: 0,
  lossTolerancePolicy: 0,
  objectRefMask: 0,
  dependencyFrameId: 0,
  payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk,
  payloadFrameCount: 1,
});

/** Complete metadata of a submit: one inline token_chunk frame, all else 0, with `init` on top. */
export function submitMetadata(init: SubmitInit = {}): preview3.FrameSubmit {
  return { ...SUBMIT_DEFAULTS, ...init };
}
