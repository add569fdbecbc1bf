import type * as preview4 from 'nnrp-core/preview4';

/** How far an operation is, as its server says it. */
export interface OperationProgress {
  /** Rises with each report of the operation, from 1. */
  readonly sequence: bigint;
  /** What is being done, see StageCode. */
  readonly stageCode: number;
  /** From 0 to 100; undefined where the server does not know. */
  readonly percent: number | undefined;
  /** The object that it is about; 0n = none. */
  readonly objectId: bigint;
  /** What else the server says, as the two sides agree. */
  readonly body: Uint8Array;
}

const UNKNOWN_PERCENT = 0xffff;

export function operationProgress(metadata: preview4.Progress, body: Uint8Array): OperationProgress {
  const { progressSequence: sequence, stageCode, percentX100, objectId } = metadata;
  const percent = percentX100 === UNKNOWN_PERCENT ? undefined : percentX100 / 100;
  return { sequence, stageCode, percent, objectId, body };
}
