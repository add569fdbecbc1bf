import type { Revision } from '../revisions/revision.js';

/** Largest packet taken by default: 64 MiB, header and metadata included. */
export const DEFAULT_MAX_PACKET_BYTES = 64 * 1024 * 1024;

export interface PacketSplitterOptions {
  /** Largest packet in bytes, header included; default {@link DEFAULT_MAX_PACKET_BYTES}. */
  readonly maxPacketBytes?: number;
  /** Default preview3. */
  readonly revision?: Revision;
}
