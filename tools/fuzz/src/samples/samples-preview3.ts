import { buildPacket } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import type { Dice } from './dice.js';
import { type Contents, type Fields, NOTHING, Samples } from './samples.js';
import { workBody } from './work.js';

const ONE_TOKEN_CHUNK = { payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk, payloadFrameCount: 1 };

function extensionBlock(dice: Dice): Uint8Array {
  const entries: preview3.ControlExtension[] = [];
  if (dice.chance(0.7)) {
    entries.push({ type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() });
  }
  if (dice.chance(0.4))
    entries.push({ type: 0x8000 + dice.below(9), critical: dice.chance(0.2), payload: workBody(1, dice) });
  return preview3.encodeControlExtensions(entries);
}

function regionBody(dice: Dice): Uint8Array {
  const descriptor = {
    profileId: preview3.ProfileId.Token,
    schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
    schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
    descriptorFlags: 0,
    streamSemantics: 0,
  };
  const payload = workBody(dice.below(8), dice);
  return preview3.encodeBody({ typedPayloads: [{ descriptor, payload }] }, ONE_TOKEN_CHUNK);
}

export const OPEN_FIELDS: Fields = {
  profileId: preview3.ProfileId.Token,
  priorityClass: preview3.SessionPriorityClass.Balanced,
  schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
  defaultDeadlineMs: 0,
  maxInFlightOperations: 4,
  leaseTtlHintMs: 1000,
};

const HELLO_FIELDS: Fields = {
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 3,
  supportedPayloadKindBitmap: preview3.PAYLOAD_KIND_FLAGS_MASK,
  cacheObjectBitmap: 0x1ff,
  cacheNamespaceCount: 0xffff,
  maxLaneCount: 1,
  maxCacheEntries: 0xffffffff,
  maxCacheBytes: 0xffffffff,
};

