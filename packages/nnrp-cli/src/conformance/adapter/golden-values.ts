import type { StructValue } from './message-trip.js';

/*
 * What the suite has frozen for its golden cases, as values: the bytes of a plan must say just this, and this must be written as
 * these bytes.
 */

export const HEADER: StructValue = {
  versionMajor: 1,
  wireFormat: 0,
  messageType: 0x10,
  headerLen: 40,
  flags: 0x21,
  metaLen: 48,
  bodyLen: 4096,
  sessionId: 7,
  frameId: 11,
  viewId: 2,
  routeId: 0,
  traceId: 123_456_789n,
};

export const CLIENT_HELLO: StructValue = {
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 1,
  supportedPayloadKindBitmap: 1,
  supportedCodecBitmap: 3,
  supportedCompressionBitmap: 3,
  supportedDtypeBitmap: 33,
  supportedLayoutBitmap: 3,
  cacheDigestBitmap: 1,
  cacheObjectBitmap: 7,
  cacheNamespaceCount: 1,
  maxLaneCount: 2,
  maxCacheEntries: 64,
  maxCacheBytes: 65_536,
  targetCadenceX100: 6000,
  latencyBudgetMs: 100,
  qualityTier: 2,
  degradePolicy: 0,
  requestedSessionId: 0,
  authBytes: 96,
  controlExtensionBytes: 0,
};

export const SESSION_PATCH_ACK: StructValue = {
  ackStatus: 1,
  rejectReason: 3,
  appliedPatchMask: 17,
  rejectedPatchMask: 68,
  retryAfterMs: 0,
  effectiveProfileId: 2,
  effectiveTargetCadenceX100: 9000,
  effectiveQualityTier: 360,
  effectiveDegradePolicy: 5,
  effectiveLaneMask: 3n,
  effectiveCodecBitmap: 1,
  effectiveCompressionBitmap: 3,
  profilePatchAckBytes: 16,
};

/** Session scope, with credit and a time to wait. */
export const FLOW_UPDATE: StructValue = {
  scopeKind: 1,
  updateReason: 4,
  backpressureLevel: 2,
  connectionCredit: 0,
  sessionCredit: 1,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 40,
  creditEpoch: 5,
  flowFlags: 3,
};

export const RESULT_HINT: StructValue = { appliedBudgetPolicy: 3, congestionState: 3, reason: 3, retryAfterMs: 60 };

export const FRAME_SUBMIT: StructValue = {
  srcWidth: 640,
  srcHeight: 360,
  tileWidth: 32,
  tileHeight: 32,
  tileCount: 84,
  sectionCount: 2,
  frameClass: 1,
  inputProfile: 2,
  tileIndexMode: 0,
  latencyBudgetMs: 100,
  targetFpsX100: 6000,
  retryOfFrame: 7,
  tileBaseId: 0,
  cameraBytes: 192,
  tileIndexBytes: 0,
  operationId: 0x0102030405060708n,
  submitMode: 2,
  budgetPolicy: 5,
  lossTolerancePolicy: 255,
  objectRefMask: 3,
  dependencyFrameId: 41,
  payloadKindBitmap: 0x11,
  payloadFrameCount: 2,
};

export const RESULT_PUSH: StructValue = {
  statusCode: 0,
  resultFlags: 5,
  sectionCount: 1,
  tileCount: 84,
  activeProfileId: 2,
  inferenceMs: 843,
  queueMs: 2,
  serverTotalMs: 846,
  tileBaseId: 0,
  tileIndexBytes: 16,
  resultClass: 1,
  appliedBudgetPolicy: 1,
  reusedFrameId: 41,
  coveredTileCount: 53,
  droppedTileCount: 31,
  payloadKindBitmap: 3,
  payloadFrameCount: 3,
};

export const BODY_REGION_PRELUDE: StructValue = {
  inlineObjectBytes: 24,
  objectReferenceBytes: 24,
  typedPayloadDescriptorBytes: 24,
  typedPayloadFrameBytes: 14,
  extensionDescriptorBytes: 16,
  extensionPayloadBytes: 5,
};

export const OBJECT_REFERENCE_BLOCK: StructValue = {
  objectKind: 2,
  cacheNamespace: 7,
  cacheKeyHi: 0x11223344n,
  cacheKeyLo: 0x55667788n,
};

export const TYPED_PAYLOAD_DESCRIPTOR: StructValue = {
  profileId: 2,
  payloadKind: 2,
  descriptorFlags: 2,
  schemaId: 0x1001,
  schemaVersion: 3,
  streamSemantics: 2,
  offset: 8,
  length: 24,
};
