import * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import type { MetadataCodec } from '../sending/outbound-message.js';
import { rememberingCodec } from '../sending/repeated-metadata.js';

/** An operation id as two halves: a bigint for each packet would cost memory. */
export interface OperationIdHalves {
  readonly operationLow: number;
  readonly operationHigh: number;
}

/** What a runtime says in PARTIAL_RESULT: parts in the body, never an object instead of it. */
export interface PartOfOperation extends OperationIdHalves {
  /** From 1. */
  readonly resultSequence: number;
  /** From 0. */
  readonly deltaSequence: number;
  readonly bodyBytes: number;
  readonly flags: number;
}

/** RESULT_DROP_REASON. */
export interface DropOfOperation extends OperationIdHalves {
  readonly resultSequence: number;
  readonly dropReasonCode: number;
  readonly sourceRole: number;
  readonly flags: number;
  readonly diagnosticBytes: number;
}

const SUBMIT = preview4.FRAME_SUBMIT_OFFSETS;
const PART = preview4.PARTIAL_RESULT_OFFSETS;
const REQUEST = preview4.CONTROL_REQUEST_OFFSETS;
const DROP = preview4.RESULT_DROP_REASON_OFFSETS;
const TWO_32 = 0x1_0000_0000;

/** The u64 of two halves. */
export function operationIdOf({ operationLow, operationHigh }: OperationIdHalves): bigint {
  return (BigInt(operationHigh) << 32n) | BigInt(operationLow);
}

/** FRAME_SUBMIT of preview4, with an operation id that stands beside its metadata. */
export function encodeSubmit(
  value: preview3.FrameSubmit,
  operationLow: number,
  operationHigh: number,
  view: DataView,
  start: number,
): number {
  // Rules that preview3 does not have: the codec of preview4 says which one is broken.
  const { lossTolerancePolicy } = value;
  const isRefused = (operationLow | operationHigh) === 0 || (lossTolerancePolicy > 3 && lossTolerancePolicy !== 255);
  if (isRefused) {
    const operationId = operationIdOf({ operationLow, operationHigh });
    return preview4.encodeFrameSubmit({ ...value, operationId } as never, view, start);
  }
  const end = preview3.encodeFrameSubmit(value, view, start);
  view.setUint32(start + SUBMIT.tileIndexBytes, value.tileIndexBytes, true);
  view.setUint32(start + SUBMIT.reserved1, 0, true);
  setHalves(view, start + SUBMIT.operationId, operationLow, operationHigh);
  return end;
}

const SUBMIT_HEAD: MetadataCodec<preview3.FrameSubmit> = /* @__PURE__ */ rememberingCodec(
  preview4.MessageType.FrameSubmit,
  preview4.FRAME_SUBMIT_BYTES,
  // Any id: each submit has another.
  (value: preview3.FrameSubmit, view: DataView, start: number) => encodeSubmit(value, 1, 0, view, start),
  preview3.FRAME_SUBMIT_OFFSETS,
);
let submitView: DataView | undefined;

/** Header and metadata of FRAME_SUBMIT, where the last submits have had the same metadata; see `rememberingCodec`. */
export function submitHead(value: preview3.FrameSubmit, low: number, high: number): Uint8Array | undefined {
  const head = SUBMIT_HEAD.head?.(value);
  if (head === undefined) return undefined;
  submitView ??= new DataView(head.buffer);
  setHalves(submitView, preview3.COMMON_HEADER_BYTES + SUBMIT.operationId, low, high);
  return head;
}

/** CANCEL or ABORT of an operation. */
export interface RequestOfOperation extends OperationIdHalves {
  readonly reasonCode: number;
  readonly sourceRole: number;
  readonly flags: number;
}

/** Without diagnostics. Its sequence is the operation id, as the reference has it. */
export const CONTROL_REQUEST: MetadataCodec<RequestOfOperation> = {
  bytes: preview4.CONTROL_REQUEST_BYTES,
  encode(value, view, start) {
    setHalves(view, start + REQUEST.operationId, value.operationLow, value.operationHigh);
    setHalves(view, start + REQUEST.controlSequence, value.operationLow, value.operationHigh);
    view.setUint16(start + REQUEST.reasonCode, value.reasonCode, true);
    view.setUint8(start + REQUEST.sourceRole, value.sourceRole);
    view.setUint8(start + REQUEST.flags, value.flags);
    view.setUint32(start + REQUEST.diagnosticBytes, 0, true);
    setHalves(view, start + REQUEST.reserved, 0, 0);
    return start + preview4.CONTROL_REQUEST_BYTES;
  },
};

export const RESULT_PUSH_4: MetadataCodec<preview3.ResultPush> = /* @__PURE__ */ rememberingCodec(
  preview4.MessageType.ResultPush,
  preview4.RESULT_PUSH_BYTES,
  preview4.encodeResultPush,
  preview4.RESULT_PUSH_OFFSETS,
);

/** Without the bigints of the generated codec: parts of a stream come by the thousand. */
export const PARTIAL_RESULT: MetadataCodec<PartOfOperation> = {
  bytes: preview4.PARTIAL_RESULT_BYTES,
  encode(value, view, start) {
    setHalves(view, start + PART.operationId, value.operationLow, value.operationHigh);
    setNumber(view, start + PART.resultSequence, value.resultSequence);
    setHalves(view, start + PART.objectId, 0, 0);
    setNumber(view, start + PART.deltaSequence, value.deltaSequence);
    view.setUint32(start + PART.bodyBytes, value.bodyBytes, true);
    view.setUint32(start + PART.flags, value.flags, true);
    return start + preview4.PARTIAL_RESULT_BYTES;
  },
};

export const RESULT_DROP_REASON: MetadataCodec<DropOfOperation> = {
  bytes: preview4.RESULT_DROP_REASON_BYTES,
  encode(value, view, start) {
    setHalves(view, start + DROP.operationId, value.operationLow, value.operationHigh);
    setNumber(view, start + DROP.resultSequence, value.resultSequence);
    view.setUint16(start + DROP.dropReasonCode, value.dropReasonCode, true);
    view.setUint8(start + DROP.sourceRole, value.sourceRole);
    view.setUint8(start + DROP.flags, value.flags);
    view.setUint32(start + DROP.diagnosticBytes, value.diagnosticBytes, true);
    setHalves(view, start + DROP.reserved, 0, 0);
    return start + preview4.RESULT_DROP_REASON_BYTES;
  },
};

function setHalves(view: DataView, at: number, low: number, high: number): void {
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
}

/** A counter, which no peer brings above 2^53. */
function setNumber(view: DataView, at: number, value: number): void {
  if (value < TWO_32) setHalves(view, at, value, 0);
  else setHalves(view, at, value % TWO_32, Math.floor(value / TWO_32));
}
