import { buildPacket, Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { trueLength } from '../../base/bytes.js';
import { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import type { OutboundPacket } from '../../transport/contract/contract.js';
import { COPY_LIMIT, copyIntact, intact, lent } from '../../transport/stream/lent-packet.js';

const NOTHING = new Uint8Array(0);

/**
 * A packet that cannot be sent now, in memory of its own; a long body is lent as a transport would have it.
 * @throws what `writeHead` throws, and UsageError when the body has grown meanwhile
 */
export function keptPacket(packet: OutboundPacket): LoggedPacket {
  const { headBytes, body } = packet;
  const length = packet.bodyLength ?? trueLength(body);
  const copied = length <= COPY_LIMIT ? length : 0;
  const bytes = new Uint8Array(headBytes + copied);
  packet.writeHead(new DataView(bytes.buffer), 0, bytes);
  copyIntact(body, copied, bytes, headBytes);
  const long = copied === length ? undefined : intact(lent(body), length);
  return new LoggedPacket(bytes, headBytes, length, long);
}

/** A packet of this layer's own. */
export function ownPacket(
  messageType: preview3.MessageType,
  sessionId = 0,
  metadata: Uint8Array = NOTHING,
  body: Uint8Array = NOTHING,
): LoggedPacket {
  const bytes = new Uint8Array(Buffer.concat(buildPacket({ messageType, sessionId, frameId: 0 }, metadata, body)));
  return new LoggedPacket(bytes, preview3.COMMON_HEADER_BYTES + metadata.length, body.length, undefined);
}

/** What is kept, to be read: a long body is left out. */
export function readable(kept: LoggedPacket): Packet {
  const bytes = new Uint8Array(kept.headBytes + (kept.body.length <= COPY_LIMIT ? kept.body.length : 0));
  bytes.set(kept.head);
  if (bytes.length > kept.headBytes) bytes.set(kept.body, kept.headBytes);
  const metadataLength = kept.headBytes - preview3.COMMON_HEADER_BYTES;
  return new Packet(bytes, new DataView(bytes.buffer), 0, metadataLength, kept.bodyLength);
}

/** The session that it names, 0 = the connection. */
export function sessionIdOf({ head }: LoggedPacket): number {
  return new DataView(head.buffer, head.byteOffset).getUint32(preview3.COMMON_HEADER_OFFSETS.sessionId, true);
}
