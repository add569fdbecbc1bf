import { WireError } from 'nnrp-core';

/*
 * What a careful person writes by hand for the same four structures: DataView reads, the same checks in the same order,
 * one object literal. The yardstick of the generated code.
 */

function refuse(where: string): never {
  throw new WireError({ kind: 'invalid_combination', rule: 'refused' }, where);
}

export function decodeHeader(view: DataView, at: number) {
  if (!(at >= 0 && at + 40 <= view.byteLength)) refuse('HEADER');
  if (view.getUint32(at, true) !== 0x50524e4e) refuse('HEADER');
  const versionMajor = view.getUint8(at + 4);
  if (versionMajor !== 1) refuse('HEADER');
  const wireFormat = view.getUint8(at + 5);
  if (wireFormat !== 0) refuse('HEADER');
  const headerLen = view.getUint8(at + 7);
  if (headerLen !== 40) refuse('HEADER');
  const flags = view.getUint32(at + 8, true);
  if ((flags & ~0x3f) !== 0) refuse('HEADER');
  const messageType = view.getUint8(at + 6);
  const known =
    (messageType >= 1 && messageType <= 10) ||
    (messageType >= 16 && messageType <= 28) ||
    (messageType >= 32 && messageType <= 33);
  if (!known) refuse('HEADER');
  return {
    versionMajor,
    wireFormat,
    messageType,
    headerLen,
    flags,
    metaLen: view.getUint32(at + 12, true),
    bodyLen: view.getUint32(at + 16, true),
    sessionId: view.getUint32(at + 20, true),
    frameId: view.getUint32(at + 24, true),
    viewId: view.getUint16(at + 28, true),
    routeId: view.getUint16(at + 30, true),
    traceId: view.getBigUint64(at + 32, true),
  };
}

export function decodeSessionOpen(view: DataView, at: number) {
  if (!(at >= 0 && at + 48 <= view.byteLength)) refuse('SESSION_OPEN');
  if (view.getUint16(at + 22, true) !== 0) refuse('SESSION_OPEN');
  const sessionFlags = view.getUint8(at + 7);
  if ((sessionFlags & ~0x0f) !== 0) refuse('SESSION_OPEN');
  const priorityClass = view.getUint8(at + 6);
  if (priorityClass > 2) refuse('SESSION_OPEN');
  return {
    requestedSessionId: view.getUint32(at, true),
    profileId: view.getUint16(at + 4, true),
    priorityClass,
    sessionFlags,
    schemaId: view.getUint32(at + 8, true),
    schemaVersion: view.getUint32(at + 12, true),
    defaultDeadlineMs: view.getUint32(at + 16, true),
    maxInFlightOperations: view.getUint16(at + 20, true),
    leaseTtlHintMs: view.getUint32(at + 24, true),
    resumeTokenBytes: view.getUint32(at + 28, true),
    authBytes: view.getUint32(at + 32, true),
    sessionExtensionBytes: view.getUint32(at + 36, true),
    clientSessionTag: view.getBigUint64(at + 40, true),
  };
}

