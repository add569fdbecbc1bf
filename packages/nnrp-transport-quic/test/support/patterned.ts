/** Bytes that differ from place to place, so that what is lost, doubled or moved shows. */
export function patterned(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x2545f491;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 0x0019660d) + 0x3c6ef35f) | 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
