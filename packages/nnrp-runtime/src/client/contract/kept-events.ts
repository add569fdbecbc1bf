import type { NnrpError, Packet } from 'nnrp-core';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import { bytesOfDetails } from '../../connection/errors/error-details.js';
import { pin } from '../../transport/stream/pinned.js';

/** What an event that waits costs besides what it brings (measured, rounded up). */
export const EVENT_BYTES = 512;
/** What an error costs besides its text and its details: it knows where it was made (measured, rounded up). */
const ERROR_BYTES = 2048;

/** What an error holds that is told of as an event. */
export function bytesOfError(error: NnrpError & { readonly details?: unknown }): number {
  return ERROR_BYTES + error.message.length * 2 + bytesOfDetails(error.details);
}

/** A packet that may wait for long, moved out of a chunk of which it needs little. */
export function keptPacket(packet: Packet): Packet {
  const kept = packet.settled();
  // As with the chunks of the transport: what several loops get, none of them can transfer away.
  if (kept !== packet) pin(kept.bytes.buffer);
  return kept;
}

/** The same of bytes. */
export function keptBytes(bytes: BodyBytes): BodyBytes {
  if (bytes.length * 2 >= bytes.buffer.byteLength) return bytes;
  const kept = new Uint8Array(bytes);
  pin(kept.buffer);
  return kept;
}
