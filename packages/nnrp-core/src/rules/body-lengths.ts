import type { BodyLengthField, MessageInfo } from '../bytes/message-info.js';
import type { WireFault } from '../faults/fault.js';

/**
 * The lengths that metadata announces, against the body that came with it.
 *
 * @param actual - length of the body in bytes
 * @see NNRP/1-preview4 section 4
 */
export function checkBodyLengths(
  { bodyLengths }: MessageInfo,
  view: DataView,
  metadataStart: number,
  actual: number,
): WireFault | undefined {
  if (bodyLengths === undefined) return undefined;
  let declared = 0;
  let field = '';
  // Without an iterator: every packet comes by here.
  for (let index = 0; index < bodyLengths.length; index++) {
    const length = bodyLengths[index] as BodyLengthField;
    declared += view.getUint32(metadataStart + length.offset, true);
    field = length.field;
  }
  return declared === actual ? undefined : { kind: 'declared_length_mismatch', field, declared, actual };
}
