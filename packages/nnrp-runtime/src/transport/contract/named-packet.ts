import type { OutboundPacket } from './contract.js';

/** A packet that says of itself what it is. */
export interface NamedPacket extends OutboundPacket {
  readonly bodyLength: number;
  readonly messageType: number;
  /** 0 = the connection itself. */
  readonly sessionId: number;
  readonly frameId: number;
}
