import { otherProtocol, shownStart } from 'nnrp-core';
import { parseHex } from '../json/hex.js';

const MAGIC = new TextEncoder().encode('NNRP');

/**
 * What to say of bytes that do not begin like a packet, behind the error that they give.
 * @param hex - that could be read
 * @returns the empty string for those that do
 */
export function foreignBytesHint(hex: string): string {
  const bytes = parseHex(hex);
  if (bytes.length === 0 || MAGIC.every((byte, index) => index >= bytes.length || bytes[index] === byte)) return '';
  const protocol = otherProtocol(bytes);
  const known = protocol === undefined ? '' : `, which is ${protocol}`;
  return `; a packet begins with NNRP (4e4e5250), and these bytes with ${shownStart(bytes)}${known}`;
}
