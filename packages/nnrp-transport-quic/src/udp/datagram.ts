/** Bytes of every connection id that this end gives out. */
export const ID_BYTES = 16;
/** QUIC version 1. @see RFC 9000 section 15 */
export const VERSION_1 = 1;
/** The least bytes of a datagram that begins a connection. @see RFC 9000 section 14.1 */
export const MIN_INITIAL_BYTES = 1200;

/** A short header with an id of ours and the least that is encrypted behind it; nothing shorter is of use. */
export const MIN_BYTES = 21;
const MAX_ID_BYTES = 20;
const LONG_HEADER = 0x80;
const LONG_TYPE = 0x30;

/**
 * The connection that a datagram names, as the key of a map; undefined when it cannot be one of QUIC. Only the first
 * packet of a datagram counts: the others belong to the same connection.
 *
 * @see RFC 9000 sections 12.2 and 17
 */
export function destinationKey(datagram: Buffer): string | undefined {
  if (datagram.length < MIN_BYTES) return undefined;
  if (!isLongHeader(datagram)) return datagram.toString('latin1', 1, 1 + ID_BYTES);
  const idBytes = datagram[5] as number;
  if (idBytes > MAX_ID_BYTES || datagram.length < 6 + idBytes) return undefined;
  return datagram.toString('latin1', 6, 6 + idBytes);
}

export function isLongHeader(datagram: Buffer): boolean {
  return ((datagram[0] as number) & LONG_HEADER) !== 0;
}

/** Of a long header. */
export function versionOf(datagram: Buffer): number {
  return datagram.readUInt32BE(1);
}

/** Whether a long header of version 1 is that of an Initial packet. */
export function isInitial(datagram: Buffer): boolean {
  return ((datagram[0] as number) & LONG_TYPE) === 0;
}