/** What the samples of each message say; a message without a row is blank. */
export const CONTENTS: Contents = {
  CLIENT_HELLO: (dice) => {
    const auth = dice.chance(0.3) ? workBody(1, dice) : NOTHING;
    const block = extensionBlock(dice);
    return {
      fields: { ...HELLO_FIELDS, authBytes: auth.length, controlExtensionBytes: block.length },
      body: new Uint8Array(Buffer.concat([auth, block])),
    };
  },
  SERVER_HELLO_ACK: (dice) => {
    const block = extensionBlock(dice);
    return {
      fields: {
        selectedVersionMajor: 1,
        acceptedProfileBitmap: 2,
        acceptedPayloadKindBitmap: 2,
        maxLaneCount: 1,
        controlExtensionBytes: block.length,
      },
      body: block,
    };
  },
  SESSION_OPEN: (dice) => {
    const auth = dice.chance(0.3) ? workBody(1, dice) : NOTHING;
    const block = dice.chance(0.7) ? extensionBlock(dice) : NOTHING;
    const fields = {
      ...OPEN_FIELDS,
      priorityClass: dice.below(3),
      defaultDeadlineMs: dice.chance(0.3) ? 1 + dice.below(20) : 0,
      sessionFlags: dice.chance(0.3) ? dice.below(preview3.SESSION_FLAGS_MASK + 1) & ~1 : 0,
      authBytes: auth.length,
      sessionExtensionBytes: block.length,
    };
    return { fields, body: new Uint8Array(Buffer.concat([auth, block])) };
  },
  SESSION_OPEN_ACK: (dice, { sessionId }) => {
    const block = dice.chance(0.5) ? extensionBlock(dice) : NOTHING;
    const fields = {
      sessionId,
      acceptedProfileId: preview3.ProfileId.Token,
      acceptedPriorityClass: dice.chance(0.8) ? 1 : dice.below(3),
      sessionStatus: preview3.SessionStatus.Opened,
      schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
      grantedOperationCredit: 4,
      maxInFlightOperations: 4,
      leaseTtlMs: 1000,
      sessionExtensionBytes: block.length,
    };
    return { fields, body: block };
  },
  SESSION_PATCH: (dice) => {
    const body = dice.chance(0.4) ? workBody(1, dice) : NOTHING;
    const patchMask = body.length === 0 ? preview3.PatchFlags.QualityTier : preview3.PatchFlags.ProfilePatch;
    return { fields: { patchMask, qualityTier: 1, profilePatchBytes: body.length }, body };
  },
  SESSION_PATCH_ACK: (dice) => ({ fields: { appliedPatchMask: dice.below(4), ackStatus: dice.below(2) } }),
  ERROR: (dice, { sessionId, frameId }) => {
    const body = new TextEncoder().encode('it failed \u00e4\u{1f600}').subarray(0, dice.below(17));
    const errorScope = dice.of(Object.values(preview3.ErrorScope));
    const fatal = dice.chance(0.15) ? 1 : 0;
    const fields = {
      errorCode: dice.of(Object.values(preview3.ErrorCode)),
      errorScope,
      isFatal: fatal,
      relatedSessionId: sessionId,
      relatedFrameId: frameId,
      diagnosticBytes: body.length,
    };
    return { fields, body, sessionId: dice.chance(0.7) ? sessionId : 0, frameId: dice.chance(0.5) ? frameId : 0 };
  },
  SESSION_CLOSE: (dice) => ({
    fields: {
      inFlightPolicy: dice.of(Object.values(preview3.InFlightPolicy)),
      drainTimeoutMs: dice.of([0, 0, 1, 20]),
      lastOperationId: BigInt(dice.below(4)),
    },
  }),
  SESSION_CLOSE_ACK: (dice) => ({
    fields: { closeStatus: dice.of(Object.values(preview3.CloseStatus)), lastOperationId: BigInt(dice.below(4)) },
  }),
  FRAME_SUBMIT: (dice) => {
    const region = dice.chance(0.3);
    const references = dice.chance(0.15);
    const fields = {
      submitMode: references ? dice.of(Object.values(preview3.SubmitMode)) : preview3.SubmitMode.Inline,
      objectRefMask: references ? dice.below(16) : 0,
      payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk,
      payloadFrameCount: 1,
      latencyBudgetMs: dice.chance(0.2) ? 1 + dice.below(10) : 0,
    };
    return { fields, body: region ? regionBody(dice) : workBody(dice.below(8), dice) };
  },
  RESULT_PUSH: (dice) => {
    const partial = dice.chance(0.5);
    const fields = {
      activeProfileId: preview3.ProfileId.Token,
      resultClass: partial ? preview3.ResultClass.Partial : preview3.ResultClass.Complete,
      resultFlags: partial ? preview3.ResultFlags.Partial : 0,
      payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk,
      payloadFrameCount: 1,
    };
    return { fields, body: dice.chance(0.3) ? regionBody(dice) : workBody(0, dice) };
  },
  CACHE_PUT: (dice) => {
    const body = workBody(0, dice);
    const fields = {
      cacheKeyLo: dice.below(4),
      objectKind: dice.of(Object.values(preview3.CacheObjectKind)),
      ttlMs: dice.below(50),
      objectBytes: body.length,
      flags: dice.below(preview3.CACHE_PUT_FLAGS_MASK + 1),
    };
    return { fields, body };
  },
  CACHE_ACK: (dice) => ({
    fields: { cacheKeyLo: dice.below(4), status: dice.of(Object.values(preview3.CacheAckStatus)) },
  }),
  CACHE_INVALIDATE: (dice) => ({
    fields: { invalidateScope: dice.of(Object.values(preview3.CacheInvalidateScope)), cacheKeyLo: dice.below(4) },
  }),
  FLOW_UPDATE: (dice, { sessionId, frameId }, wanted) => {
    const scopeKind = wanted['scopeKind'] ?? dice.of(Object.values(preview3.ScopeKind));
    const retryAfterMs = dice.chance(0.3) ? 1 + dice.below(20) : 0;
    const fields = {
      scopeKind,
      updateReason: dice.of(Object.values(preview3.UpdateReason)),
      backpressureLevel: dice.of(Object.values(preview3.BackpressureLevel)),
      connectionCredit: scopeKind === preview3.ScopeKind.Connection ? dice.below(3) : 0,
      sessionCredit: scopeKind === preview3.ScopeKind.Session ? dice.below(3) : 0,
      operationCredit: scopeKind === preview3.ScopeKind.Operation ? dice.below(3) : 0,
      operationId: scopeKind === preview3.ScopeKind.Operation ? BigInt(frameId) : 0n,
      retryAfterMs,
      creditEpoch: dice.below(20),
      flowFlags: dice.below(preview3.FLOW_FLAGS_MASK + 1) | (retryAfterMs > 0 ? preview3.FlowFlags.RetryAfterValid : 0),
    };
    return { fields, sessionId: scopeKind === preview3.ScopeKind.Connection ? 0 : sessionId };
  },
  RESULT_HINT: (dice, { frameId }) => ({
    fields: { retryAfterMs: dice.below(20) },
    frameId: dice.chance(0.5) ? frameId : 0,
  }),
  TRANSPORT_PROBE: (dice) => {
    const body = new Uint8Array(dice.below(64));
    return { fields: { probeId: dice.below(3), probePayloadBytes: body.length }, body };
  },
  TRANSPORT_PROBE_ACK: (dice) => ({ fields: { probeId: dice.below(3) } }),
  SESSION_MIGRATE: (dice) => ({
    fields: {
      oldTransportId: preview3.TransportId.Tcp,
      newTransportId: preview3.TransportId.Quic,
      lastResultFrameId: BigInt(dice.below(4)),
    },
  }),
  SESSION_MIGRATE_ACK: (dice) => ({ fields: { acceptCode: dice.below(2), resumeFromFrameId: BigInt(dice.below(4)) } }),
};

/** Packets of preview3. */
export const PREVIEW3 = new Samples('preview3', preview3.MESSAGES, STRUCTS, CONTENTS, buildPacket);
