import { COMMON_HEADER_OFFSETS as AT, COMMON_HEADER_BYTES } from 'nnrp-core/preview3';

const MAGIC = [0x4e, 0x4e, 0x52, 0x50] as const;

/** Length of a packet, from its header. Nothing else of the header is looked at. */
export function packetLength(header: Uint8Array, at: number): number {
  return COMMON_HEADER_BYTES + readUint32(header, at + AT.metaLen) + readUint32(header, at + AT.bodyLen);
}

/** Whether so many bytes begin like a packet, as far as they go. */
export function beginsLikePacket(bytes: Uint8Array, at: number, count: number): boolean {
  for (let index = 0; index < Math.min(count, MAGIC.length); index++) {
    if (bytes[at + index] !== MAGIC[index]) return false;
  }
  return true;
}

function readUint32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return low + (bytes[at + 3] as number) * 0x100_0000;
}
