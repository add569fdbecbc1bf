import { isLongHeader, VERSION_1, versionOf } from './datagram.js';

const LONG_TYPE_SHIFT = 4;
const LONG_TYPE_MASK = 3;
const INITIAL = 0;
const RETRY = 3;
/** First byte, version and the length of an id. */
const FIXED_BYTES = 6;

/** Packets of a datagram: one of each stage of the handshake; a datagram with more is forged. */
const MAX_COALESCED = 4;

/**
 * The packets of a datagram that count: all of a short header, and those of a long one up to the fourth. One of thousands of
 * tiny packets would cost as much as thousands of datagrams.
 */
export function firstPackets(datagram: Buffer): Buffer {
  if (!isLongHeader(datagram)) return datagram;
  let end = 0;
  for (let packets = 0; packets < MAX_COALESCED && end < datagram.length; packets++) {
    end += firstPacketBytes(datagram.subarray(end));
  }
  return end === datagram.length ? datagram : datagram.subarray(0, end);
}

/**
 * Bytes of the first packet of a datagram that begins with a long header: others may follow it. Everything, when it
 * has no length of its own or cannot be read.
 *
 * @see RFC 9000 sections 12.2 and 17.2
 */
export function firstPacketBytes(datagram: Buffer): number {
  const whole = datagram.length;
  if (whole < FIXED_BYTES || !isLongHeader(datagram) || versionOf(datagram) !== VERSION_1) return whole;
  const type = ((datagram[0] as number) >> LONG_TYPE_SHIFT) & LONG_TYPE_MASK;
  if (type === RETRY) return whole;
  const scid = FIXED_BYTES + (datagram[FIXED_BYTES - 1] as number);
  let at = scid + 1 + (datagram[scid] ?? whole);
  if (type === INITIAL) at = endOfVector(datagram, at);
  return Math.min(whole, endOfVector(datagram, at));
}

/** Where so many bytes end as the number at `at` says; beyond the datagram when there is no number. */
function endOfVector(datagram: Buffer, at: number): number {
  const first = datagram[at];
  if (first === undefined) return Number.POSITIVE_INFINITY;
  const numberBytes = 1 << (first >> 6);
  if (at + numberBytes > datagram.length) return Number.POSITIVE_INFINITY;
  let length = first & 0x3f;
  for (let index = 1; index < numberBytes; index++) length = length * 256 + (datagram[at + index] as number);
  return at + numberBytes + length;
}
