// What reads packets, reports faults and remembers state. The codecs are in preview3.ts.

export { endOfJsonText, jsonParts, MAX_JSON_DEPTH, MAX_JSON_PARTS, requireJson } from './body/payload/json-parts.js';
export type { IdentifierRule, MessageInfo } from './bytes/message-info.js';
export type { StructCodec, StructField } from './bytes/struct-codec.js';
export {
  CancelledError,
  ClosedError,
  DeadlineError,
  FlowBlockedError,
  isNnrpError,
  isPeerError,
  isWireError,
  PeerError,
  ProtocolError,
  SessionLostError,
  TimeoutError,
  TransportError,
  UsageError,
} from './errors.js';
export type { ApplicationErrorCode, NnrpErrorCode, WireErrorCode } from './faults/error-code.js';
export { faultAt, type WireFault, type WireFaultKind, type WireRule } from './faults/fault.js';
export { NnrpError, type NnrpErrorOptions } from './faults/nnrp-error.js';
export { describeFault, WireError } from './faults/wire-error.js';
export { forCaller, isSameFailure } from './for-caller.js';
export { checkDependencies, type DependencyState, type ObjectDependency } from './machine/cache/cache-dependencies.js';
export { type CacheLease, isLeaseExpired, type LeaseOwner, leaseExpiresAtMs } from './machine/cache/cache-lease.js';
export type {
  CachedObject,
  ObjectCacheLimits,
  ObjectFacts,
  ObjectRequirements,
  SchemaKey,
} from './machine/cache/cached-object.js';
export type { MemoryBudget } from './machine/cache/memory-budget.js';
export { ObjectCache } from './machine/cache/object-cache.js';
export { identityOf, type ObjectIdentity } from './machine/cache/object-identity.js';
export { IdMap, IdSet } from './machine/collections/id-map.js';
export { IdTable } from './machine/collections/id-table.js';
export { type FlowBlock, FlowGate } from './machine/flow/flow-gate.js';
export { type FlowOutcome, FlowScope } from './machine/flow/flow-scope.js';
export { type FlowFields, FlowSender } from './machine/flow/flow-sender.js';
export {
  CONNECTION_TRANSITIONS,
  type ConnectionInput,
  ConnectionLifecycle,
  type InstallOutcome,
} from './machine/lifecycle/connection-lifecycle.js';
export type { ConnectionState, SessionState } from './machine/lifecycle/lifecycle-state.js';
export {
  SESSION_TRANSITIONS,
  type SessionInput,
  SessionLifecycle,
  type SessionTarget,
} from './machine/lifecycle/session-lifecycle.js';
export { describeStateFault, type StateFault } from './machine/lifecycle/state-fault.js';
export {
  cacheObjectBitmap,
  type HelloOutcome,
  type HelloTerms,
  negotiateHello,
  profileBitmap,
} from './machine/opening/hello.js';
export {
  checkOpenRequest,
  chooseSessionId,
  openedAck,
  rejectedAck,
  resumedAck,
  type SessionIds,
  type SessionOpenTerms,
} from './machine/opening/session-open.js';
export { FrameIds } from './machine/operation/frame-ids.js';
export { describeOperationFault, type OperationFault } from './machine/operation/operation-fault.js';
export { OperationRecord, OperationRegistry } from './machine/operation/operation-registry.js';
export { canAdvance, isTerminal, OPERATION_TRANSITIONS } from './machine/operation/operation-state.js';
export type { SchemaBinding, SchemaChange, SchemaRefusal } from './machine/schema/schema-outcome.js';
export { SchemaRegistry } from './machine/schema/schema-registry.js';
export { decodePacket } from './packet/decode-packet.js';
export { type OtherProtocol, otherProtocol, shownStart } from './packet/other-protocol.js';
export { Packet } from './packet/packet.js';
export { buildPacket, type PacketHeader, writeHeader } from './packet/packet-builder.js';
export { checkHeaderIds, checkLengths, checkPacket } from './packet/packet-rules.js';
export { PacketSplitter } from './packet/packet-splitter.js';
export { DEFAULT_MAX_PACKET_BYTES, type PacketSplitterOptions } from './packet/splitter-options.js';
export { PREVIEW3 } from './revisions/preview3.js';
export type { HeaderFields, Revision } from './revisions/revision.js';
export { INSPECT, type Inspect, inspected } from './text/inspected.js';
export { shownStack } from './text/inspected-error.js';
export { plainData } from './text/plain-data.js';
export { printable, printableUtf8, shownFormats } from './text/printable.js';
export { checking, ignoreRejectionsWithin } from './text/refused-promises.js';
export { shownAddress, shownPlain, shownValue, shownWord } from './text/shown-value.js';
export { utf8Prefix } from './text/utf8.js';
