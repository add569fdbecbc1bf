import { IdSet, type Packet, preview3 } from 'nnrp-core';

const { CloseStatus, MessageType } = preview3;
/** Closes remembered until the client confirms them; a client that never does costs no more than this. */
const MAX_REMEMBERED = 1024;

/** Sessions that this side has closed without a confirmation yet: what still comes for them has crossed the close. */
export class UnconfirmedCloses {
  /** Made with the first close. */
  private sessionIds: IdSet | undefined;

  add(sessionId: number): void {
    this.sessionIds ??= new IdSet();
    this.sessionIds.add(sessionId);
    if (this.sessionIds.size <= MAX_REMEMBERED) return;
    const { oldest } = this.sessionIds;
    if (oldest !== undefined) this.sessionIds.delete(oldest);
  }

  /** The id belongs to a new session. */
  forget(sessionId: number): void {
    this.sessionIds?.delete(sessionId);
  }

  /** Whether the packet belongs to one of them; the client's final answer settles it. */
  crossed(packet: Packet): boolean {
    if (this.sessionIds === undefined || !this.sessionIds.has(packet.sessionId)) return false;
    if (packet.messageType === MessageType.SessionCloseAck && isFinal(packet)) this.sessionIds.delete(packet.sessionId);
    return true;
  }
}

/** What comes for a session that is over may break any rule. */
function isFinal({ view, metadataStart, metadataLength }: Packet): boolean {
  if (metadataLength < preview3.SESSION_CLOSE_ACK_BYTES) return false;
  if (preview3.checkSessionCloseAck(view, metadataStart) >= 0) return false;
  return preview3.decodeSessionCloseAck(view, metadataStart).closeStatus === CloseStatus.Closed;
}
