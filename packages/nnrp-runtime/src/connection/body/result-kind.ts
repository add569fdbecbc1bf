import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { PARTIAL_RESULT_TYPE, RESULT_PUSH_TYPE } from '../codes/preview4-codes.js';

const AT = preview3.RESULT_PUSH_OFFSETS;

/** Whether a result is followed by more for its frame: by its class, or by its flag. */
export function isPartial(resultClass: number, resultFlags: number): boolean {
  return resultClass === preview3.ResultClass.Partial || (resultFlags & preview3.ResultFlags.Partial) !== 0;
}

/** RESULT_PUSH, or PARTIAL_RESULT of preview4. */
export function isResult(messageType: number): boolean {
  return messageType === RESULT_PUSH_TYPE || messageType === PARTIAL_RESULT_TYPE;
}

/**
 * @param result - RESULT_PUSH, or PARTIAL_RESULT of preview4
 * @param isPreview4 - where RESULT_PUSH ends its operation, also when it lacks tiles and says so
 */
export function isPartialResult({ messageType, view, metadataStart }: Packet, isPreview4: boolean): boolean {
  if (isPreview4 || messageType === PARTIAL_RESULT_TYPE) return messageType === PARTIAL_RESULT_TYPE;
  return isPartial(view.getUint8(metadataStart + AT.resultClass), view.getUint16(metadataStart + AT.resultFlags, true));
}
