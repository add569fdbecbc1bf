import * as preview3 from 'nnrp-core/preview3';
import { BackpressureLevel, FlowFlags, MessageType, UpdateReason } from 'nnrp-core/preview3';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { ownPacket, readable } from './kept-packet.js';

/**
 * What the client has said about its whole connection and still means: the next connection knows nothing of it. Of all
 * updates four count at most: the newest, the newest with a credit, and a pause or hard backpressure that was not released.
 */
export class KeptFlow {
  private updates: preview3.FlowUpdate[] = [];

  /** FLOW_UPDATE of connection scope. */
  add(packet: LoggedPacket): void {
    const { view, metadataStart } = readable(packet);
    const update = preview3.decodeFlowUpdate(view, metadataStart);
    const isRelease = update.updateReason === UpdateReason.Grant || update.updateReason === UpdateReason.Resume;
    const hasCredit = (update.flowFlags & FlowFlags.CreditValid) !== 0;
    const stillSaid = this.updates.filter(
      ({ updateReason, backpressureLevel, flowFlags }) =>
        (!isRelease && (updateReason === UpdateReason.Pause || backpressureLevel === BackpressureLevel.Hard)) ||
        (!hasCredit && (flowFlags & FlowFlags.CreditValid) !== 0),
    );
    this.updates = [
      ...stillSaid.filter((kept, at) => !stillSaid.slice(at + 1).some((later) => saysTheSame(kept, later))),
      update,
    ];
  }

  /** The same once more, for a connection of which nothing was said: epochs count from 1. */
  packets(): LoggedPacket[] {
    return this.updates.map((update, at) => {
      const metadata = new Uint8Array(preview3.FLOW_UPDATE_BYTES);
      preview3.encodeFlowUpdate({ ...update, creditEpoch: at + 1 }, new DataView(metadata.buffer), 0);
      return ownPacket(MessageType.FlowUpdate, 0, metadata);
    });
  }
}

/** Whether the later one says all that the earlier one is kept for. */
function saysTheSame(earlier: preview3.FlowUpdate, later: preview3.FlowUpdate): boolean {
  const pauses = (update: preview3.FlowUpdate) => update.updateReason === UpdateReason.Pause;
  const isHard = (update: preview3.FlowUpdate) => update.backpressureLevel === BackpressureLevel.Hard;
  const hasCredit = (update: preview3.FlowUpdate) => (update.flowFlags & FlowFlags.CreditValid) !== 0;
  return [pauses, isHard, hasCredit].every((says) => !says(earlier) || says(later));
}
