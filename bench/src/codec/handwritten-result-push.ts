import type * as preview3 from 'nnrp-core/preview3';
import { refuse } from './handwritten-refuse.js';

const WHERE = 'RESULT_PUSH';

/* RESULT_PUSH as a careful person writes it by hand: one pass, every check that the generated code has, nothing else. */

export function check(view: DataView, at: number): number {
  if (!(at >= 0 && at + 64 <= view.byteLength)) return 0;
  if (view.getUint16(at + 10, true) !== 0) return 1;
  if (view.getUint16(at + 18, true) !== 0) return 2;
  if ((view.getUint32(at + 28, true) | view.getUint32(at + 32, true)) !== 0) return 3;
  if ((view.getUint32(at + 36, true) | view.getUint32(at + 40, true)) !== 0) return 4;
  if (view.getUint16(at + 46, true) !== 0) return 5;
  if (view.getUint16(at + 62, true) !== 0) return 6;
  if ((view.getUint16(at + 2, true) & ~0x07) !== 0) return 7;
  if ((view.getUint8(at + 45) & ~0x0f) !== 0) return 8;
  const payloadKindBitmap = view.getUint32(at + 56, true);
  if ((payloadKindBitmap & ~0x7f) !== 0) return 9;
  if (view.getUint8(at + 44) > 3) return 10;
  if ((payloadKindBitmap & 1) !== 0) return -1;
  // Without a tensor its fields are zero; two of 16 bits stand side by side, twice.
  const counts = view.getUint32(at + 4, true) | view.getUint32(at + 52, true);
  return (counts | view.getUint32(at + 20, true) | view.getUint32(at + 24, true)) !== 0 ? 11 : -1;
}

export function decode(view: DataView, at: number) {
  if (!(at >= 0 && at + 64 <= view.byteLength)) refuse(WHERE);
  if (view.getUint16(at + 10, true) !== 0 || view.getUint16(at + 18, true) !== 0) refuse(WHERE);
  if ((view.getUint32(at + 28, true) | view.getUint32(at + 32, true)) !== 0) refuse(WHERE);
  if ((view.getUint32(at + 36, true) | view.getUint32(at + 40, true)) !== 0) refuse(WHERE);
  if (view.getUint16(at + 46, true) !== 0 || view.getUint16(at + 62, true) !== 0) refuse(WHERE);
  const resultFlags = view.getUint16(at + 2, true);
  if ((resultFlags & ~0x07) !== 0) refuse(WHERE);
  const appliedBudgetPolicy = view.getUint8(at + 45);
  if ((appliedBudgetPolicy & ~0x0f) !== 0) refuse(WHERE);
  const payloadKindBitmap = view.getUint32(at + 56, true);
  if ((payloadKindBitmap & ~0x7f) !== 0) refuse(WHERE);
  const resultClass = view.getUint8(at + 44);
  if (resultClass > 3) refuse(WHERE);
  const sectionCount = view.getUint16(at + 4, true);
  const tileCount = view.getUint16(at + 6, true);
  const tileBaseId = view.getUint32(at + 20, true);
  const tileIndexBytes = view.getUint32(at + 24, true);
  const coveredTileCount = view.getUint16(at + 52, true);
  const droppedTileCount = view.getUint16(at + 54, true);
  const tensor = sectionCount | tileCount | tileBaseId | tileIndexBytes | coveredTileCount | droppedTileCount;
  if ((payloadKindBitmap & 1) === 0 && tensor !== 0) refuse(WHERE);
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

export function encode(value: preview3.ResultPush, view: DataView, at: number): number {
  if (!(at >= 0 && at + 64 <= view.byteLength)) refuse(WHERE);
  const { statusCode, resultFlags, sectionCount, tileCount, activeProfileId } = value;
  const { inferenceMs, queueMs, serverTotalMs, tileBaseId, tileIndexBytes } = value;
  const { resultClass, appliedBudgetPolicy, reusedFrameId, coveredTileCount, droppedTileCount } = value;
  const { payloadKindBitmap, payloadFrameCount } = value;
  if ((statusCode & 0xffff) !== statusCode) refuse(WHERE);
  if ((resultFlags & 0x07) !== resultFlags) refuse(WHERE);
  if ((sectionCount & 0xffff) !== sectionCount || (tileCount & 0xffff) !== tileCount) refuse(WHERE);
  if ((activeProfileId & 0xffff) !== activeProfileId) refuse(WHERE);
  if ((inferenceMs & 0xffff) !== inferenceMs || (queueMs & 0xffff) !== queueMs) refuse(WHERE);
  if ((serverTotalMs & 0xffff) !== serverTotalMs) refuse(WHERE);
  if (tileBaseId >>> 0 !== tileBaseId || tileIndexBytes >>> 0 !== tileIndexBytes) refuse(WHERE);
  if ((resultClass & 3) !== resultClass) refuse(WHERE);
  if ((appliedBudgetPolicy & 0x0f) !== appliedBudgetPolicy) refuse(WHERE);
  if (reusedFrameId >>> 0 !== reusedFrameId) refuse(WHERE);
  if ((coveredTileCount & 0xffff) !== coveredTileCount) refuse(WHERE);
  if ((droppedTileCount & 0xffff) !== droppedTileCount) refuse(WHERE);
  if ((payloadKindBitmap & 0x7f) !== payloadKindBitmap) refuse(WHERE);
  if ((payloadFrameCount & 0xffff) !== payloadFrameCount) refuse(WHERE);
  const tensor = sectionCount | tileCount | tileBaseId | tileIndexBytes | coveredTileCount | droppedTileCount;
  if ((payloadKindBitmap & 1) === 0 && tensor !== 0) refuse(WHERE);
  view.setUint16(at, statusCode, true);
  view.setUint16(at + 2, resultFlags, true);
  view.setUint16(at + 4, sectionCount, true);
  view.setUint16(at + 6, tileCount, true);
  view.setUint16(at + 8, activeProfileId, true);
  view.setUint16(at + 10, 0, true);
  view.setUint16(at + 12, inferenceMs, true);
  view.setUint16(at + 14, queueMs, true);
  view.setUint16(at + 16, serverTotalMs, true);
  view.setUint16(at + 18, 0, true);
  view.setUint32(at + 20, tileBaseId, true);
  view.setUint32(at + 24, tileIndexBytes, true);
  view.setUint32(at + 28, 0, true);
  view.setUint32(at + 32, 0, true);
  view.setUint32(at + 36, 0, true);
  view.setUint32(at + 40, 0, true);
  view.setUint8(at + 44, resultClass);
  view.setUint8(at + 45, appliedBudgetPolicy);
  view.setUint16(at + 46, 0, true);
  view.setUint32(at + 48, reusedFrameId, true);
  view.setUint16(at + 52, coveredTileCount, true);
  view.setUint16(at + 54, droppedTileCount, true);
  view.setUint32(at + 56, payloadKindBitmap, true);
  view.setUint16(at + 60, payloadFrameCount, true);
  view.setUint16(at + 62, 0, true);
  return at + 64;
}

/** status_code, result_class and payload_frame_count. */
export function read3(view: DataView, at: number): number {
  if (!(at >= 0 && at + 64 <= view.byteLength)) refuse(WHERE);
  return view.getUint16(at, true) + view.getUint8(at + 44) + view.getUint16(at + 60, true);
}
