import type { StructCodec } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { STRUCTS as PREVIEW3_STRUCTS } from 'nnrp-core/preview3/struct-table';
import * as preview4 from 'nnrp-core/preview4';
import { STRUCTS as PREVIEW4_STRUCTS } from 'nnrp-core/preview4/struct-table';
import * as frameSubmitByHand from './handwritten-frame-submit.js';
import * as headerByHand from './handwritten-header.js';
import * as partialResultByHand from './handwritten-partial-result.js';
import * as preview4SubmitByHand from './handwritten-preview4-frame-submit.js';
import * as resultPushByHand from './handwritten-result-push.js';
import * as sessionOpenByHand from './handwritten-session-open.js';

/** A structure with its generated codec and the one written by hand. */
export interface Subject {
  readonly name: string;
  readonly revision: 'preview3' | 'preview4';
  /** Its row in the table of structures. */
  readonly struct: StructCodec | undefined;
  readonly schema: string;
  readonly bytes: number;
  readonly check: (view: DataView, start: number) => number;
  readonly decode: (view: DataView, start: number) => object;
  readonly encode: (value: never, view: DataView, start: number) => number;
  /** Points a view at a structure and adds three fields. */
  readonly read3: (view: DataView, start: number) => number;
  readonly byHand: {
    readonly check: (view: DataView, start: number) => number;
    readonly decode: (view: DataView, start: number) => object;
    readonly encode: (value: never, view: DataView, start: number) => number;
    /** Adds the same three fields, read from the DataView. */
    readonly read3: (view: DataView, start: number) => number;
  };
  /** A field of what decode returns, so that the result is used. */
  readonly probe: (value: never) => number;
  readonly value: object;
}

const header = new preview3.CommonHeaderView();
const open = new preview3.SessionOpenView();
const submit = new preview3.FrameSubmitView();
const push = new preview3.ResultPushView();
const submit4 = new preview4.FrameSubmitView();
const part = new preview4.PartialResultView();

