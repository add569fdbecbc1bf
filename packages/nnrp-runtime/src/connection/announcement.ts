import { preview3 } from 'nnrp-core';

/** Tells the other side what this one understands beyond what every preview3 peer does; others skip the entry. */
export function announcement(): preview3.ControlExtension {
  return { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() };
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