export function decodeFrameSubmit(view: DataView, at: number) {
  if (!(at >= 0 && at + 72 <= view.byteLength)) refuse('FRAME_SUBMIT');
  if (view.getUint8(at + 15) !== 0) refuse('FRAME_SUBMIT');
  const tileIndexBytes = view.getUint32(at + 36, true);
  if (view.getUint32(at + 32, true) !== 0 || tileIndexBytes !== 0) refuse('FRAME_SUBMIT');
  if ((view.getUint32(at + 40, true) | view.getUint32(at + 44, true)) !== 0) refuse('FRAME_SUBMIT');
  if (view.getUint32(at + 48, true) !== 0) refuse('FRAME_SUBMIT');
  if (view.getUint8(at + 55) !== 0) refuse('FRAME_SUBMIT');
  if (view.getUint16(at + 70, true) !== 0) refuse('FRAME_SUBMIT');
  const budgetPolicy = view.getUint8(at + 53);
  if ((budgetPolicy & ~0x0f) !== 0) refuse('FRAME_SUBMIT');
  const payloadKindBitmap = view.getUint32(at + 64, true);
  if ((payloadKindBitmap & ~0x7f) !== 0) refuse('FRAME_SUBMIT');
  const inputProfile = view.getUint8(at + 13);
  if (inputProfile > 2) refuse('FRAME_SUBMIT');
  const tileIndexMode = view.getUint8(at + 14);
  if (tileIndexMode > 3) refuse('FRAME_SUBMIT');
  const submitMode = view.getUint8(at + 52);
  if (submitMode > 2) refuse('FRAME_SUBMIT');
  const srcWidth = view.getUint16(at, true);
  const srcHeight = view.getUint16(at + 2, true);
  const tileWidth = view.getUint16(at + 4, true);
  const tileHeight = view.getUint16(at + 6, true);
  const tileCount = view.getUint16(at + 8, true);
  const sectionCount = view.getUint16(at + 10, true);
  const tileBaseId = view.getUint32(at + 24, true);
  const cameraBytes = view.getUint32(at + 28, true);
  const tensor = srcWidth | srcHeight | tileWidth | tileHeight | tileCount | sectionCount | tileBaseId | cameraBytes;
  if ((payloadKindBitmap & 1) === 0 && (tensor | inputProfile) !== 0) refuse('FRAME_SUBMIT');
  return {
    srcWidth,
    srcHeight,
    tileWidth,
    tileHeight,
    tileCount,
    sectionCount,
    frameClass: view.getUint8(at + 12),
    inputProfile,
    tileIndexMode,
    latencyBudgetMs: view.getUint16(at + 16, true),
    targetFpsX100: view.getUint16(at + 18, true),
    retryOfFrame: view.getUint32(at + 20, true),
    tileBaseId,
    cameraBytes,
    tileIndexBytes,
    submitMode,
    budgetPolicy,
    lossTolerancePolicy: view.getUint8(at + 54),
    objectRefMask: view.getUint32(at + 56, true),
    dependencyFrameId: view.getUint32(at + 60, true),
    payloadKindBitmap,
    payloadFrameCount: view.getUint16(at + 68, true),
  };
}

export function decodeResultPush(view: DataView, at: number) {
  if (!(at >= 0 && at + 64 <= view.byteLength)) refuse('RESULT_PUSH');
  if (view.getUint16(at + 10, true) !== 0 || view.getUint16(at + 18, true) !== 0) refuse('RESULT_PUSH');
  if ((view.getUint32(at + 28, true) | view.getUint32(at + 32, true)) !== 0) refuse('RESULT_PUSH');
  if ((view.getUint32(at + 36, true) | view.getUint32(at + 40, true)) !== 0) refuse('RESULT_PUSH');
  if (view.getUint16(at + 46, true) !== 0 || view.getUint16(at + 62, true) !== 0) refuse('RESULT_PUSH');
  const resultFlags = view.getUint16(at + 2, true);
  if ((resultFlags & ~0x07) !== 0) refuse('RESULT_PUSH');
  const appliedBudgetPolicy = view.getUint8(at + 45);
  if ((appliedBudgetPolicy & ~0x0f) !== 0) refuse('RESULT_PUSH');
  const payloadKindBitmap = view.getUint32(at + 56, true);
  if ((payloadKindBitmap & ~0x7f) !== 0) refuse('RESULT_PUSH');
  const resultClass = view.getUint8(at + 44);
  if (resultClass > 3) refuse('RESULT_PUSH');
  const sectionCount = view.getUint16(at + 4, true);
  const tileCount = view.getUint16(at + 6, true);
  const tileBaseId = view.getUint32(at + 20, true);
  const tileIndexBytes = view.getUint32(at + 24, true);
  const coveredTileCount = view.getUint16(at + 52, true);
  const droppedTileCount = view.getUint16(at + 54, true);
  const tensor = sectionCount | tileCount | tileBaseId | tileIndexBytes | coveredTileCount | droppedTileCount;
  if ((payloadKindBitmap & 1) === 0 && tensor !== 0) refuse('RESULT_PUSH');
  return {
    statusCode: view.getUint16(at, true),
    resultFlags,
    sectionCount,
    tileCount,
    activeProfileId: view.getUint16(at + 8, true),
    inferenceMs: view.getUint16(at + 12, true),
    queueMs: view.getUint16(at + 14, true),
    serverTotalMs: view.getUint16(at + 16, true),
    tileBaseId,
    tileIndexBytes,
    resultClass,
    appliedBudgetPolicy,
    reusedFrameId: view.getUint32(at + 48, true),
    coveredTileCount,
    droppedTileCount,
    payloadKindBitmap,
    payloadFrameCount: view.getUint16(at + 60, true),
  };
}
