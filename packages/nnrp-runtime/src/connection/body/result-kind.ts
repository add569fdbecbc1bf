import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

const AT = preview3.RESULT_PUSH_OFFSETS;

/** Whether a result is followed by more for its frame: by its class, or by its flag. */
export function isPartial(resultClass: number, resultFlags: number): boolean {
  return resultClass === preview3.ResultClass.Partial || (resultFlags & preview3.ResultFlags.Partial) !== 0;
}

/** @param result - RESULT_PUSH */
export function isPartialResult({ view, metadataStart }: Packet): boolean {
  return isPartial(view.getUint8(metadataStart + AT.resultClass), view.getUint16(metadataStart + AT.resultFlags, true));
}
