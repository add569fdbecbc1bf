import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

const LEVEL = preview3.FLOW_UPDATE_OFFSETS.backpressureLevel;

/**
 * FLOW_UPDATE of either revision, whose rules were checked. Preview4 has one level more, paused, which the codec of preview3
 * refuses: it is said as a pause.
 */
export function readFlowUpdate({ view, metadataStart }: Packet): preview3.FlowUpdate {
  const { Hard } = preview3.BackpressureLevel;
  if (view.getUint8(metadataStart + LEVEL) <= Hard) return preview3.decodeFlowUpdate(view, metadataStart);
  const copy = new Uint8Array(preview3.FLOW_UPDATE_BYTES);
  copy.set(new Uint8Array(view.buffer, view.byteOffset + metadataStart, copy.length));
  copy[LEVEL] = Hard;
  const update = preview3.decodeFlowUpdate(new DataView(copy.buffer), 0);
  return { ...update, updateReason: preview3.UpdateReason.Pause };
}
