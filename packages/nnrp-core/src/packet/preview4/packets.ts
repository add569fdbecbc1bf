import { PREVIEW4 } from '../../revisions/preview4.js';
import { decodePacketOf } from '../decode-packet.js';
import type { Packet } from '../packet.js';
import { buildPacketOf, type PacketHeader } from '../packet-builder.js';
import { RevisionSplitter } from '../packet-splitter.js';
import type { PacketSplitterOptions } from '../splitter-options.js';

/** Turns a byte stream into packets of preview4: the PacketSplitter of nnrp-core with another default. */
export class PacketSplitter extends RevisionSplitter {
  constructor(options: PacketSplitterOptions = {}) {
    super(options, PREVIEW4);
  }
}

/**
 * Decodes bytes that hold exactly one packet, and checks everything but the identifiers of its header (see
 * checkHeaderIds of nnrp-core). A body that its metadata announces has to be as long as that.
 *
 * @param bytes - not copied; the packet reads them in place
 * @throws WireError on the first fault
 * @see NNRP/1-preview4 section 3
 */
export function decodePacket(bytes: Uint8Array): Packet {
  return decodePacketOf(bytes, PREVIEW4);
}

/**
 * Builds a packet as two parts that are sent one after the other: header with metadata, and the body as it was given.
 * The body is never copied.
 *
 * @param metadata - exactly as long as the message's structure
 * @param body - must not be changed until it has been sent
 * @throws WireError when the parts break a rule of the message or do not fit 32 bits
 * @see NNRP/1-preview4 section 4
 */
export function buildPacket(
  header: PacketHeader,
  metadata?: Uint8Array,
  body?: Uint8Array,
): [head: Uint8Array, body: Uint8Array] {
  return buildPacketOf(PREVIEW4, header, metadata, body);
}
