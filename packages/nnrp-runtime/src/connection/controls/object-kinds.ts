import * as preview4 from 'nnrp-core/preview4';
import { MessageType, RuntimeRole } from 'nnrp-core/preview4';
import type { ControlKind } from './control-kind.js';

const OBJECT_DELTA: preview4.ObjectDelta = {
  objectId: 0n,
  deltaSequence: 0n,
  regionOffset: 0n,
  regionBytes: 0,
  deltaBytes: 0,
  flags: 0,
  metadataBytes: 0,
};

const deltaCodec = { bytes: preview4.OBJECT_DELTA_BYTES, encode: preview4.encodeObjectDelta };

function delta<Type extends string>(type: Type, messageType: number): ControlKind<Type, preview4.ObjectDelta> {
  return {
    type,
    messageType,
    codec: deltaCodec,
    decode: preview4.decodeObjectDelta,
    defaults: OBJECT_DELTA,
    binding: 'session',
  };
}

export const OBJECT_PATCH = /* @__PURE__ */ delta('objectPatch', MessageType.ObjectPatch);
export const OBJECT_DELTA_MESSAGE = /* @__PURE__ */ delta('objectDelta', MessageType.ObjectDelta);

export const OBJECT_DECLARE: ControlKind<'objectDeclare', preview4.ObjectDescriptor> = {
  type: 'objectDeclare',
  messageType: MessageType.ObjectDeclare,
  codec: { bytes: preview4.OBJECT_DESCRIPTOR_BYTES, encode: preview4.encodeObjectDescriptor },
  decode: preview4.decodeObjectDescriptor,
  defaults: {
    objectId: 0n,
    objectKind: preview4.RuntimeObjectKind.OpaqueBytes,
    producerRole: RuntimeRole.Unspecified,
    consumerRole: RuntimeRole.Unspecified,
    sessionId: 0,
    byteSize: 0n,
    computeCostUnits: 0,
    memoryLocationHint: preview4.MemoryLocationHint.Unspecified,
    ownershipHint: preview4.OwnershipHint.Unspecified,
    lifetimeHintMs: 0,
    metadataBytes: 0,
  },
  binding: 'session',
  length: 'metadataBytes',
};
export const OBJECT_REF: ControlKind<'objectRef', preview4.ObjectReference> = {
  type: 'objectRef',
  messageType: MessageType.ObjectRef,
  codec: { bytes: preview4.OBJECT_REFERENCE_BYTES, encode: preview4.encodeObjectReference },
  decode: preview4.decodeObjectReference,
  defaults: {
    objectId: 0n,
    operationId: 0n,
    objectVersion: 0n,
    offset: 0n,
    length: 0n,
    flags: 0,
    metadataBytes: 0,
  },
  binding: 'operation_or_session',
  operation: 'operationId',
  length: 'metadataBytes',
};
export const OBJECT_RELEASE: ControlKind<'objectRelease', preview4.ObjectRelease> = {
  type: 'objectRelease',
  messageType: MessageType.ObjectRelease,
  codec: { bytes: preview4.OBJECT_RELEASE_BYTES, encode: preview4.encodeObjectRelease },
  decode: preview4.decodeObjectRelease,
  defaults: {
    objectId: 0n,
    operationId: 0n,
    releaseReason: preview4.ObjectReleaseReason.Completed,
    sourceRole: RuntimeRole.Unspecified,
    flags: 0,
    diagnosticBytes: 0,
  },
  binding: 'operation_or_session',
  operation: 'operationId',
  length: 'diagnosticBytes',
};
export const CACHE_REFERENCE: ControlKind<'cacheReference', preview4.CacheReference> = {
  type: 'cacheReference',
  messageType: MessageType.CacheReference,
  codec: { bytes: preview4.CACHE_REFERENCE_BYTES, encode: preview4.encodeCacheReference },
  decode: preview4.decodeCacheReference,
  defaults: {
    cacheNamespace: 0,
    profileId: 0,
    reuseScope: preview4.CacheReuseScope.Session,
    cacheKeyHi: 0n,
    cacheKeyLo: 0n,
    leaseId: 0n,
    producerTraceId: 0n,
    expirationHintMs: 0,
    metadataBytes: 0,
    flags: 0,
  },
  binding: 'session',
  length: 'metadataBytes',
};
export const CACHE_MISS: ControlKind<'cacheMiss', preview4.CacheMiss> = {
  type: 'cacheMiss',
  messageType: MessageType.CacheMiss,
  codec: { bytes: preview4.CACHE_MISS_BYTES, encode: preview4.encodeCacheMiss },
  decode: preview4.decodeCacheMiss,
  defaults: {
    cacheNamespace: 0,
    profileId: 0,
    missReason: preview4.CacheMissReason.NotFound,
    cacheKeyHi: 0n,
    cacheKeyLo: 0n,
    diagnosticBytes: 0,
  },
  binding: 'session',
  length: 'diagnosticBytes',
};
