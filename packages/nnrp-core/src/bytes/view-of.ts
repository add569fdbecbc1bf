/** A view over exactly these bytes; nothing is copied. A view costs more than a decode, so make one per body. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
