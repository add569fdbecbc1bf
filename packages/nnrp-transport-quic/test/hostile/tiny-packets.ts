/** A datagram with a Handshake packet for the connection of this id, and behind it 8000 of eight bytes each. */
export function tinyPackets(id: Uint8Array): Buffer {
  const tiny = Buffer.from('e000000001000000', 'hex');
  return Buffer.concat([Buffer.from('e00000000110', 'hex'), id, Buffer.alloc(2), ...Array(8000).fill(tiny)]);
}
