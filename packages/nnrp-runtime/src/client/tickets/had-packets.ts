import type { MessageInfo, NnrpError, Packet, UsageError, WireFault } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { isResult } from '../../connection/body/result-kind.js';
import { RESULT_DROP_REASON_TYPE } from '../../connection/codes/preview4-codes.js';
import type { SessionEndpoint } from '../../connection/session-endpoint.js';
import type { PacketsSentAgain } from '../recovery/resumable-session.js';
import type { TicketFrame } from './ticket.js';

/**
 * Stands in front of a session that was resumed by a ticket as long as packets come that the client before had received: the
 * server sends them for the sake of some results among them that were not read. Those alone pass.
 */
export class HadPackets implements SessionEndpoint, PacketsSentAgain {
  private readonly unread = new Map<number, TicketFrame>();

  /**
   * @param place - how many packets have come, this one included
   * @param upTo - how many the client before had received
   * @param through - called behind the last of them: packets can go straight to the session
   */
  constructor(
    private readonly session: SessionEndpoint,
    frames: readonly TicketFrame[],
    private readonly place: { readonly received: number },
    readonly upTo: number,
    private readonly through: () => void,
  ) {
    for (const frame of frames) if (frame.unreadFrom > 0) this.unread.set(frame.frameId, frame);
  }

  get lane() {
    return this.session.lane;
  }

  receive(packet: Packet, info: MessageInfo): void {
    if (this.isWanted(packet)) this.session.receive(packet, info);
  }

  violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    if (this.isWanted(packet)) this.session.violated(packet, info, fault);
  }

  unsent(head: Packet, error: UsageError): void {
    this.session.unsent(head, error);
  }

  disconnected(error: NnrpError): void {
    this.session.disconnected(error);
  }

  unreadFrom(frameId: number): number {
    const frame = this.unread.get(frameId);
    return frame === undefined ? 0 : Math.max(frame.unreadFrom, this.place.received + 1);
  }

  isOver(frameId: number): boolean {
    return this.unread.get(frameId)?.isOver === true;
  }

  private isWanted(packet: Packet): boolean {
    const { received } = this.place;
    if (received >= this.upTo) this.through();
    if (received > this.upTo) return true;
    const frame = this.unread.get(frameOf(packet));
    return frame !== undefined && frame.unreadFrom <= received;
  }
}

/** The frame that a packet answers; 0 when it answers none. */
function frameOf(packet: Packet): number {
  const { messageType, frameId } = packet;
  if (isResult(messageType) || messageType === MessageType.ResultDrop || messageType === RESULT_DROP_REASON_TYPE)
    return frameId;
  if (messageType !== MessageType.Error || packet.metadataLength < preview3.ERROR_MESSAGE_BYTES) return 0;
  const { errorScope, relatedFrameId } = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
  return errorScope === preview3.ErrorScope.Frame ? relatedFrameId || frameId : 0;
}