export const SUBJECTS: readonly Subject[] = [
  {
    name: 'HEADER',
    revision: 'preview3',
    struct: PREVIEW3_STRUCTS['HEADER'],
    schema: 'common_header',
    bytes: preview3.COMMON_HEADER_BYTES,
    check: preview3.checkCommonHeader,
    decode: preview3.decodeCommonHeader,
    encode: preview3.encodeCommonHeader,
    byHand: headerByHand,
    read3: (view, start) => header.at(view, start).messageType + header.sessionId + header.frameId,
    probe: (value: preview3.CommonHeader) => value.sessionId,
    value: {
      versionMajor: 1,
      wireFormat: 0,
      messageType: preview3.MessageType.FrameSubmit,
      headerLen: 40,
      flags: 0x21,
      metaLen: 72,
      bodyLen: 256,
      sessionId: 7,
      frameId: 11,
      viewId: 0,
      routeId: 0,
      traceId: 123456789n,
    },
  },
  {
    name: 'SESSION_OPEN',
    revision: 'preview3',
    struct: PREVIEW3_STRUCTS['SESSION_OPEN'],
    schema: 'session_open',
    bytes: preview3.SESSION_OPEN_BYTES,
    check: preview3.checkSessionOpen,
    decode: preview3.decodeSessionOpen,
    encode: preview3.encodeSessionOpen,
    byHand: sessionOpenByHand,
    read3: (view, start) => open.at(view, start).requestedSessionId + open.profileId + open.schemaId,
    probe: (value: preview3.SessionOpen) => value.schemaId,
    value: {
      requestedSessionId: 42,
      profileId: 2,
      priorityClass: 1,
      sessionFlags: 5,
      schemaId: 0x1001,
      schemaVersion: 3,
      defaultDeadlineMs: 500,
      maxInFlightOperations: 4,
      leaseTtlHintMs: 30_000,
      resumeTokenBytes: 16,
      authBytes: 32,
      sessionExtensionBytes: 8,
      clientSessionTag: 0x0123456789abcdefn,
    },
  },
  {
    name: 'FRAME_SUBMIT',
    revision: 'preview3',
    struct: PREVIEW3_STRUCTS['FRAME_SUBMIT'],
    schema: 'frame_submit',
    bytes: preview3.FRAME_SUBMIT_BYTES,
    check: preview3.checkFrameSubmit,
    decode: preview3.decodeFrameSubmit,
    encode: preview3.encodeFrameSubmit,
    byHand: frameSubmitByHand,
    read3: (view, start) =>
      submit.at(view, start).latencyBudgetMs + submit.payloadKindBitmap + submit.payloadFrameCount,
    probe: (value: preview3.FrameSubmit) => value.payloadFrameCount,
    value: {
      srcWidth: 0,
      srcHeight: 0,
      tileWidth: 0,
      tileHeight: 0,
      tileCount: 0,
      sectionCount: 0,
      frameClass: 3,
      inputProfile: 0,
      tileIndexMode: 1,
      latencyBudgetMs: 25,
      targetFpsX100: 3000,
      retryOfFrame: 11,
      tileBaseId: 0,
      cameraBytes: 0,
      tileIndexBytes: 0,
      submitMode: 0,
      budgetPolicy: 9,
      lossTolerancePolicy: 2,
      objectRefMask: 0,
      dependencyFrameId: 10,
      payloadKindBitmap: 2,
      payloadFrameCount: 4,
    },
  },
  {
    name: 'RESULT_PUSH',
    revision: 'preview3',
    struct: PREVIEW3_STRUCTS['RESULT_PUSH'],
    schema: 'result_push',
    bytes: preview3.RESULT_PUSH_BYTES,
    check: preview3.checkResultPush,
    decode: preview3.decodeResultPush,
    encode: preview3.encodeResultPush,
    byHand: resultPushByHand,
    read3: (view, start) => push.at(view, start).statusCode + push.resultClass + push.payloadFrameCount,
    probe: (value: preview3.ResultPush) => value.statusCode,
    value: {
      statusCode: 200,
      resultFlags: 4,
      sectionCount: 0,
      tileCount: 0,
      activeProfileId: 2,
      inferenceMs: 3,
      queueMs: 1,
      serverTotalMs: 4,
      tileBaseId: 0,
      tileIndexBytes: 0,
      resultClass: 1,
      appliedBudgetPolicy: 2,
      reusedFrameId: 12,
      coveredTileCount: 0,
      droppedTileCount: 0,
      payloadKindBitmap: 2,
      payloadFrameCount: 1,
    },
  },
  {
    name: 'preview4 FRAME_SUBMIT',
    revision: 'preview4',
    struct: PREVIEW4_STRUCTS['FRAME_SUBMIT'],
    schema: 'frame_submit',
    bytes: preview4.FRAME_SUBMIT_BYTES,
    check: preview4.checkFrameSubmit,
    decode: preview4.decodeFrameSubmit,
    encode: preview4.encodeFrameSubmit,
    byHand: preview4SubmitByHand,
    read3: (view, start) =>
      submit4.at(view, start).latencyBudgetMs + submit4.payloadKindBitmap + submit4.payloadFrameCount,
    probe: (value: preview4.FrameSubmit) => value.payloadFrameCount,
    value: {
      srcWidth: 0,
      srcHeight: 0,
      tileWidth: 0,
      tileHeight: 0,
      tileCount: 0,
      sectionCount: 0,
      frameClass: 3,
      inputProfile: 0,
      tileIndexMode: 1,
      latencyBudgetMs: 25,
      targetFpsX100: 3000,
      retryOfFrame: 11,
      tileBaseId: 0,
      cameraBytes: 0,
      tileIndexBytes: 0,
      submitMode: 0,
      budgetPolicy: 9,
      lossTolerancePolicy: 2,
      objectRefMask: 0,
      dependencyFrameId: 10,
      payloadKindBitmap: 2,
      payloadFrameCount: 4,
      operationId: 0x0000_0101_0000_0007n,
    },
  },
  {
    name: 'preview4 PARTIAL_RESULT',
    revision: 'preview4',
    struct: PREVIEW4_STRUCTS['PARTIAL_RESULT'],
    schema: 'partial_result',
    bytes: preview4.PARTIAL_RESULT_BYTES,
    check: preview4.checkPartialResult,
    decode: preview4.decodePartialResult,
    encode: preview4.encodePartialResult,
    byHand: partialResultByHand,
    read3: (view, start) => part.at(view, start).operationIdLo + part.bodyBytes + part.flags,
    probe: (value: preview4.PartialResult) => value.bodyBytes,
    value: {
      operationId: 7n,
      resultSequence: 3n,
      objectId: 0n,
      deltaSequence: 2n,
      bodyBytes: 48,
      flags: 0,
    },
  },
];
