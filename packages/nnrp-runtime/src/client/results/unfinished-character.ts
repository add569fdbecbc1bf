import { EMPTY_BYTES } from '../../base/bytes.js';

/** A character of UTF-8 has so many bytes at most. */
const MAX_BYTES = 4;

/**
 * The bytes of a character at the end of a text whose other bytes are still to come; at most 3.
 *
 * @param before - the same of the text in front of it
 * @param body - what has come now
 */
export function unfinishedCharacter(before: Uint8Array, body: Uint8Array): Uint8Array {
  const { length } = body;
  if (length === 0) return before;
  if ((body[length - 1] as number) < 0x80) return EMPTY_BYTES;
  const end = length >= MAX_BYTES - 1 ? body.subarray(1 - MAX_BYTES) : joined(before, body);
  for (let back = 1; back < MAX_BYTES && back <= end.length; back++) {
    const byte = end[end.length - back] as number;
    if (isContinuation(byte)) continue;
    return bytesFrom(byte) > back ? end.slice(-back) : EMPTY_BYTES;
  }
  return EMPTY_BYTES;
}

function joined(before: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(before.length + body.length);
  bytes.set(before);
  bytes.set(body, before.length);
  return bytes;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Of how many bytes a character consists that begins with this one; 1 for what begins none. */
function bytesFrom(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 1;
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : MAX_BYTES;
}
