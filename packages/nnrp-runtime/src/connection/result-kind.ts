import { preview3 } from 'nnrp-core';

/** Whether a result is followed by more for its frame: by its class, or by its flag. */
export function isPartial(resultClass: number, resultFlags: number): boolean {
  return resultClass === preview3.ResultClass.Partial || (resultFlags & preview3.ResultFlags.Partial) !== 0;
}
