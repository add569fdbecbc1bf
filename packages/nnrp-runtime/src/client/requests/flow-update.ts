import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

/** FLOW_UPDATE. The level paused, which preview4 has, is said as a pause. */
export function readFlowUpdate({ view, metadataStart }: Packet): preview3.FlowUpdate {
  const update = preview3.decodeFlowUpdate(view, metadataStart);
  const { Hard } = preview3.BackpressureLevel;
  if (update.backpressureLevel <= Hard) return update;
  return { ...update, backpressureLevel: Hard, updateReason: preview3.UpdateReason.Pause };
}
