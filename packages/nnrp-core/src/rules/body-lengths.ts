import type { MessageInfo } from '../bytes/message-info.js';
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
  for (const { offset } of bodyLengths) declared += view.getUint32(metadataStart + offset, true);
  const field = bodyLengths[bodyLengths.length - 1]?.field ?? '';
  return declared === actual ? undefined : { kind: 'declared_length_mismatch', field, declared, actual };
}
