// What users of the codecs touch.

// What integrators (transports, runtimes, tools) touch.
export { faultAt, type WireFault, type WireFaultKind, type WireRule } from './bytes/fault.js';
export type { StructCodec, StructField } from './bytes/struct-codec.js';
export type { ApplicationErrorCode, NnrpErrorCode, WireErrorCode } from './error-code.js';
export {
  CancelledError,
  ClosedError,
  DeadlineError,
  describeFault,
  FlowBlockedError,
  isNnrpError,
  isPeerError,
  isWireError,
  NnrpError,
  type NnrpErrorOptions,
  PeerError,
  ProtocolError,
  SessionLostError,
  TimeoutError,
  TransportError,
  UsageError,
  WireError,
} from './errors.js';
export { forCaller, isSameFailure } from './for-caller.js';
// Machines: rules that need to remember something. No clock; what goes wrong is data.
export { checkDependencies, type DependencyState, type ObjectDependency } from './machine/cache-dependencies.js';
export { type CacheLease, isLeaseExpired, type LeaseOwner, leaseExpiresAtMs } from './machine/cache-lease.js';
export type {
  CachedObject,
  ObjectCacheLimits,
  ObjectFacts,
  ObjectRequirements,
  SchemaKey,
} from './machine/cached-object.js';
export {
  CONNECTION_TRANSITIONS,
  type ConnectionInput,
  ConnectionLifecycle,
  type InstallOutcome,
} from './machine/connection-lifecycle.js';
export { type FlowBlock, FlowGate } from './machine/flow-gate.js';
export { type FlowOutcome, FlowScope } from './machine/flow-scope.js';
export { type FlowFields, FlowSender } from './machine/flow-sender.js';
export { FrameIds } from './machine/frame-ids.js';
export {
  cacheObjectBitmap,
  type HelloOutcome,
  type HelloTerms,
  negotiateHello,
  profileBitmap,
} from './machine/hello.js';
export { IdMap, IdSet } from './machine/id-map.js';
export { IdTable } from './machine/id-table.js';
export type { ConnectionState, SessionState } from './machine/lifecycle-state.js';
export type { MemoryBudget } from './machine/memory-budget.js';
export { ObjectCache } from './machine/object-cache.js';
export { identityOf, type ObjectIdentity } from './machine/object-identity.js';
export { describeOperationFault, type OperationFault } from './machine/operation-fault.js';
export { OperationRecord, OperationRegistry } from './machine/operation-registry.js';
export { canAdvance, isTerminal, OPERATION_TRANSITIONS } from './machine/operation-state.js';
export type { SchemaBinding, SchemaChange, SchemaRefusal } from './machine/schema-outcome.js';
export { SchemaRegistry } from './machine/schema-registry.js';
export {
  SESSION_TRANSITIONS,
  type SessionInput,
  SessionLifecycle,
  type SessionTarget,
} from './machine/session-lifecycle.js';
export {
  checkOpenRequest,
  chooseSessionId,
  openedAck,
  rejectedAck,
  resumedAck,
  type SessionIds,
  type SessionOpenTerms,
} from './machine/session-open.js';
export { describeStateFault, type StateFault } from './machine/state-fault.js';
export { decodePacket } from './packet/decode-packet.js';
export type { IdentifierRule, MessageInfo } from './packet/message-info.js';
export { type OtherProtocol, otherProtocol, shownStart } from './packet/other-protocol.js';
export { Packet } from './packet/packet.js';
export { buildPacket, type PacketHeader, writeHeader } from './packet/packet-builder.js';
export { checkHeaderIds, checkLengths, checkPacket } from './packet/packet-rules.js';
export { DEFAULT_MAX_PACKET_BYTES, PacketSplitter, type PacketSplitterOptions } from './packet/packet-splitter.js';
export { PREVIEW3 } from './packet/preview3-revision.js';
export type { HeaderFields, Revision } from './packet/revision.js';
export { INSPECT, type Inspect, inspected } from './text/inspected.js';
export { shownStack } from './text/inspected-error.js';
export { plainData } from './text/plain-data.js';
export { printable, printableUtf8, shownFormats } from './text/printable.js';
export { shownAddress, shownPlain, shownValue, shownWord } from './text/shown-value.js';
export { utf8Prefix } from './text/utf8.js';
