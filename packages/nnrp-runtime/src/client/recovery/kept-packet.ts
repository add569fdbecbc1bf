import { buildPacket, Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { concatBytes } from '../../base/bytes.js';
import { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { COPY_LIMIT } from '../../transport/stream/lent-packet.js';

const NOTHING = new Uint8Array(0);

/** A packet of this layer's own. */
export function ownPacket(
  messageType: preview3.MessageType,
  sessionId = 0,
  metadata: Uint8Array = NOTHING,
  body: Uint8Array = NOTHING,
): LoggedPacket {
  const bytes = concatBytes(buildPacket({ messageType, sessionId, frameId: 0 }, metadata, body));
  return new LoggedPacket(bytes, preview3.COMMON_HEADER_BYTES + metadata.length);
}

/** What is kept, to be read: a long body is left out. */
export function readable(kept: LoggedPacket): Packet {
  const bytes = new Uint8Array(kept.headBytes + (kept.body.length <= COPY_LIMIT ? kept.body.length : 0));
  bytes.set(kept.head);
  if (bytes.length > kept.headBytes) bytes.set(kept.body, kept.headBytes);
  const metadataLength = kept.headBytes - preview3.COMMON_HEADER_BYTES;
  return new Packet(bytes, new DataView(bytes.buffer), 0, metadataLength, kept.bodyLength);
}
