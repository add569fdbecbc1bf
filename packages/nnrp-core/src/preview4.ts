/*
 * Everything of the NNRP/1-preview4 wire: the subpath nnrp-core/preview4.
 */

// Control extension blocks of hello messages and others.
export {
  type ControlExtension,
  checkControlExtensions,
  controlExtensionBytes,
  decodeControlExtensions,
  encodeControlExtensions,
  MAX_CONTROL_EXTENSIONS,
} from './body/control/control-extensions.js';
export {
  checkHelloExtension,
  decodeHelloExtension,
  encodeHelloExtension,
  type HelloExtension,
  HelloExtensionType,
} from './body/control/hello-extensions.js';
export {
  decodePacketLimit,
  decodePeerMessages,
  encodePacketLimit,
  encodePeerMessages,
  PACKET_LIMIT_EXTENSION,
  PEER_MESSAGES_EXTENSION,
  PEER_MESSAGES_MASK,
  PeerMessages,
  UNLIMITED_BUDGET,
} from './body/control/peer-messages.js';
export {
  decodeResumePosition,
  encodeResumePosition,
  RESUME_POSITION_EXTENSION,
  RESUME_TICKET_EXTENSION,
} from './body/control/resume-position.js';
export {
  audioPayload,
  type EncodedPayloads,
  eventPayload,
  opaquePayload,
  type PayloadInput,
  type PayloadKind as TypedPayloadKind,
  tokenPayload,
  toolPayload,
  videoPayload,
} from './body/payload/payload-body.js';
export { type BodyChunks, joinBody } from './body/payload/payload-data.js';
export type { PayloadOptions } from './body/payload/payload-options.js';
export {
  TOKEN_DELTA_COUNTS,
  TOKEN_DELTA_SCHEMA,
  TOKEN_DELTA_SCHEMA_HASH,
  TOKEN_DELTA_SCHEMA_ID,
  TOKEN_DELTA_SCHEMA_VERSION,
  type TokenDelta,
} from './body/payload/token-delta.js';
// Bodies that only preview4 has.
export {
  CAPABILITY_TOKENS,
  type CapabilityToken,
  checkCapabilityTokens,
  decodeCapabilityTokens,
  encodeCapabilityTokens,
  unknownCapabilityToken,
} from './body/preview4/capability-tokens.js';
export { objectKeyOf, objectReferenceOf } from './body/preview4/object-keys.js';
// Payloads as an application has them: what they are goes in, and body and metadata come out.
export {
  decodePayloads,
  decodeTokenDeltaBody,
  encodePayloads,
  encodeTokenDeltaBody,
  type Payload,
} from './body/preview4/payloads.js';
export {
  checkRecoveryTicket,
  decodeRecoveryTicket,
  encodeRecoveryTicket,
  type RecoveryTicket,
} from './body/preview4/recovery-ticket.js';
// Region bodies of FRAME_SUBMIT and RESULT_PUSH.
export {
  type BodyParts,
  type BodyRegions,
  checkBody,
  checkObjectReferences,
  checkTypedPayloads,
  decodeBody,
  decodeObjectReferences,
  decodeTypedPayloads,
  encodeBody,
  encodeObjectReferences,
  encodeTypedPayloads,
  type ObjectReferenceOutcome,
  resolveObjectReferences,
  type TypedPayloadFrame,
  type TypedPayloadInput,
} from './body/preview4/regions.js';
// Whole submits, as the builders of the reference write them.
export type { SubmitSection } from './body/preview4/submits/section-table.js';
export type { BuiltSubmit, SubmitPolicy, SubmitRequest } from './body/preview4/submits/submit-request.js';
export {
  buildTensorSubmit,
  type TensorReferences,
  type TensorSubmitRequest,
} from './body/preview4/submits/tensor-submit.js';
export {
  buildTokenSubmit,
  buildTypedSubmit,
  type SubmitPayload,
  type SubmitTokens,
  type TokenSubmitRequest,
  type TypedSubmitRequest,
} from './body/preview4/submits/typed-submit.js';
export { decodeTensors, encodeTensorResult, encodeTensorSubmit, type Tensor } from './body/preview4/tensors.js';
export { decodeTileIndex } from './body/preview4/tile-ids.js';
export type { BodyContext } from './body/region/body-regions.js';
export {
  checkExtensionFrames,
  decodeExtensionFrames,
  type ExtensionFrame,
  type ExtensionFrameInput,
  encodeExtensionFrames,
} from './body/region/extension-frames.js';
export {
  checkInlineObjects,
  decodeInlineObjects,
  encodeInlineObjects,
  type InlineObject,
  type InlineObjectInput,
} from './body/region/inline-objects.js';
export type { ObjectKey } from './body/region/object-keys.js';
export type { RelatedIds } from './body/region/object-references.js';
export { type SubmitObjects, slotOf } from './body/region/object-slots.js';
export type { TypedPayloadContext, TypedPayloadCounts } from './body/region/typed-payload.js';
export {
  type ElementArrays,
  type ElementType,
  elementBytes,
  elementsOf,
  float32Of,
} from './body/tensor/elements.js';
export type {
  EncodedTensors,
  TensorInput,
  TensorResultMetadata,
  TensorSubmitMetadata,
} from './body/tensor/tensor-body.js';
export type { TensorContext } from './body/tensor/tensor-reader.js';
export { flagNames, type NamesByValue, type NameTable } from './bytes/tables.js';

// Structures, enumerations, flags, their names, and the message table. What is the same in preview3 is the same object.
export * from './generated/preview4/index.js';

// Machines of a connection: its operations and its sessions.
export {
  type CancelOutcome,
  ConnectionOperations,
  type ScheduleOutcome,
} from './machine/preview4/connection-operations.js';
export { type ConnectedSessionState, ConnectionSessions } from './machine/preview4/connection-sessions.js';
export type {
  ConnectionOperation,
  ConnectionOperationFault,
  OperationInit,
  OperationSchedule,
} from './machine/preview4/operation-outcome.js';
// Whole packets.
export { buildPacket, decodePacket, PacketSplitter } from './packet/preview4/packets.js';
export { PREVIEW4 } from './revisions/preview4.js';

// Rules between two messages, or a message and its header.
export { checkFlowUpdateScope } from './rules/flow.js';
export { checkHelloAck } from './rules/hello.js';
export { checkMigration } from './rules/migration.js';
export { type OpenAckOutcome, openAckOutcome } from './rules/open-ack.js';
// Rules of a message over its metadata.
export {
  judgeControlRequest,
  judgePartialResult,
  judgePressure,
  judgeProgress,
  judgeResultDropReason,
  judgeScheduling,
  judgeTraceContext,
} from './rules/preview4/control.js';
export { isInvalidated } from './rules/preview4/invalidation.js';
export { checkRecoveryRequest, type RecoveryOutcome, recoveryOutcome } from './rules/recovery.js';
