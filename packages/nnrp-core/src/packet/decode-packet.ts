import { faultAt, type WireFault } from '../faults/fault.js';
import { WireError } from '../faults/wire-error.js';
import { COMMON_HEADER_OFFSETS as AT, COMMON_HEADER_BYTES } from '../generated/preview3/common-header.js';
import { PREVIEW3 } from '../revisions/preview3.js';
import type { Revision } from '../revisions/revision.js';
import { Packet } from './packet.js';
import { checkPacket } from './packet-rules.js';

/**
 * Decodes bytes that hold exactly one packet and checks every rule of {@link checkPacket}. Identifiers are not checked
 * (see checkHeaderIds).
 *
 * @param bytes - not copied; the packet reads them in place
 * @throws WireError on the first fault
 * @see NNRP/1-preview3 section 3
 */
export function decodePacket(bytes: Uint8Array, revision: Revision = PREVIEW3): Packet {
  return decodePacketOf(bytes, revision);
}

/** {@link decodePacket} without a default, for programs that do not carry preview3. */
export function decodePacketOf(bytes: Uint8Array, revision: Revision): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const broken = revision.checkHeader(view, 0);
  if (broken >= 0) throw new WireError(faultAt(revision.headerRules, broken, view, 0), 'HEADER');
  const metadataLength = view.getUint32(AT.metaLen, true);
  const bodyLength = view.getUint32(AT.bodyLen, true);
  const packet = new Packet(bytes, view, 0, metadataLength, bodyLength);
  const info = revision.messageInfo(packet.messageType);
  const fault = checkLength(packet, bytes.byteLength) ?? (info && checkPacket(packet, info, revision));
  if (fault !== undefined) throw new WireError(fault, info?.name ?? 'HEADER');
  return packet;
}

function checkLength(packet: Packet, actual: number): WireFault | undefined {
  if (packet.metadataLength + packet.bodyLength > 0xffffffff) return { kind: 'message_length_overflow' };
  const declared = COMMON_HEADER_BYTES + packet.metadataLength + packet.bodyLength;
  return declared === actual ? undefined : { kind: 'packet_length_mismatch', declared, actual };
}
