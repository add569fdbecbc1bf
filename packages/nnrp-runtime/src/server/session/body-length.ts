import { type MessageInfo, type Packet, ProtocolError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

/** A message declares a length that its body does not have. */
export function bodyLengthError(packet: Packet, info: MessageInfo, announced: number): ProtocolError {
  const text = `${info.name} announces ${announced} body bytes, got ${packet.bodyLength}`;
  return new ProtocolError(text, preview3.ErrorCode.MalformedBody);
}
