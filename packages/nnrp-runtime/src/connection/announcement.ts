import { DEFAULT_MAX_PACKET_BYTES } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

/**
 * Tells the other side what this one understands beyond what every preview3 peer does, and how large a packet it takes
 * unless that is the default; others skip the entries.
 */
export function announcement(maxPacketBytes: number): preview3.ControlExtension[] {
  const messages = { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() };
  if (maxPacketBytes === DEFAULT_MAX_PACKET_BYTES) return [messages];
  const payload = preview3.encodePacketLimit(Math.min(maxPacketBytes, 0xffffffff));
  return [messages, { type: preview3.PACKET_LIMIT_EXTENSION, critical: false, payload }];
}

/** No document says what the block of an open or its acknowledgement holds: one that is no list of entries says nothing. */
export function extensionsOf(block: Uint8Array): readonly preview3.ControlExtension[] {
  return preview3.checkControlExtensions(block) === undefined ? preview3.decodeControlExtensions(block) : [];
}

/** Whether an entry is part of the announcement. */
export function isAnnouncement({ type }: preview3.ControlExtension): boolean {
  return type === preview3.PEER_MESSAGES_EXTENSION || type === preview3.PACKET_LIMIT_EXTENSION;
}

/**
 * What the other side says it understands, bits of PeerMessages.
 * @returns undefined when it does not say
 */
export function announcedFamilies(extensions: readonly preview3.ControlExtension[]): number | undefined {
  for (const { type, payload } of extensions) {
    const families = type === preview3.PEER_MESSAGES_EXTENSION ? preview3.decodePeerMessages(payload) : undefined;
    if (families !== undefined) return families;
  }
  return undefined;
}

/**
 * The largest packet that the other side takes, in bytes.
 * @returns undefined when it has not announced itself
 */
export function announcedPacketBytes(extensions: readonly preview3.ControlExtension[]): number | undefined {
  if (announcedFamilies(extensions) === undefined) return undefined;
  for (const { type, payload } of extensions) {
    const bytes = type === preview3.PACKET_LIMIT_EXTENSION ? preview3.decodePacketLimit(payload) : undefined;
    if (bytes !== undefined) return bytes;
  }
  return DEFAULT_MAX_PACKET_BYTES;
}
