/*
 * Everything of the NNRP/1-preview3 wire: the subpath nnrp-core/preview3.
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
  encodePayloads,
  eventPayload,
  opaquePayload,
  type PayloadInput,
  type PayloadKind,
  tokenPayload,
  toolPayload,
  videoPayload,
} from './body/payload/payload-body.js';
export { type BodyChunks, joinBody } from './body/payload/payload-data.js';
export type { PayloadOptions } from './body/payload/payload-options.js';
export { decodePayloads, Payload } from './body/payload/payload-reader.js';
export {
  decodeTokenDeltaBody,
  encodeTokenDeltaBody,
  TOKEN_DELTA_COUNTS,
  TOKEN_DELTA_SCHEMA,
  TOKEN_DELTA_SCHEMA_HASH,
  TOKEN_DELTA_SCHEMA_ID,
  TOKEN_DELTA_SCHEMA_VERSION,
  type TokenDelta,
} from './body/payload/token-delta.js';
// Region bodies of FRAME_SUBMIT and RESULT_PUSH.
export {
  type BodyContext,
  type BodyParts,
  type BodyRegions,
  checkBody,
  decodeBody,
  encodeBody,
} from './body/region/body-regions.js';
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
export { type ObjectKey, objectKeyOf, objectReferenceOf } from './body/region/object-keys.js';
export {
  checkObjectReferences,
  decodeObjectReferences,
  encodeObjectReferences,
  type ObjectReferenceOutcome,
  type RelatedIds,
  resolveObjectReferences,
} from './body/region/object-references.js';
export { type SubmitObjects, slotOf } from './body/region/object-slots.js';
export {
  checkTypedPayloads,
  decodeTypedPayloads,
  encodeTypedPayloads,
  type TypedPayloadContext,
  type TypedPayloadCounts,
  type TypedPayloadFrame,
  type TypedPayloadInput,
} from './body/region/typed-payload.js';
// Payloads as an application has them: what they are goes in, and body and metadata come out.
export {
  type ElementArrays,
  type ElementType,
  elementBytes,
  elementsOf,
  float32Of,
} from './body/tensor/elements.js';
export {
  type EncodedTensors,
  encodeTensorResult,
  encodeTensorSubmit,
  type TensorInput,
  type TensorResultMetadata,
  type TensorSubmitMetadata,
} from './body/tensor/tensor-body.js';
export { decodeTensors, Tensor, type TensorContext } from './body/tensor/tensor-reader.js';
export { flagNames, type NamesByValue, type NameTable } from './bytes/tables.js';

// Structures, enumerations, flags, their names, and the message table.
export * from './generated/preview3/index.js';

// Whole packets.
export { decodePacket } from './packet/decode-packet.js';

// Rules between two messages, or a message and its header.
export { checkFlowUpdateScope } from './rules/flow.js';
export { checkHelloAck } from './rules/hello.js';
export { checkMigration } from './rules/migration.js';
export { type OpenAckOutcome, openAckOutcome } from './rules/open-ack.js';
export { checkRecoveryRequest, type RecoveryOutcome, recoveryOutcome } from './rules/recovery.js';
