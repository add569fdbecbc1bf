/** A PING of the connection, or any packet with that head: 40 bytes and a body. */
export function packet(body: Uint8Array = new Uint8Array(0), messageType = 0x71): Buffer {
  const bytes = Buffer.alloc(40 + body.length);
  bytes.write('NNRP');
  bytes[4] = 1;
  bytes[5] = 0;
  bytes[6] = messageType;
  bytes[7] = 40;
  bytes.writeUInt32LE(body.length, 16);
  bytes.set(body, 40);
  return bytes;
}
