import type * as preview3 from 'nnrp-core/preview3';
import { refuse } from './handwritten-refuse.js';

const WHERE = 'FRAME_SUBMIT';

/* FRAME_SUBMIT as a careful person writes it by hand: one pass, every check that the generated code has, nothing else. */

export function check(view: DataView, at: number): number {
  if (!(at >= 0 && at + 72 <= view.byteLength)) return 0;
  if (view.getUint8(at + 15) !== 0) return 1;
  if ((view.getUint32(at + 32, true) | view.getUint32(at + 36, true)) !== 0) return 2;
  if ((view.getUint32(at + 40, true) | view.getUint32(at + 44, true)) !== 0) return 3;
  if (view.getUint32(at + 48, true) !== 0) return 4;
  if (view.getUint8(at + 55) !== 0) return 5;
  if (view.getUint16(at + 70, true) !== 0) return 6;
  if ((view.getUint8(at + 53) & ~0x0f) !== 0) return 7;
  const payloadKindBitmap = view.getUint32(at + 64, true);
  if ((payloadKindBitmap & ~0x7f) !== 0) return 8;
  const inputProfile = view.getUint8(at + 13);
  if (inputProfile > 2) return 9;
  if (view.getUint8(at + 14) > 3) return 10;
  if (view.getUint8(at + 52) > 2) return 11;
  if ((payloadKindBitmap & 1) !== 0) return -1;
  // Without a tensor its fields are zero: 12 bytes of 16-bit fields, two of 32 bits and input_profile.
  const sizes = view.getUint32(at, true) | view.getUint32(at + 4, true) | view.getUint32(at + 8, true);
  const tensor = sizes | view.getUint32(at + 24, true) | view.getUint32(at + 28, true) | inputProfile;
  return tensor !== 0 ? 12 : -1;
}

