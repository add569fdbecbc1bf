import { EMPTY_BYTES } from '../bytes/empty-bytes.js';
import type { MessageInfo } from '../bytes/message-info.js';
import type { WireFault } from '../faults/fault.js';
import { WireError } from '../faults/wire-error.js';
import { COMMON_HEADER_OFFSETS as AT, COMMON_HEADER_BYTES } from '../generated/preview3/common-header.js';
import { PREVIEW3 } from '../revisions/preview3.js';
import type { HeaderFields, Revision } from '../revisions/revision.js';
import { checkLengths } from './packet-rules.js';

const MAGIC = 0x50524e4e;
/** version_major 1, wire_format 0, message_type 0, header_len 40, as one little-endian word. */
const VERSION_WORD = 0x28000001;

/** The header of a packet to be built; what is left out is 0. Lengths are taken from the parts. */
export type PacketHeader = Pick<HeaderFields, 'messageType'> &
  Partial<Pick<HeaderFields, 'flags' | 'sessionId' | 'frameId' | 'viewId' | 'routeId' | 'traceId' | 'headerLen'>>;

/**
 * Builds a packet as two parts that are sent one after the other: header with metadata, and the body as it was given.
 * The body is never copied.
 *
 * @param metadata - exactly as long as the message's structure
 * @param body - must not be changed until it has been sent
 * @throws WireError when the parts break a rule of the message or do not fit 32 bits
 * @see NNRP/1-preview3 section 16
 */
export function buildPacket(
  header: PacketHeader,
  metadata?: Uint8Array,
  body?: Uint8Array,
  revision: Revision = PREVIEW3,
): [head: Uint8Array, body: Uint8Array] {
  return buildPacketOf(revision, header, metadata, body);
}

/** {@link buildPacket} without a default, for programs that do not carry preview3. */
export function buildPacketOf(
  revision: Revision,
  header: PacketHeader,
  metadata: Uint8Array = EMPTY_BYTES,
  body: Uint8Array = EMPTY_BYTES,
): [head: Uint8Array, body: Uint8Array] {
  const info = revision.messageInfo(header.messageType);
  const fault = checkParts(info, metadata.length, body.length);
  if (fault !== undefined) throw new WireError(fault, info?.name ?? 'HEADER');
  const head = new Uint8Array(COMMON_HEADER_BYTES + metadata.length);
  const full: HeaderFields = {
    versionMajor: 1,
    wireFormat: 0,
    headerLen: COMMON_HEADER_BYTES,
    flags: 0,
    sessionId: 0,
    frameId: 0,
    viewId: 0,
    routeId: 0,
    traceId: 0n,
    ...header,
    metaLen: metadata.length,
    bodyLen: body.length,
  };
  revision.encodeHeader(full, new DataView(head.buffer), 0);
  head.set(metadata, COMMON_HEADER_BYTES);
  return [head, body];
}

/** A message type that is not assigned is left to the header's own check. */
function checkParts(info: MessageInfo | undefined, metadataLength: number, bodyLength: number): WireFault | undefined {
  if (metadataLength + bodyLength > 0xffffffff) return { kind: 'message_length_overflow' };
  return info && checkLengths(info, metadataLength, bodyLength);
}

/**
 * Writes the 40 bytes of a header with flags and view_id 0: the path of every packet that the runtime sends.
 * The trace id comes as its two 32-bit halves, so that no bigint is made. The caller vouches for the arguments (assigned type, unsigned 32-bit numbers, room in the view).
 */
export function writeHeader(
  view: DataView,
  start: number,
  messageType: number,
  metadataBytes: number,
  bodyBytes: number,
  sessionId: number,
  frameId: number,
  traceLow = 0,
  traceHigh = 0,
  routeId = 0,
): void {
  view.setUint32(start, MAGIC, true);
  view.setUint32(start + AT.versionMajor, VERSION_WORD | (messageType << 16), true);
  view.setUint32(start + AT.flags, 0, true);
  view.setUint32(start + AT.metaLen, metadataBytes, true);
  view.setUint32(start + AT.bodyLen, bodyBytes, true);
  view.setUint32(start + AT.sessionId, sessionId, true);
  view.setUint32(start + AT.frameId, frameId, true);
  // view_id 0, and route_id behind it.
  view.setUint32(start + AT.viewId, routeId << 16, true);
  view.setUint32(start + AT.traceId, traceLow, true);
  view.setUint32(start + AT.traceId + 4, traceHigh, true);
}
