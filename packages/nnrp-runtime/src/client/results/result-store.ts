import { Packet } from 'nnrp-core';
import { pin } from '../../transport/stream/pinned.js';

const BLOCK_BYTES = 64 * 1024;

/** Memory that small packets are moved into, close together. */
export class ResultStore {
  /** Bytes that were taken for it. */
  byteLength = 0;
  private bytes = new Uint8Array(0);
  private view = new DataView(this.bytes.buffer);
  private end = 0;

  /** The same packet in memory of this store; a long one in memory of its own. */
  copy(packet: Packet): Packet {
    const { byteLength, start } = packet;
    if (byteLength * 4 > BLOCK_BYTES) {
      this.byteLength += byteLength;
      return packet.copy();
    }
    if (this.end + byteLength > this.bytes.length) {
      this.bytes = new Uint8Array(BLOCK_BYTES);
      this.view = new DataView(this.bytes.buffer);
      this.end = 0;
      this.byteLength += BLOCK_BYTES;
      // Others lie in it, too.
      pin(this.bytes.buffer);
    }
    const at = this.end;
    this.bytes.set(packet.bytes.subarray(start, start + byteLength), at);
    this.end += byteLength;
    return new Packet(this.bytes, this.view, at, packet.metadataLength, packet.bodyLength);
  }
}
