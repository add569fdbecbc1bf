// What users of the codecs touch.

// What integrators (transports, runtimes, tools) touch.
export { faultAt, type WireFault, type WireFaultKind, type WireRule } from './bytes/fault.js';
export type { StructCodec, StructField } from './bytes/struct-codec.js';
export {
  ClosedError,
  describeFault,
  isNnrpError,
  NnrpError,
  PeerError,
  ProtocolError,
  TimeoutError,
  TransportError,
  UsageError,
  WireError,
} from './errors.js';
export { FrameIds } from './machine/frame-ids.js';
export { SchemaRegistry } from './machine/schema-registry.js';
export {
  checkOpenRequest,
  chooseSessionId,
  openedAck,
  rejectedAck,
  type SessionIds,
  type SessionOpenTerms,
} from './machine/session-open.js';
export { decodePacket } from './packet/decode-packet.js';
export type { IdentifierRule, MessageInfo } from './packet/message-info.js';
export { Packet } from './packet/packet.js';
export { buildPacket, type PacketHeader, writeHeader } from './packet/packet-builder.js';
export { checkHeaderIds, checkLengths, checkPacket } from './packet/packet-rules.js';
export { DEFAULT_MAX_PACKET_BYTES, PacketSplitter, type PacketSplitterOptions } from './packet/packet-splitter.js';
export { PREVIEW3 } from './packet/preview3-revision.js';
export type { HeaderFields, Revision } from './packet/revision.js';
/** Everything of the preview3 wire; also the subpath nnrp-core/preview3. */
export * as preview3 from './preview3.js';