export function decode(view: DataView, at: number) {
  if (!(at >= 0 && at + 72 <= view.byteLength)) refuse(WHERE);
  if (view.getUint8(at + 15) !== 0) refuse(WHERE);
  const tileIndexBytes = view.getUint32(at + 36, true);
  if (view.getUint32(at + 32, true) !== 0 || tileIndexBytes !== 0) refuse(WHERE);
  if ((view.getUint32(at + 40, true) | view.getUint32(at + 44, true)) !== 0) refuse(WHERE);
  if (view.getUint32(at + 48, true) !== 0) refuse(WHERE);
  if (view.getUint8(at + 55) !== 0) refuse(WHERE);
  if (view.getUint16(at + 70, true) !== 0) refuse(WHERE);
  const budgetPolicy = view.getUint8(at + 53);
  if ((budgetPolicy & ~0x0f) !== 0) refuse(WHERE);
  const payloadKindBitmap = view.getUint32(at + 64, true);
  if ((payloadKindBitmap & ~0x7f) !== 0) refuse(WHERE);
  const inputProfile = view.getUint8(at + 13);
  if (inputProfile > 2) refuse(WHERE);
  const tileIndexMode = view.getUint8(at + 14);
  if (tileIndexMode > 3) refuse(WHERE);
  const submitMode = view.getUint8(at + 52);
  if (submitMode > 2) refuse(WHERE);
  const srcWidth = view.getUint16(at, true);
  const srcHeight = view.getUint16(at + 2, true);
  const tileWidth = view.getUint16(at + 4, true);
  const tileHeight = view.getUint16(at + 6, true);
  const tileCount = view.getUint16(at + 8, true);
  const sectionCount = view.getUint16(at + 10, true);
  const tileBaseId = view.getUint32(at + 24, true);
  const cameraBytes = view.getUint32(at + 28, true);
  const tensor = srcWidth | srcHeight | tileWidth | tileHeight | tileCount | sectionCount | tileBaseId | cameraBytes;
  if ((payloadKindBitmap & 1) === 0 && (tensor | inputProfile) !== 0) refuse(WHERE);
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

export function encode(value: preview3.FrameSubmit, view: DataView, at: number): number {
  if (!(at >= 0 && at + 72 <= view.byteLength)) refuse(WHERE);
  const { srcWidth, srcHeight, tileWidth, tileHeight, tileCount, sectionCount } = value;
  const { frameClass, inputProfile, tileIndexMode, latencyBudgetMs, targetFpsX100, retryOfFrame } = value;
  const { tileBaseId, cameraBytes, submitMode, budgetPolicy, lossTolerancePolicy } = value;
  const { objectRefMask, dependencyFrameId, payloadKindBitmap, payloadFrameCount } = value;
  if ((srcWidth & 0xffff) !== srcWidth || (srcHeight & 0xffff) !== srcHeight) refuse(WHERE);
  if ((tileWidth & 0xffff) !== tileWidth || (tileHeight & 0xffff) !== tileHeight) refuse(WHERE);
  if ((tileCount & 0xffff) !== tileCount || (sectionCount & 0xffff) !== sectionCount) refuse(WHERE);
  if ((frameClass & 0xff) !== frameClass) refuse(WHERE);
  if (inputProfile >>> 0 !== inputProfile || inputProfile > 2) refuse(WHERE);
  if ((tileIndexMode & 3) !== tileIndexMode) refuse(WHERE);
  if ((latencyBudgetMs & 0xffff) !== latencyBudgetMs) refuse(WHERE);
  if ((targetFpsX100 & 0xffff) !== targetFpsX100) refuse(WHERE);
  if (retryOfFrame >>> 0 !== retryOfFrame) refuse(WHERE);
  if (tileBaseId >>> 0 !== tileBaseId || cameraBytes >>> 0 !== cameraBytes) refuse(WHERE);
  if (value.tileIndexBytes !== 0) refuse(WHERE);
  if (submitMode >>> 0 !== submitMode || submitMode > 2) refuse(WHERE);
  if ((budgetPolicy & 0x0f) !== budgetPolicy) refuse(WHERE);
  if ((lossTolerancePolicy & 0xff) !== lossTolerancePolicy) refuse(WHERE);
  if (objectRefMask >>> 0 !== objectRefMask) refuse(WHERE);
  if (dependencyFrameId >>> 0 !== dependencyFrameId) refuse(WHERE);
  if ((payloadKindBitmap & 0x7f) !== payloadKindBitmap) refuse(WHERE);
  if ((payloadFrameCount & 0xffff) !== payloadFrameCount) refuse(WHERE);
  const tensor = srcWidth | srcHeight | tileWidth | tileHeight | tileCount | sectionCount | tileBaseId | cameraBytes;
  if ((payloadKindBitmap & 1) === 0 && (tensor | inputProfile) !== 0) refuse(WHERE);
  view.setUint16(at, srcWidth, true);
  view.setUint16(at + 2, srcHeight, true);
  view.setUint16(at + 4, tileWidth, true);
  view.setUint16(at + 6, tileHeight, true);
  view.setUint16(at + 8, tileCount, true);
  view.setUint16(at + 10, sectionCount, true);
  view.setUint8(at + 12, frameClass);
  view.setUint8(at + 13, inputProfile);
  view.setUint8(at + 14, tileIndexMode);
  view.setUint8(at + 15, 0);
  view.setUint16(at + 16, latencyBudgetMs, true);
  view.setUint16(at + 18, targetFpsX100, true);
  view.setUint32(at + 20, retryOfFrame, true);
  view.setUint32(at + 24, tileBaseId, true);
  view.setUint32(at + 28, cameraBytes, true);
  view.setUint32(at + 32, 0, true);
  view.setUint32(at + 36, 0, true);
  view.setUint32(at + 40, 0, true);
  view.setUint32(at + 44, 0, true);
  view.setUint32(at + 48, 0, true);
  view.setUint8(at + 52, submitMode);
  view.setUint8(at + 53, budgetPolicy);
  view.setUint8(at + 54, lossTolerancePolicy);
  view.setUint8(at + 55, 0);
  view.setUint32(at + 56, objectRefMask, true);
  view.setUint32(at + 60, dependencyFrameId, true);
  view.setUint32(at + 64, payloadKindBitmap, true);
  view.setUint16(at + 68, payloadFrameCount, true);
  view.setUint16(at + 70, 0, true);
  return at + 72;
}

/** latency_budget_ms, payload_kind_bitmap and payload_frame_count. */
export function read3(view: DataView, at: number): number {
  if (!(at >= 0 && at + 72 <= view.byteLength)) refuse(WHERE);
  return view.getUint16(at + 16, true) + view.getUint32(at + 64, true) + view.getUint16(at + 68, true);
}
