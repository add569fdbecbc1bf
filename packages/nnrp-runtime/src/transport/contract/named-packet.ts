import type { OutboundPacket } from './contract.js';

/** A packet that says which message it is. */
export interface NamedPacket extends OutboundPacket {
  readonly messageType: number;
}
